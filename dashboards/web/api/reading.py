"""The API's questions about searches. They are answered without a login, as those about trials."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web import payloads as views
from alignsearch.dashboards.web import tables
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import (
    TEXT,
    Download,
    Format,
    Name,
    Names,
    Published,
    Rev,
    file_of,
    numbers,
)
from alignsearch.dashboards.web.responses import answer

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)


@router.get("/health", response_model=models.Health)
def health(request: Request) -> Response:
    """Whether the store answers; 200 in any case."""
    context = context_of(request)
    return answer(
        request,
        models.Health(
            store=context.board.store.uri_for_people,
            available=not context.board.failure,
            message=context.board.failure,
            version=context.version,
        ),
    )


@router.get("/searches", response_model=models.Searches)
def searches(request: Request) -> Response:
    """All searches, the latest first."""
    board = context_of(request).board
    found = [views.summary_of(board, search.name) for search in board.searches()]
    return answer(request, models.Searches(now=board.now().timestamp(), searches=found))


@router.get("/searches/{name}", response_model=models.SearchDetail)
def search(request: Request, name: Name) -> Response:
    """One search: where it stands, its space and its recipe."""
    board = context_of(request).board
    entry = board.entry(name)
    with entry.lock:
        rev, hosts = entry.history.rev, entry.history.hosts
    return answer(
        request,
        models.SearchDetail(
            rev=rev,
            now=board.now().timestamp(),
            summary=views.summary_of(board, name),
            space=views.space_of(entry.search),
            recipe=entry.search.recipe,
            versions=entry.search.versions,
            resources=entry.search.resources,
            hosts=hosts,
        ),
    )


@router.get("/searches/{name}/history", response_model=models.History)
def history(request: Request, name: Name) -> Response:
    """All trials in columns, numbers to five digits."""
    board = context_of(request).board
    entry = board.entry(name)
    payload = views.history_payload(board, entry)
    etag = f'"{entry.history.begun.timestamp():.0f}-{entry.history.rev}-{entry.version}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return payload.response(request, {"ETag": etag, "Cache-Control": "no-cache"})


@router.get("/searches/{name}/changes", response_model=models.History)
def changes(request: Request, name: Name, since: Rev = 0) -> Response:
    """The trials that have changed since a revision, in columns."""
    board = context_of(request).board
    return answer(request, views.history_data(board.entry(name), board.now(), since))


@router.get("/searches/{name}/curves", response_model=models.Curves)
def curves(
    request: Request,
    name: Name,
    top: Annotated[int, Query(ge=0, le=50)] = 10,
    limit: Annotated[int, Query(ge=1, le=1000)] = 300,
    points: Annotated[int, Query(ge=2, le=200)] = 45,
    tids: Annotated[str, Query(max_length=2000, pattern=r"^([0-9]{1,15}(,[0-9]{1,15})*)?$")] = "",
) -> Response:
    """Learning curves of the best trials and of others evenly by rank, or of some trials."""
    context = context_of(request)
    found = context.curves.bundle(
        context.board.entry(name),
        top=top,
        limit=limit,
        points=points,
        tids=numbers(tids)[:limit],
    )
    return answer(request, found)


@router.get("/searches/{name}/failures", response_model=models.Failures)
def failures(request: Request, name: Name) -> Response:
    """What went wrong, by reason and by host."""
    entry = context_of(request).board.entry(name)
    with entry.lock:
        by_reason = entry.history.failures()
        by_host = entry.history.failures_by_host()
    return answer(
        request,
        models.Failures(
            total=len({tid for each in by_reason for tid in each.tids}),
            by_reason=[
                models.FailureReason(
                    reason=each.reason,
                    kind=each.kind,
                    count=len(each.tids),
                    tids=list(each.tids[:20]),
                )
                for each in by_reason
            ],
            by_host=[models.FailuresOfHost(**vars(each)) for each in by_host],
        ),
    )


@router.get("/searches/{name}/events", response_model=models.Events)
def events(request: Request, name: Name) -> Response:
    """What was done to the search, the oldest first."""
    store = context_of(request).board.store
    store.searches.get(name)
    return answer(request, models.Events(events=store.logs.events(name)))


@router.get("/searches/{name}/importance", response_model=models.Importances)
def importance(request: Request, name: Name) -> Response:
    """What the score depends on; computed beside the server, so it may come later."""
    context = context_of(request)
    return answer(request, context.importances.of(context.board.entry(name)))


@router.get("/searches/{name}/export", response_class=Response, responses=TEXT)
def export_search(
    request: Request, name: Name, format: Format = "markdown", download: Download = False
) -> Response:
    """The best configuration as a column of Table 5."""
    columns = tables.columns_of(context_of(request).board, [name], published=False)
    file = f"{name}.{tables.SUFFIXES[format]}"
    return file_of(tables.text_of(columns, format), format, file, download=download)


@router.get("/searches/{name}/table", response_model=models.Table5)
def table_of_search(request: Request, name: Name) -> Response:
    """The best configuration as the rows of Table 5."""
    board = context_of(request).board
    return answer(request, tables.table_of(board, [name], published=False))


@router.get("/export", response_class=Response, responses=TEXT)
def export_several(
    request: Request,
    name: Names,
    format: Format = "markdown",
    published: Published = False,
    download: Download = False,
) -> Response:
    """The best configurations of several searches side by side."""
    names = list(dict.fromkeys(name))
    columns = tables.columns_of(context_of(request).board, names, published=published)
    file = f"table5.{tables.SUFFIXES[format]}"
    return file_of(tables.text_of(columns, format), format, file, download=download)


@router.get("/table", response_model=models.Table5)
def table_of_several(request: Request, name: Names, published: Published = False) -> Response:
    """The best configurations of several searches as the rows of Table 5."""
    board = context_of(request).board
    names = list(dict.fromkeys(name))
    return answer(request, tables.table_of(board, names, published=published))


@router.get("/compare", response_model=models.Comparison)
def compare(request: Request, name: Names) -> Response:
    """Several searches: their best-so-far curves, and their best columns."""
    board = context_of(request).board
    names = list(dict.fromkeys(name))
    compared = []
    for each in names:
        entry = board.entry(each)
        with entry.lock:
            best = views.best_so_far(entry.history.improvements)
        compared.append(models.Compared(summary=views.summary_of(board, each), best=best))
    table = tables.table_of(board, names, published=False)
    return answer(request, models.Comparison(searches=compared, table=table))
