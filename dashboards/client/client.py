"""Python client of the dashboard's HTTP API. Searches and trials are pandas data frames.

    from alignsearch.dashboards.client import Client

    with Client("http://127.0.0.1:8080") as client:
        client.trials("ia-digits-1").nsmallest(5, "loss")

`alignsearch.dashboards.plots` draws charts of these frames.
"""

import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from alignsearch.dashboards.client.connection import Connection
from alignsearch.dashboards.client.frames import frame_of, times, with_numbers

TIMEOUT_SECONDS = 60.0
"""Longest wait for a response: a first request for a search of 100,000 trials takes seconds."""
LATEST = 2**53
"""A revision after which nothing has changed."""


class Client:
    """Client of one dashboard.

    Every method raises StoreUnavailableError if the dashboard or its store doesn't answer,
    UnknownNameError for an unknown search or trial, ConfigurationError for a value out of range,
    and StateConflictError for a change that isn't allowed now or needs a token.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        token: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Send nothing yet. `token` is needed to steer and submit where the dashboard has one."""
        self._connection = Connection(url, token, timeout)
        self.url = self._connection.url
        self._get, self._post = self._connection.get, self._connection.post
        self._upload = self._connection.upload

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

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
        return self._get(f"/searches/{_quoted(name)}")

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
        return frame_of(self._get(f"/searches/{_quoted(name)}/history", exact=True))

    def best_so_far(self, name: str) -> pd.DataFrame:
        """Trials that were the best when they finished, by how many had finished by then.

        `finished` is the time at which a trial ended, in UTC.
        """
        found = self._get(f"/searches/{_quoted(name)}/changes", since=LATEST, exact=True)
        best = found["best"]
        finished = times(best["finished"], found["epoch0"])
        return pd.DataFrame({**best, "finished": finished}).set_index("number")

    def front(self, name: str) -> list[int]:
        """Numbers of the trials than which no other one is better in every metric of a search.

        They are sorted by the first metric, the best first. A search of one metric has none.
        """
        found: list[int] = self._get(f"/searches/{_quoted(name)}/changes", since=LATEST)["front"]
        return found

    def epochs(self, name: str, tid: int) -> pd.DataFrame:
        """The numbers that a trial reported, by attempt and epoch (or step)."""
        found = self._get(f"/searches/{_quoted(name)}/trials/{tid}/epochs")
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
        found = self._get(f"/searches/{_quoted(name)}/trials/{tid}/epochs")
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
        found = self._get(f"/searches/{_quoted(name)}/curves", top=top, limit=limit, **wanted)
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
        found = self._get(f"/searches/{_quoted(name)}/failures")
        by_reason = pd.DataFrame(found["by_reason"], columns=["kind", "reason", "count", "tids"])
        hosts = ["host", "attempts", "crashed", "expired", "diverged"]
        return by_reason, pd.DataFrame(found["by_host"], columns=hosts).set_index("host")

    def importance(self, name: str, metric: str | None = None) -> dict[str, Any]:
        """Importance of the metaparameters; while `state` is `computing`, ask again.

        metric: the metric to explain, by name; the search's first one by default.
        """
        wanted = {"metric": metric} if metric is not None else {}
        return self._get(f"/searches/{_quoted(name)}/importance", **wanted)

    def events(self, name: str) -> pd.DataFrame:
        """Events of a search, the oldest first."""
        found = self._get(f"/searches/{_quoted(name)}/events")["events"]
        frame = pd.DataFrame(found, columns=["at", "who", "what", "detail"])
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

    def table(self, names: Sequence[str], *, published: bool = False) -> pd.DataFrame:
        """The best trials of some searches as columns of their table, rounded for reading."""
        found = self._get("/table", name=list(names), published=published)
        rows = {row["name"]: row["cells"] for row in found["rows"]}
        titles = [column["title"] for column in found["columns"]]
        return pd.DataFrame.from_dict(rows, orient="index", columns=titles)

    def submit(self, space: str, **options: Any) -> str:
        """Submit a search with `alignsearch submit`'s options; return its name."""
        return str(self._post("/submit", {"space": space, **options})["name"])

    def pause(self, name: str) -> str:
        """Begin no new trials; running ones finish."""
        return self._steer(name, "pause")

    def resume(self, name: str) -> str:
        """Let a paused search go on."""
        return self._steer(name, "resume")

    def stop(self, name: str) -> str:
        """End a search for good; running trials finish."""
        return self._steer(name, "stop")

    def cancel(self, name: str) -> str:
        """End a search and its running trials now."""
        return self._steer(name, "cancel")

    def enqueue(self, name: str, points: Sequence[Mapping[str, Any]]) -> str:
        """Let a search try points before it suggests others: values by dimension."""
        return self._give(name, "points", {"points": [dict(each) for each in points]})

    def enqueue_file(self, name: str, file: str | Path) -> str:
        """Let a search try the points of a file first: CSV with a header, or JSON lines."""
        return str(self._upload(f"/searches/{_quoted(name)}/points/file", Path(file))["message"])

    def enqueue_published(self, name: str) -> str:
        """Let a search try its space's columns of Table 5 first."""
        return self._give(name, "points", {"published": True})

    def enqueue_from(self, name: str, other: str, top: int = 5) -> str:
        """Let a search try the best points of another one first."""
        return self._give(name, "points", {"from_search": other, "top": top})

    def retry(self, name: str, *tids: int) -> str:
        """Try failed trials again, those of these numbers or all."""
        return self._give(name, "retry", {"tids": list(tids)} if tids else {})

    def import_csv(self, name: str, table: str) -> str:
        """Import results from elsewhere as finished trials: CSV with a header."""
        return self._give(name, "results", {"table": table})

    def import_file(
        self, name: str, file: str | Path, format: str = "csv", *, study: str | None = None
    ) -> str:
        """Import the results of a file: CSV, or Optuna's SQLite file with the format `optuna`."""
        path = f"/searches/{_quoted(name)}/results/file"
        return str(self._upload(path, Path(file), format=format, study=study)["message"])

    def import_mongotrials(self, name: str, uri: str, *, exp_key: str | None = None) -> str:
        """Import the jobs of HyperOpt's `MongoTrials`, on a dashboard without logins."""
        return self._give(name, "results", {"mongotrials": uri, "exp_key": exp_key})

    def confirm(self, name: str, *, top: int | None = None, seeds: int | None = None) -> str:
        """Repeat the best trials of a search on fresh seeds; returns the dashboard's message."""
        return self._give(name, "confirm", {"top": top, "seeds": seeds})

    def confirmation(self, name: str) -> dict[str, Any]:
        """How far a search's confirmation is, and which trial it names."""
        return self._get(f"/searches/{_quoted(name)}/confirmation")

    def load(self, file: str | Path, name: str | None = None) -> str:
        """Load a search that `alignsearch dump` has written, and return its name."""
        return str(self._upload("/load", Path(file), name=name)["name"])

    def cancel_trial(self, name: str, tid: int) -> str:
        """End one trial of a search now; the search goes on."""
        return self._steer(name, f"trials/{tid}/cancel")

    def _give(self, name: str, what: str, body: dict[str, Any]) -> str:
        return str(self._post(f"/searches/{_quoted(name)}/{what}", body)["message"])

    def extend(self, name: str, trials: int, **rules: Any) -> str:
        """Let a search go on to so many trials in all, with `alignsearch extend`'s options."""
        return self._give(name, "extend", {"trials": trials, **rules})

    def set(self, name: str, **settings: Any) -> str:
        """Change a search's settings while it lives, with `alignsearch set`'s options."""
        return self._give(name, "set", settings)

    def delete(self, name: str) -> str:
        """Delete the search with all that belongs to it; returns the dashboard's message."""
        return self._give(name, "delete", {})

    def rename(self, name: str, new: str) -> str:
        """Give the search another name, and return it."""
        return str(self._post(f"/searches/{_quoted(name)}/rename", {"name": new})["name"])

    def note(self, name: str, text: str) -> str:
        """Write a note on the search; returns the dashboard's message."""
        return self._give(name, "note", {"note": text})

    def tag(self, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> str:
        """Add tags to the search and remove others; returns the dashboard's message."""
        tags = {"add": list(add), "remove": list(remove)}
        return self._give(name, "tags", tags)

    def train_longer(
        self, name: str, tid: int | None = None, *, epochs: int = 100, seeds: int = 5
    ) -> str:
        """Submit a search that trains the best trial, or `tid`, for longer; returns its name."""
        asked = {"tid": tid, "epochs": epochs, "seeds": seeds}
        return str(self._post(f"/searches/{_quoted(name)}/longer", asked)["name"])

    def _steer(self, name: str, verb: str) -> str:
        return self._give(name, verb, {})


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
