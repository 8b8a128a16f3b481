"""Python client of the dashboard's HTTP API. Searches and trials are pandas data frames.

    from alignsearch.dashboards.client import Client

    with Client("http://127.0.0.1:8080") as client:
        client.trials("ia-digits-1").nsmallest(5, "loss")

`alignsearch.dashboards.plots` draws charts of these frames.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from alignsearch.dashboards.client.connection import Connection
from alignsearch.dashboards.client.reads import Reads, of_search

TIMEOUT_SECONDS = 60.0
"""Longest wait for a response: a first request for a search of 100,000 trials takes seconds."""


class Client(Reads):
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
        super().__init__(Connection(url, token, timeout))
        self.url = self._connection.url
        self._post, self._upload = self._connection.post, self._connection.upload

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def submit(self, space: str, **options: Any) -> str:
        """Submit a search with `alignsearch submit`'s options; return its name."""
        return str(self._post("/submit", {"space": space, **options})["name"])

    def check(self, space: str, **options: Any) -> dict[str, Any]:
        """Check a submission without submitting it: the equivalent `command`, and the `search`."""
        return self._post("/submit/check", {"space": space, **options})

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
        return str(self._upload(f"{of_search(name)}/points/file", Path(file))["message"])

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
        path = f"{of_search(name)}/results/file"
        return str(self._upload(path, Path(file), format=format, study=study)["message"])

    def import_mongotrials(self, name: str, uri: str, *, exp_key: str | None = None) -> str:
        """Import the jobs of HyperOpt's `MongoTrials`, on a dashboard without logins."""
        return self._give(name, "results", {"mongotrials": uri, "exp_key": exp_key})

    def confirm(self, name: str, *, top: int | None = None, seeds: int | None = None) -> str:
        """Repeat the best trials of a search on fresh seeds; returns the dashboard's message."""
        return self._give(name, "confirm", {"top": top, "seeds": seeds})

    def confirmation(self, name: str) -> dict[str, Any]:
        """How far a search's confirmation is, and which trial it names."""
        return self._get(f"{of_search(name)}/confirmation")

    def load(self, file: str | Path, name: str | None = None) -> str:
        """Load a search that `alignsearch dump` has written, and return its name."""
        return str(self._upload("/load", Path(file), name=name)["name"])

    def cancel_trial(self, name: str, tid: int) -> str:
        """End one trial of a search now; the search goes on."""
        return self._steer(name, f"trials/{tid}/cancel")

    def _give(self, name: str, what: str, body: dict[str, Any]) -> str:
        return str(self._post(f"{of_search(name)}/{what}", body)["message"])

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
        return str(self._post(f"{of_search(name)}/rename", {"name": new})["name"])

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
        return str(self._post(f"{of_search(name)}/longer", asked)["name"])

    def _steer(self, name: str, verb: str) -> str:
        return self._give(name, verb, {})
