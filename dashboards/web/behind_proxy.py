"""Requests that come through a reverse proxy: the path prefix, the client and the scheme.

A proxy either removes its prefix from the path or leaves it there; both work. Behind this
middleware `root_path` of a request's scope is the prefix, and `path` begins with it, as ASGI wants.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import Request
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from alignment_core.errors import ConfigurationError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_PROXIES = ("127.0.0.1", "::1")
"""Proxies that are trusted unless others are named: those of this machine."""

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~@:+%-]+)+")
_LONGEST_PREFIX = 500
"""Characters of a prefix: JupyterHub's have some dozens."""
_OWN_FOLDERS = frozenset(
    {"api", "static", "searches", "compare", "submit", "login", "docs", "openapi.json"}
)
"""First words of our own paths: with one of them as prefix, a path would have two meanings."""
_FORWARDED_HOST = "alignsearch.forwarded_host"
_PREFIX_OF_LINKS = "alignsearch.prefix"
"""Keys in a request's scope. A cookie's path must have the prefix in the encoding of its URL."""


class BehindProxy:
    """Middleware that applies the path prefix, and what trusted proxies say of a request."""

    def __init__(self, app: App, *, root_path: str, trusted_proxies: Sequence[str]) -> None:
        """Wrap `app`.

        Args:
            app: the application.
            root_path: path prefix of all pages, as `checked_prefix` returns it; "" for none.
            trusted_proxies: addresses and networks whose X-Forwarded-For, -Proto, -Host and
                -Prefix are believed; "*" is every address.
        """
        self._root_path = root_path
        # uvicorn's own middleware, because it replaces the proxy's address by the client's.
        # Starlette and uvicorn describe an application by types of their own.
        served: Any = app
        self._client_of: Any = ProxyHeadersMiddleware(served, list(trusted_proxies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the prefix and the forwarded headers, then pass the request on."""
        if scope["type"] != "http":
            await self._client_of(scope, receive, send)
            return
        prefix = self._root_path
        peer = scope["client"][0] if scope.get("client") else None
        if peer in self._client_of.trusted_hosts:
            headers = Headers(scope=scope)
            scope[_FORWARDED_HOST] = headers.get("x-forwarded-host")
            prefix = _forwarded(headers.get("x-forwarded-prefix", "")) or prefix
        if prefix:
            scope[_PREFIX_OF_LINKS] = prefix
            prefix = unquote(prefix)
            path = scope["path"]
            if path == prefix:
                path = f"{prefix}/"
            elif not path.startswith(f"{prefix}/"):
                path = prefix + path
            scope["root_path"], scope["path"] = prefix, path
        await self._client_of(scope, receive, send)


def _forwarded(text: str) -> str:
    """Return a forwarded prefix; "" for one that is no prefix."""
    try:
        return checked_prefix(text)
    except ConfigurationError:
        return ""


def checked_prefix(text: str) -> str:
    """Return a path prefix without its last slash; "" for none.

    Raises:
        ConfigurationError: it is no path, or begins like one of the dashboard's own paths.
    """
    prefix = text.rstrip("/")
    if not prefix:
        return ""
    folders = unquote(prefix).split("/")
    if (
        len(prefix) > _LONGEST_PREFIX
        or not _PREFIX.fullmatch(prefix)
        or not all(folders[1:])
        or {".", ".."} & set(folders)
        or not unquote(prefix).isprintable()
        or "\\" in unquote(prefix)
    ):
        raise ConfigurationError(
            f"--root-path {text!r} is no path prefix: give one like /alignsearch"
        )
    if folders[1] in _OWN_FOLDERS:
        raise ConfigurationError(
            f"--root-path {text!r} begins like the dashboard's own pages at /{folders[1]}: "
            "choose another prefix"
        )
    return prefix


def checked_proxies(texts: Iterable[str]) -> tuple[str, ...]:
    """Return addresses and networks of proxies.

    Raises:
        ConfigurationError: one is neither.
    """
    found = tuple(text.strip() for text in texts)
    for text in found:
        try:
            ipaddress.ip_network(text if text != "*" else "0.0.0.0/0")
        except ValueError as error:
            raise ConfigurationError(
                f"--trusted-proxy {text!r} is no IP address and no network like 10.0.0.0/8 "
                f"({error}); '*' trusts every address"
            ) from error
    return found


def root_of(request: Request) -> str:
    """Return the prefix of all links of the response, as URLs have it; "" for none."""
    prefix: str = request.scope.get(_PREFIX_OF_LINKS, "")
    return prefix


def search_page(request: Request, name: str) -> str:
    """Return the path of a search's page, for links."""
    return f"{root_of(request)}/searches/{name}"


def inner_path(scope: Scope) -> str:
    """Return the path below the prefix."""
    path: str = scope["path"]
    return path[len(scope.get("root_path", "")) :]


def forwarded_host(request: Request) -> str | None:
    """Return the Host that a trusted proxy was asked for, if it tells."""
    host: str | None = request.scope.get(_FORWARDED_HOST)
    return host
