"""ASGI middleware that checks each request's Host and size, and adds security headers."""

import re
from collections.abc import Sequence

from pydantic_core import to_json
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from alignsearch.dashboards.web.behind_proxy import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    inner_path,
)
from alignsearch.search.use_cases.loopback import is_loopback

DRAINED_BODY = 32 * 2**20
"""Limits how many bytes of a refused body are read and dropped."""
LARGEST_BODY = 64 * 1024
"""Bytes of a request's body. The largest of ours, a submission, has a few thousand."""
LARGEST_FILE = 256 * 2**20
"""Bytes of a file that a request uploads: a dump of 10,000 trials of 45 epochs, compressed, has a
tenth as many. It goes to the disk piece by piece, and only after its sender's rights were checked.
"""

_UPLOAD = re.compile(r"/api/(load|searches/[^/]+/(points|results)/file)")
"""Paths of the endpoints that take files."""
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
"""A host that a message repeats in a command."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Middleware that refuses foreign hosts and large bodies, and adds security headers.

    With `loopback_only` the server listens on the loopback interface. A request with another Host
    then comes from a foreign page whose name resolves to this machine (DNS rebinding), unless it
    is one of `allowed_hosts`. A server on another address refuses other hosts if it has some.
    """

    def __init__(self, app: App, *, loopback_only: bool, allowed_hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._allowed_hosts = [host.lower() for host in allowed_hosts]
        self._any_host = not loopback_only and not allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request and pass it on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._any_host and not self._knows(host_of(host)):
            await _refuse(send_safely, 400, "bad_host", self._unknown(host))
            return
        largest = LARGEST_FILE if _UPLOAD.fullmatch(inner_path(scope)) else LARGEST_BODY
        too_large = f"the body is larger than {largest} bytes"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > largest:
            await _drain(receive, {"more_body": True}, 0)
            await _refuse(send_safely, 413, "too_large", too_large)
            return
        received = 0

        async def receive_little() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > largest:
                await _drain(receive, message, received)
                raise HTTPException(413, too_large)
            return message

        await self._app(scope, receive_little, send_safely)

    def _knows(self, host: str) -> bool:
        return is_loopback(host) or host.lower().rstrip(".") in self._allowed_hosts

    def _unknown(self, host: str) -> str:
        known = ", ".join(["localhost", "127.0.0.1", *self._allowed_hosts])
        name = host_of(host) if _HOST.fullmatch(host_of(host)) else "NAME"
        return (
            f"this dashboard answers to {known} only, not to the Host {host!r}: if people reach it "
            f"by this name, start it with `alignsearch dashboard --allow-host {name}`, and with "
            "`--root-path /PREFIX` where a proxy shows it below a path"
        )


async def _drain(receive: Receive, message: Message, received: int) -> None:
    """Read the rest of a refused body, up to `DRAINED_BODY` bytes of it in all, and drop it.

    A client that is still sending would not see the response before the end.
    """
    while message.get("more_body") and received < DRAINED_BODY:
        message = await receive()
        received += len(message.get("body", b""))


def host_of(host: str) -> str:
    """The name or address of a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def error_json(code: str, message: str, field: str | None = None) -> bytes:
    """An error as the JSON that all endpoints respond with."""
    return to_json({"error": {"code": code, "message": message, "field": field}})


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": error_json(code, message)})
