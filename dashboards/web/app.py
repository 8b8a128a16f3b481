"""The FastAPI application: pages and JSON API over one mirror of the store."""

import asyncio
import importlib.metadata
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from alignsearch.dashboards.live.background import BackgroundProcess
from alignsearch.dashboards.live.curves import Curves
from alignsearch.dashboards.live.importances import ImportanceCache
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.rule_tables import RuleTableCache
from alignsearch.dashboards.web import errors, pages, streams
from alignsearch.dashboards.web.api import (
    budget,
    confirming,
    files,
    points,
    rules,
    searches,
    sessions,
    steering,
    submissions,
    trials,
    whole_search,
)
from alignsearch.dashboards.web.assets import Assets
from alignsearch.dashboards.web.auth import Gate
from alignsearch.dashboards.web.behind_proxy import LOOPBACK_PROXIES, BehindProxy
from alignsearch.dashboards.web.context import Context, Submitter
from alignsearch.dashboards.web.guard import Guard
from alignsearch.dashboards.web.tokens import HashedToken
from alignsearch.dashboards.web.warming import warm
from alignsearch.search.store import Store

TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Options:
    """Options of the server.

    Attributes:
        loopback: whether it listens on the loopback interface only.
        person: the author of events where nobody logs in.
        token: the token that a login needs; None if there are no logins.
        revive_store: called repeatedly while the store doesn't answer, to start it again.
        root_path: path prefix under which a reverse proxy shows the dashboard; "" for none.
        allowed_hosts: names that a request's Host may have beside this machine's own. With one,
            the dashboard counts as open to the network.
        trusted_proxies: addresses and networks of proxies whose forwarded headers are believed.
    """

    loopback: bool
    person: str
    token: HashedToken | None = None
    revive_store: Callable[[], None] = lambda: None
    root_path: str = ""
    allowed_hosts: Sequence[str] = ()
    trusted_proxies: Sequence[str] = LOOPBACK_PROXIES


def create_app(store: Store, submitter: Submitter, options: Options) -> FastAPI:
    """Create the dashboard over a store. Its parts are in `app.state.context`."""
    # People elsewhere reach a dashboard by a name of its own, through a proxy on this machine.
    own_people_only = options.loopback and not options.allowed_hosts
    mirror, background = Mirror(store, options.revive_store), BackgroundProcess()
    version = importlib.metadata.version("alignsearch")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        mirror.start()
        await asyncio.to_thread(warm, app.state.context, app.state.render)
        yield
        mirror.close()
        background.close()

    app = FastAPI(
        title="alignsearch",
        version=version,
        description="Searches over learning rules: trials, epochs, results and steering.",
        lifespan=lifespan,
        # FastAPI's own documentation pages load scripts from a CDN, which our policy forbids.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = Context(
        mirror=mirror,
        gate=Gate(options.token, loopback=own_people_only, person=options.person),
        assets=Assets(),
        curves=Curves(mirror),
        importances=ImportanceCache(background),
        rule_tables=RuleTableCache(mirror),
        background=background,
        submitter=submitter,
        version=version,
    )
    app.state.render = pages.Renderer(str(TEMPLATES))
    for router in (
        searches.router,
        rules.router,
        trials.router,
        streams.router,
        sessions.router,
        submissions.router,
        # Before steering, whose address would take it for a verb.
        confirming.router,
        files.router,
        # Before the verbs, which would take `retry` for one of theirs.
        points.router,
        budget.router,
        # Before steering, which takes any word as a verb.
        whole_search.router,
        steering.router,
        pages.router,
    ):
        app.include_router(router)
    errors.add_handlers(app)
    app.add_middleware(Guard, loopback_only=options.loopback, allowed_hosts=options.allowed_hosts)
    app.add_middleware(
        BehindProxy, root_path=options.root_path, trusted_proxies=options.trusted_proxies
    )
    return app
