"""Running the app until a signal ends it."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from alignsearch.dashboards.web.context import Context

GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Ends the streams of all clients first: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._context: Context = app.state.context
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._context.board.closing.set()
        self._context.board.wake()
        super().handle_exit(sig, frame)


def run(app: FastAPI, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve at the socket until SIGINT or SIGTERM; `ready` is called when it answers."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, app, ready)
    try:
        server.run([listening])
    except KeyboardInterrupt:
        # uvicorn raises the signal again once it has ended in good order.
        return
