"""HTML pages. Each is a shell that its JavaScript fills with the API's data."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.templating import Jinja2Templates

from alignsearch.dashboards.web.api.sessions import session_of, session_state
from alignsearch.dashboards.web.assets import Asset
from alignsearch.dashboards.web.behind_proxy import root_of
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.openapi_page import operations_of, schemas_of
from alignsearch.dashboards.web.panels import panels_of
from alignsearch.dashboards.web.parameters import MOST_COMPARED, Name, Tid
from alignsearch.search.use_cases.next_steps import is_trained

router = APIRouter(include_in_schema=False)

_OWN_PAGE = re.compile(r"/(?:[^/\\\x00-\x20\x7f][^\\\x00-\x20\x7f]*)?")
"""A path of this dashboard. Browsers drop tabs and line breaks, and take a backslash for a slash,
so that a path with one of them could begin with the two slashes of another host's address."""


class Renderer:
    """Renders templates; every inserted value is escaped."""

    def __init__(self, folder: str) -> None:
        self._templates = Jinja2Templates(directory=folder)

    def compile(self) -> None:
        """Compile all templates now, so that the first reader doesn't wait for it."""
        for name in self._templates.env.list_templates():
            self._templates.get_template(name)

    def __call__(
        self, request: Request, page: str, *, status_code: int = 200, **context: Any
    ) -> Response:
        """Render a page's template with the shared values and `context`."""
        parts = context_of(request)
        session, _ = session_of(request)
        root = root_of(request)
        state = session_state(parts.gate, session).model_dump(exclude={"csrf"})
        return self._templates.TemplateResponse(
            request,
            f"{page}.html",
            {
                "page": page,
                "root": root,
                "assets": root + parts.assets.prefix,
                "modules": parts.assets.imports_of(f"pages/{page}.js"),
                "version": parts.version,
                "store": parts.mirror.store.uri_for_people,
                "session": state,
                "has_rules": parts.rule_tables.has_rules,
                **context,
            },
            status_code=status_code,
        )


def _render(request: Request, page: str, **context: Any) -> Response:
    render: Renderer = request.app.state.render
    return render(request, page, **context)


@router.get("/")
def searches(request: Request) -> Response:
    """The list of searches."""
    return _render(request, "searches")


@router.get("/searches")
def searches_by_their_name(request: Request) -> Response:
    """Redirect a shortened URL to the list of searches."""
    return RedirectResponse(f"{root_of(request)}/")


@router.get("/searches/{name}")
def search(request: Request, name: Name) -> Response:
    """One search."""
    mirrored = context_of(request).mirror.get(name)
    return _render(request, "search", name=mirrored.search.name, panels=panels_of(mirrored.search))


@router.get("/searches/{name}/trials/{tid}")
def trial(request: Request, name: Name, tid: Tid) -> Response:
    """One trial."""
    mirror = context_of(request).mirror
    mirror.check()
    found = mirror.store.searches.get(name)
    mirror.store.trials.get(name, tid)
    trains = found.recipe is not None
    return _render(request, "trial", name=name, tid=tid, trains=trains, longer=is_trained(found))


@router.get("/compare")
def compare(
    request: Request,
    name: Annotated[list[str] | None, Query(max_length=MOST_COMPARED)] = None,
) -> Response:
    """Searches side by side, chosen on the page."""
    return _render(request, "compare", names=list(dict.fromkeys(name or ())))


@router.get("/rules")
def rules(request: Request) -> Response:
    """Learning rules that were searched alike, as they stand now."""
    return _render(request, "rules")


@router.get("/submit")
def submit(request: Request) -> Response:
    """The form for a new search."""
    return _render(request, "submit")


@router.get("/login")
def login(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """The form to log in, which then opens the page `next` of this dashboard."""
    first = f"{root_of(request)}/"
    own = next.startswith(first) and _OWN_PAGE.fullmatch(next)
    return _render(request, "login", next=next if own else first)


@router.get("/docs")
def docs(request: Request) -> Response:
    """The API's description."""
    description = request.app.openapi()
    return _render(
        request, "docs", operations=operations_of(description), schemas=schemas_of(description)
    )


@router.get("/static/{version}/{name:path}")
def static(request: Request, version: str, name: str) -> Response:
    """A static file, under the hash of all static files."""
    asset: Asset | None = context_of(request).assets.find(version, name)
    if asset is None:
        return HTMLResponse("there is no such file", status_code=404)
    return asset.response(request)


@router.get("/favicon.ico")
def icon(request: Request) -> Response:
    """The icon that browsers request by themselves."""
    assets = context_of(request).assets
    asset = assets.find(assets.version, "icon.svg")
    return Response(status_code=404) if asset is None else asset.response(request)
