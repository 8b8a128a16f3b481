"""A program's view of the dashboard: searches and trials as pandas data frames, over its JSON API.

    from alignsearch.dashboards.client import Client

    with Client("http://127.0.0.1:8080") as client:
        client.trials("ia-digits-1").nsmallest(5, "loss")

`alignsearch.dashboards.plots` draws what these frames hold.
"""

import gzip
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import StateConflictError, StoreUnavailableError

TIMEOUT_SECONDS = 60.0

_ERRORS: Mapping[int, type[AlignSearchError]] = {
    401: StateConflictError,
    403: StateConflictError,
    404: UnknownNameError,
    409: StateConflictError,
    429: StateConflictError,
    503: StoreUnavailableError,
}


class Client:
    """Asks one dashboard.

    Every method raises StoreUnavailableError if the dashboard or its store doesn't answer,
    UnknownNameError for a search or trial that isn't there, ConfigurationError for a value
    that can't be used, and StateConflictError for what isn't allowed now or without a token.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        token: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Nothing is sent yet. `token` is needed for steering and submitting only."""
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{url!r} is no dashboard's address, like http://HOST:PORT")
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        # The session's cookie, which a dashboard without a token asks for.
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opener.close()

    def searches(self) -> pd.DataFrame:
        """All searches, the latest first, by name."""
        found = pd.json_normalize(self._get("/searches")["searches"])
        if found.empty:
            return found
        for name in ("created_at", "updated_at"):
            found[name] = pd.to_datetime(found[name])
        return found.set_index("name")

    def search(self, name: str) -> dict[str, Any]:
        """One search: summary, space and recipe."""
        return self._get(f"/searches/{_quoted(name)}")

    def trials(self, name: str) -> pd.DataFrame:
        """All trials by tid: state, `loss`, times in seconds, metaparameters; five digits."""
        return frame_of(self._get(f"/searches/{_quoted(name)}/history"))

    def best_so_far(self, name: str) -> pd.DataFrame:
        """The trials that were the best when they finished, by how many had finished by then."""
        best = self._get(f"/searches/{_quoted(name)}/changes", since=2**53)["best"]
        return pd.DataFrame(best).set_index("number")

    def epochs(self, name: str, tid: int) -> pd.DataFrame:
        """What a trial's epochs measured, by attempt and epoch."""
        found = self._get(f"/searches/{_quoted(name)}/trials/{tid}/epochs")
        columns = {key: value for key, value in found.items() if isinstance(value, list)}
        columns.pop("layers")
        return pd.DataFrame(columns).set_index(["attempt", "epoch"])

    def layers(self, name: str, tid: int) -> pd.DataFrame:
        """Angle (degrees) and norm ratio of each layer, by attempt, epoch and layer."""
        found = self._get(f"/searches/{_quoted(name)}/trials/{tid}/epochs")
        frames = [
            pd.DataFrame(
                {
                    "attempt": found["attempt"],
                    "epoch": found["epoch"],
                    "layer": layer["name"],
                    "angle": layer["angle"],
                    "norm_ratio": layer["norm_ratio"],
                }
            )
            for layer in found["layers"]
        ]
        index = ["attempt", "epoch", "layer"]
        if not frames:
            return pd.DataFrame(columns=["angle", "norm_ratio"])
        return pd.concat(frames).set_index(index).astype(np.float64)

    def curves(self, name: str, *, top: int = 10, limit: int = 300) -> pd.DataFrame:
        """Learning curves of the best trials and others evenly by rank, by tid and epoch."""
        found = self._get(f"/searches/{_quoted(name)}/curves", top=top, limit=limit)
        rows = [
            (curve["tid"], epoch, error, curve["rank"], curve["top"])
            for curve in found["curves"]
            for epoch, error in zip(curve["epoch"], curve["error"], strict=True)
        ]
        columns = ["tid", "epoch", "error", "rank", "top"]
        return pd.DataFrame(rows, columns=columns).set_index(["tid", "epoch"])

    def failures(self, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Failures by reason, and what became of the attempts by host."""
        found = self._get(f"/searches/{_quoted(name)}/failures")
        by_reason = pd.DataFrame(found["by_reason"], columns=["kind", "reason", "count", "tids"])
        hosts = ["host", "attempts", "crashed", "expired", "diverged"]
        return by_reason, pd.DataFrame(found["by_host"], columns=hosts).set_index("host")

    def importance(self, name: str) -> dict[str, Any]:
        """What the score depends on; its `state` is `computing` until it is known."""
        return self._get(f"/searches/{_quoted(name)}/importance")

    def events(self, name: str) -> pd.DataFrame:
        """What was done to a search, the oldest first."""
        found = self._get(f"/searches/{_quoted(name)}/events")["events"]
        frame = pd.DataFrame(found, columns=["at", "who", "what", "detail"])
        return frame.assign(at=pd.to_datetime(frame["at"]))

    def table(self, names: Sequence[str], *, published: bool = False) -> pd.DataFrame:
        """The best configurations as columns of Table 5, printed as there."""
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

    def _steer(self, name: str, verb: str) -> str:
        return str(self._post(f"/searches/{_quoted(name)}/{verb}", {})["message"])

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        given = {
            key: str(value).lower() if isinstance(value, bool) else value
            for key, value in parameters.items()
        }
        query = f"?{urllib.parse.urlencode(given, doseq=True)}" if given else ""
        return self._ask(urllib.request.Request(f"{self.url}/api{path}{query}"))

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/api{path}", json.dumps(body).encode(), method="POST"
        )
        request.add_header("Content-Type", "application/json")
        if self._token is not None:
            request.add_header("Authorization", f"Bearer {self._token}")
        else:
            request.add_header("X-CSRF-Token", self._get("/session")["csrf"])
        return self._ask(request)

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        request.add_header("Accept-Encoding", "gzip")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                content = answer.read()
                packed = answer.headers.get("Content-Encoding") == "gzip"
        except urllib.error.HTTPError as error:
            raise _error_of(error) from None
        except OSError as error:
            raise StoreUnavailableError(
                f"no dashboard answers at {self.url} ({error}): start one with "
                "`alignsearch dashboard`"
            ) from error
        data: dict[str, Any] = json.loads(gzip.decompress(content) if packed else content)
        return data


def frame_of(history: Mapping[str, Any]) -> pd.DataFrame:
    """A columnar history as a frame: categories by their options, times as UTC."""
    frame: dict[str, Any] = {}
    for column in history["columns"]:
        values = history["values"].get(column["name"], [])
        if column["kind"] == "category":
            codes = [-1 if value is None else value for value in values]
            frame[column["name"]] = pd.Categorical.from_codes(codes, column["options"])
        elif column["kind"] == "time":
            seconds = np.array(values, dtype=np.float64) + history["epoch0"]
            frame[column["name"]] = pd.to_datetime(seconds, unit="s", utc=True)
        else:
            frame[column["name"]] = np.array(values, dtype=np.float64)
    return pd.DataFrame(frame).astype({"tid": np.int64}).set_index("tid").sort_index()


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _error_of(error: urllib.error.HTTPError) -> AlignSearchError:
    try:
        message = json.loads(error.read())["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"the dashboard answers {error.code} {error.reason}"
    kind = _ERRORS.get(error.code, ConfigurationError)
    if kind is UnknownNameError:
        # The message names the nearest known names already.
        unknown = UnknownNameError.__new__(UnknownNameError)
        unknown.args = (message,)
        return unknown
    return kind(message)
