"""The part of the client that reads: searches, trials and what became of them, mostly as frames."""

import urllib.parse
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from alignsearch.dashboards.client.connection import Connection
from alignsearch.dashboards.client.frames import frame_of, times, with_numbers

LATEST = 2**53
"""A revision after which nothing has changed."""

Format = Literal["text", "markdown", "latex", "csv", "json"]


class Reads:
    """Reads from one dashboard."""

    def __init__(self, connection: Connection) -> None:
        """Send nothing yet."""
        self._connection = connection
        self._get, self._get_text = connection.get, connection.get_text

    def health(self) -> dict[str, Any]:
        """The state of the store, which answers or not, and the version of the dashboard."""
        return self._get("/health")

    def notices(self) -> pd.DataFrame:
        """Notices of all searches: ends of the last day, and troubles that go on, by their ids."""
        found = self._get("/notices")["notices"]
        return pd.DataFrame(found, columns=["id", "kind", "search", "text"]).set_index("id")

    def searches(self, *tags: str) -> pd.DataFrame:
        """All searches by name, or those with all of the tags, the latest first."""
        found = pd.json_normalize(self._get("/searches", tag=tags)["searches"])
        if found.empty:
            return found
        for name in ("created_at", "updated_at"):
            found[name] = pd.to_datetime(found[name], utc=True)
        return with_numbers(found).set_index("name")

    def search(self, name: str) -> dict[str, Any]:
        """A search: summary, space, recipe, versions and hosts."""
        return self._get(of_search(name))

    def parameters(self, name: str) -> pd.DataFrame:
        """Metaparameters of a search's space by name: label, kind, low, high, options, when."""
        parameters = self.search(name)["space"]["parameters"]
        columns = ["name", "label", "kind", "log", "low", "high", "options", "when"]
        return pd.DataFrame(parameters, columns=columns, dtype=object).set_index("name")

    def trials(self, name: str) -> pd.DataFrame:
        """All trials by number: state, `loss`, times, metaparameters, to the last digit.

        The types are those of `SearchHandle.trials()`: whole numbers are nullable integers, other
        numbers 64-bit floats, choices categories, and times are in UTC. The loss is minimized. A
        metric that is maximized has a column of its own name, too. A trial has no value of a
        metaparameter that its choices leave out.
        """
        return frame_of(self._get(f"{of_search(name)}/history", exact=True))

    def best_so_far(self, name: str) -> pd.DataFrame:
        """Trials that were the best when they finished, by how many had finished by then.

        `finished` is the time at which a trial ended, in UTC.
        """
        found = self._get(f"{of_search(name)}/changes", since=LATEST, exact=True)
        best = found["best"]
        finished = times(best["finished"], found["epoch0"])
        return pd.DataFrame({**best, "finished": finished}).set_index("number")

    def front(self, name: str) -> list[int]:
        """Numbers of the trials than which no other one is better in every metric of a search.

        They are sorted by the first metric, the best first. A search of one metric has none.
        """
        found: list[int] = self._get(f"{of_search(name)}/changes", since=LATEST)["front"]
        return found

    def epochs(self, name: str, tid: int) -> pd.DataFrame:
        """The numbers that a trial reported, by attempt and epoch (or step)."""
        found = self._get(f"{of_search(name)}/trials/{tid}/epochs")
        columns = {key: found[key] for key in ("attempt", "epoch", "seconds")}
        for each in found["series"]:
            taken = each["name"] in columns
            columns[f"metric.{each['name']}" if taken else each["name"]] = each["values"]
        return pd.DataFrame(columns).set_index(["attempt", "epoch"]).astype(np.float64)

    def layers(self, name: str, tid: int) -> pd.DataFrame:
        """Measurements of each layer, by attempt, epoch and layer.

        `angle` is the angle between the backward and the forward kernel, `norm_ratio` the norm of
        the backward kernel over that of the forward kernel. `gradient_angle` is the update angle:
        between the pseudogradient and the true gradient. `sign_agreement` is the share of the
        forward kernel's entries whose sign the backward kernel's have. Angles are in degrees; what
        wasn't measured is NaN.
        """
        found = self._get(f"{of_search(name)}/trials/{tid}/epochs")
        frames = [
            pd.DataFrame(
                {
                    "attempt": found["attempt"],
                    "epoch": found["epoch"],
                    "layer": layer["name"],
                    "angle": layer["angle"],
                    "norm_ratio": layer["norm_ratio"],
                    "gradient_angle": layer["gradient_angle"] or [None] * found["count"],
                    "sign_agreement": layer["sign_agreement"] or [None] * found["count"],
                }
            )
            for layer in found["layers"]
        ]
        index = ["attempt", "epoch", "layer"]
        if not frames:
            columns = ["angle", "norm_ratio", "gradient_angle", "sign_agreement"]
            return pd.DataFrame(columns=columns)
        return pd.concat(frames).set_index(index).astype(np.float64)

    def curves(
        self, name: str, *, metric: str | None = None, top: int = 10, limit: int = 300
    ) -> pd.DataFrame:
        """Learning curves of the best trials and others evenly by rank, by tid and epoch.

        metric: a number that the trials report, by name; the search's own metric by default.
        """
        wanted = {"metric": metric} if metric is not None else {}
        found = self._get(f"{of_search(name)}/curves", top=top, limit=limit, **wanted)
        rows = [
            (curve["tid"], epoch, value, curve["rank"], curve["top"])
            for curve in found["curves"]
            for epoch, value in zip(curve["epoch"], curve["values"], strict=True)
        ]
        columns = ["tid", "epoch", "value", "rank", "top"]
        return pd.DataFrame(rows, columns=columns).set_index(["tid", "epoch"])

    def metric(self, name: str) -> dict[str, str]:
        """The number that a search's trials are compared by: name, label and direction."""
        found: dict[str, str] = self.search(name)["summary"]["metric"]
        return found

    def failures(self, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Failures by reason, and attempts and their failures by host."""
        found = self._get(f"{of_search(name)}/failures")
        by_reason = pd.DataFrame(found["by_reason"], columns=["kind", "reason", "count", "tids"])
        hosts = ["host", "attempts", "crashed", "expired", "diverged"]
        return by_reason, pd.DataFrame(found["by_host"], columns=hosts).set_index("host")

    def importance(self, name: str, metric: str | None = None) -> dict[str, Any]:
        """Importance of the metaparameters; while `state` is `computing`, ask again.

        metric: the metric to explain, by name; the search's first one by default.
        """
        wanted = {"metric": metric} if metric is not None else {}
        return self._get(f"{of_search(name)}/importance", **wanted)

    def events(self, name: str) -> pd.DataFrame:
        """Events of a search, the oldest first."""
        found = self._get(f"{of_search(name)}/events")["events"]
        frame = pd.DataFrame(found, columns=["at", "who", "what", "detail"])
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

    def table(self, names: Sequence[str], *, published: bool = False) -> pd.DataFrame:
        """The best trials of some searches as columns of their table, rounded for reading."""
        found = self._get("/table", name=list(names), published=published)
        rows = {row["name"]: row["cells"] for row in found["rows"]}
        titles = [column["title"] for column in found["columns"]]
        return pd.DataFrame.from_dict(rows, orient="index", columns=titles)

    def rules(self) -> pd.DataFrame:
        """The learning rules of `alignsearch experiment rules`, by the name of each one's search.

        The columns are the table's (data set, network, budget) and the rule's: state, errors of
        its fresh seeds, their mean with its interval, and its chance of being the best. Rules of
        one table follow each other, the lowest mean first.
        """
        rows = [
            {**{key: table[key] for key in table if key not in ("rules", "words")}, **rule}
            for table in self._get("/rules")["tables"]
            for rule in table["rules"]
        ]
        if not rows:
            return pd.DataFrame()
        return with_numbers(pd.DataFrame(rows)).set_index("search")

    def trial(self, name: str, tid: int) -> dict[str, Any]:
        """A trial: its configuration, result, attempts and times, and why it failed or diverged."""
        return self._get(f"{of_search(name)}/trials/{tid}")

    def reuse(self, name: str, tid: int) -> dict[str, Any]:
        """A trial's configuration as Python, JSON and a command, and where its weights are."""
        return self._get(f"{of_search(name)}/trials/{tid}/reuse")

    def log(self, name: str, tid: int, attempt: int | None = None) -> pd.DataFrame:
        """The last lines of the log of an attempt, the last attempt by default."""
        wanted = {"attempt": attempt} if attempt is not None else {}
        found = self._get(f"{of_search(name)}/trials/{tid}/log", **wanted)["lines"]
        frame = pd.DataFrame(found, columns=["at", "level", "text"])
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

    def slots(self, name: str) -> pd.DataFrame:
        """Which attempt took which slot when, in the order of their begin, with times in UTC.

        `lane` is the slot, from 0, and `end` says how the attempt ended, or `running`. A search
        with very many attempts has the latest ones.
        """
        found = self._get(f"{of_search(name)}/slots")
        epoch0 = self.search(name)["summary"]["created_at"]
        begun = pd.Timestamp(epoch0).timestamp()
        columns = {key: found[key] for key in ("tid", "attempt", "lane")}
        columns |= {key: times(found[key], begun) for key in ("started", "ended")}
        return pd.DataFrame({**columns, "end": found["end"]}).sort_values("started")

    def slot_hours(self, name: str) -> dict[str, float]:
        """Slot hours of a search by how its attempts ended."""
        found: dict[str, float] = self._get(f"{of_search(name)}/slots")["hours"]
        return found

    def export(
        self, names: Sequence[str], format: Format = "markdown", *, published: bool = False
    ) -> str:
        """The best trials of some searches as columns of one table, as text.

        published: whether the paper's own columns stand beside them.
        """
        return self._get_text("/export", name=list(names), format=format, published=published)

    def export_trial(self, name: str, tid: int, format: Format = "markdown") -> str:
        """A trial as a column of its search's table, as text."""
        return self._get_text(f"{of_search(name)}/trials/{tid}/export", format=format)

    def submit_form(self) -> dict[str, Any]:
        """The definitions that `submit` takes, and its options with their defaults."""
        return self._get("/submit")


def of_search(name: str) -> str:
    """Return the path of a search's endpoints, for any name."""
    return f"/searches/{urllib.parse.quote(name, safe='')}"
