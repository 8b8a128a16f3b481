"""Runs the application until SIGINT or SIGTERM."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from alignsearch.dashboards.web.context import Context

GRACE_SECONDS = 2
"""Open requests may take so long to finish after the signal."""


class _Server(uvicorn.Server):
    """A uvicorn server that ends all event streams on a signal: they have no end of their own."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._context: Context = app.state.context
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections and call `ready`."""
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End all streams, then shut down."""
        self._context.mirror.closing.set()
        self._context.mirror.notify()
        super().handle_exit(sig, frame)


def run(app: FastAPI, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on the socket until SIGINT or SIGTERM. `ready` is called once it accepts requests."""
    config = uvicorn.Config(
        app,
        log_config=None,
        # The application does it itself, because it needs the proxy's own address.
        proxy_headers=False,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, app, ready)
    try:
        server.run([listening])
    except KeyboardInterrupt:
        # uvicorn raises the signal again after an orderly shutdown.
        return
