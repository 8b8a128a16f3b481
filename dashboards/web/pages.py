"""The pages: a shell of HTML, which the API's data fill."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.templating import Jinja2Templates

from alignsearch.dashboards.web import payloads as views
from alignsearch.dashboards.web.api.changing import session_of, session_state
from alignsearch.dashboards.web.assets import Asset
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import MOST_COMPARED, Name, Tid
from alignsearch.dashboards.web.reference import operations_of, schemas_of

router = APIRouter(include_in_schema=False)


class Renderer:
    """Fills templates; everything in them is escaped."""

    def __init__(self, folder: str) -> None:
        self._templates = Jinja2Templates(directory=folder)

    def compile(self) -> None:
        """Compile all templates, so that nobody waits for it."""
        for name in self._templates.env.list_templates():
            self._templates.get_template(name)

    def __call__(
        self, request: Request, page: str, *, status_code: int = 200, **context: Any
    ) -> Response:
        """The page `page`, with what every template gets and `context`."""
        parts = context_of(request)
        session, _ = session_of(request)
        state = session_state(parts.gate, session).model_dump(exclude={"csrf"})
        return self._templates.TemplateResponse(
            request,
            f"{page}.html",
            {
                "page": page,
                "assets": parts.assets.prefix,
                "plotly_url": parts.assets.plotly_url,
                "version": parts.version,
                "store": parts.board.store.uri_for_people,
                "session": state,
                **context,
            },
            status_code=status_code,
        )


def _render(request: Request, page: str, **context: Any) -> Response:
    render: Renderer = request.app.state.render
    return render(request, page, **context)


@router.get("/")
def searches(request: Request) -> Response:
    """All searches."""
    return _render(request, "searches")


@router.get("/searches")
def searches_by_their_name() -> Response:
    """What an URL that was cut short means."""
    return RedirectResponse("/")


@router.get("/searches/{name}")
def search(request: Request, name: Name) -> Response:
    """One search."""
    entry = context_of(request).board.entry(name)
    space = views.space_of(entry.search).model_dump(mode="json")
    return _render(request, "search", name=name, space=space)


@router.get("/searches/{name}/trials/{tid}")
def trial(request: Request, name: Name, tid: Tid) -> Response:
    """One trial."""
    board = context_of(request).board
    board.check()
    board.store.searches.get(name)
    board.store.trials.get(name, tid)
    return _render(request, "trial", name=name, tid=tid)


@router.get("/compare")
def compare(
    request: Request,
    name: Annotated[list[str] | None, Query(max_length=MOST_COMPARED)] = None,
) -> Response:
    """Several searches side by side; the page lets people choose them."""
    return _render(request, "compare", names=list(dict.fromkeys(name or ())))


@router.get("/submit")
def submit(request: Request) -> Response:
    """The form for a new search."""
    return _render(request, "submit")


@router.get("/login")
def login(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """The form to log in; then it goes on to a page of this dashboard."""
    is_own = next.startswith("/") and not next.startswith(("//", "/\\"))
    return _render(request, "login", next=next if is_own else "/")


@router.get("/docs")
def docs(request: Request) -> Response:
    """The API's description, for people."""
    description = request.app.openapi()
    return _render(
        request, "docs", operations=operations_of(description), schemas=schemas_of(description)
    )


@router.get("/static/{version}/{name:path}")
def static(request: Request, version: str, name: str) -> Response:
    """A static file under the version of its content."""
    asset: Asset | None = context_of(request).assets.find(version, name)
    if asset is None:
        return HTMLResponse("there is no such file", status_code=404)
    return asset.response(request)


@router.get("/favicon.ico")
def icon(request: Request) -> Response:
    """What browsers ask for unasked."""
    assets = context_of(request).assets
    asset = assets.find(assets.version, "icon.svg")
    return Response(status_code=404) if asset is None else asset.response(request)
