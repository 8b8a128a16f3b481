"""The server: a store, read by one poll, behind an API and pages."""

import asyncio
import importlib.metadata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from alignsearch.dashboards.live.curves import Curves
from alignsearch.dashboards.live.importances import Aside, ImportanceBoard
from alignsearch.dashboards.live.mirror import Board
from alignsearch.dashboards.web import errors, pages, streams
from alignsearch.dashboards.web.api import changing as api_changing
from alignsearch.dashboards.web.api import reading as api_reading
from alignsearch.dashboards.web.api import trials as api_trials
from alignsearch.dashboards.web.assets import Assets
from alignsearch.dashboards.web.auth import Gate, HashedToken
from alignsearch.dashboards.web.context import Context, Submitter
from alignsearch.dashboards.web.guard import Guard
from alignsearch.dashboards.web.warming import warm
from alignsearch.search.store import Store

TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Options:
    """How the server is run.

    loopback: it listens on the loopback interface only. person: whom events name where nobody
    logs in. token: what a login needs, if there are logins. revive_store: called again and again
    while the store doesn't answer.
    """

    loopback: bool
    person: str
    token: HashedToken | None = None
    revive_store: Callable[[], None] = lambda: None


def create_app(store: Store, submitter: Submitter, options: Options) -> FastAPI:
    """The dashboard over `store`; its parts are in `app.state.context`."""
    board, aside = Board(store, options.revive_store), Aside()
    version = importlib.metadata.version("alignsearch")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        board.start()
        await asyncio.to_thread(warm, app.state.context, app.state.render)
        yield
        board.close()
        aside.close()

    app = FastAPI(
        title="alignsearch",
        version=version,
        description="Searches over learning rules: their trials, epochs and results.",
        lifespan=lifespan,
        # FastAPI's own pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = Context(
        board=board,
        gate=Gate(options.token, loopback=options.loopback, person=options.person),
        assets=Assets(),
        curves=Curves(board),
        importances=ImportanceBoard(aside),
        aside=aside,
        submitter=submitter,
        version=version,
    )
    app.state.render = pages.Renderer(str(TEMPLATES))
    for router in (
        api_reading.router,
        api_trials.router,
        streams.router,
        api_changing.router,
        pages.router,
    ):
        app.include_router(router)
    errors.add_handlers(app)
    app.add_middleware(Guard, loopback_only=options.loopback)
    return app
