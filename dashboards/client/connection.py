"""HTTP requests to a dashboard, and its errors as exceptions."""

import gzip
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import StateConflictError, StoreUnavailableError
from alignsearch.search.use_cases.loopback import is_loopback

_ERRORS: Mapping[int, type[AlignSearchError]] = {
    401: StateConflictError,
    403: StateConflictError,
    404: UnknownNameError,
    409: StateConflictError,
    429: StateConflictError,
    503: StoreUnavailableError,
}
"""Exceptions by HTTP status; any other status of an error is a ConfigurationError."""


class Connection:
    """Sends requests to one dashboard and keeps its session's cookie.

    Args:
        url: address of the dashboard, `http://HOST:PORT`.
        token: the dashboard's token; without one, changes need a dashboard on this machine.
        timeout: seconds that a response may take.

    Raises:
        ConfigurationError: `url` is no such address.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{url!r} is no dashboard's address, like http://HOST:PORT")
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        # A proxy of the environment would look for a dashboard on its own machine.
        own = is_loopback(urllib.parse.urlsplit(url).hostname or "")
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(),
            urllib.request.ProxyHandler({} if own else None),
        )

    def close(self) -> None:
        """Close the connection."""
        self._opener.close()

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Read JSON from an endpoint, with query parameters."""
        found: dict[str, Any] = json.loads(self._read(path, parameters))
        return found

    def get_text(self, path: str, **parameters: Any) -> str:
        """Read text from an endpoint, with query parameters."""
        return self._read(path, parameters).decode()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send JSON to an endpoint, with the token or the session's CSRF token."""
        return self._change(path, json.dumps(body).encode(), "application/json")

    def upload(self, path: str, file: Path, **parameters: str | None) -> dict[str, Any]:
        """Send a file to an endpoint, with the query parameters that aren't None.

        Raises:
            ConfigurationError: the file can't be read.
        """
        given = {"file": file.name, **{key: each for key, each in parameters.items() if each}}
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} can't be read: {error.strerror or error}") from error
        path = f"{path}?{urllib.parse.urlencode(given)}"
        return self._change(path, content, "application/octet-stream")

    def _change(self, path: str, content: bytes, media_type: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/api{path}", content, method="POST")
        request.add_header("Content-Type", media_type)
        if self._token is not None:
            request.add_header("Authorization", f"Bearer {self._token}")
        else:
            request.add_header("X-CSRF-Token", self.get("/session")["csrf"])
        found: dict[str, Any] = json.loads(self._send(request))
        return found

    def _read(self, path: str, parameters: Mapping[str, Any]) -> bytes:
        given = {
            key: str(value).lower() if isinstance(value, bool) else value
            for key, value in parameters.items()
        }
        query = f"?{urllib.parse.urlencode(given, doseq=True)}" if given else ""
        return self._send(urllib.request.Request(f"{self.url}/api{path}{query}"))

    def _send(self, request: urllib.request.Request) -> bytes:
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
        return gzip.decompress(content) if packed else content


def _error_of(error: urllib.error.HTTPError) -> AlignSearchError:
    try:
        message = json.loads(error.read())["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"the dashboard answers {error.code} {error.reason}"
    kind = _ERRORS.get(error.code, ConfigurationError)
    if kind is UnknownNameError:
        # The server's message already lists known names; the constructor would add its own list.
        unknown = UnknownNameError.__new__(UnknownNameError)
        unknown.args = (message,)
        return unknown
    return kind(message)
