"""The API's questions about searches and trials. All of them are answered without a login."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import models, tables, views
from dashboards.answers import answer
from dashboards.context import context_of
from dashboards.curves import epochs_model
from dashboards.logs import log_of
from dashboards.trial_table import Query as TrialQuery
from dashboards.trial_table import select, to_csv
from search.documents import Epoch
from search.states import TrialState

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)

LARGEST_PAGE = 500
LARGEST_NUMBER = 2**53
MOST_COMPARED = 8

Name = Annotated[str, Path(min_length=1, max_length=200, description="Name of the search.")]
Tid = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="Number of the trial.")]
Rev = Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="A revision: what is new since.")]
Names = Annotated[
    list[Annotated[str, Query(max_length=200)]], Query(min_length=1, max_length=MOST_COMPARED)
]
Format = Annotated[Literal["markdown", "latex", "csv", "json"], Query()]
Download = Annotated[bool, Query(description="Answer as a file to keep.")]
Published = Annotated[bool, Query(description="The paper's own four columns, too.")]

TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "The table as text"}
}


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


class TrialFilter(BaseModel):
    """Which trials, in which order. Conditions: COLUMN:LOW:HIGH or COLUMN:is:OPTION."""

    model_config = ConfigDict(extra="forbid")

    sort: str = Field("tid", max_length=64, description="A column's name, or note.")
    order: Literal["asc", "desc"] = "asc"
    state: list[TrialState] = Field([], max_length=6)
    where: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=64)
    tids: str = Field("", max_length=20_000, pattern=r"^([0-9]{1,15}(,[0-9]{1,15})*)?$")
    text: str = Field("", max_length=200, description="A part of the note or the host.")

    def query(self) -> TrialQuery:
        """The same, as the table takes it."""
        return TrialQuery(
            sort=self.sort,
            descending=self.order == "desc",
            states=self.state,
            where=self.where,
            tids=_numbers(self.tids),
            text=self.text,
        )


class TrialPaging(TrialFilter):
    """A page of them."""

    page: int = Field(1, ge=1, le=LARGEST_NUMBER)
    page_size: int = Field(50, ge=1, le=LARGEST_PAGE)


@router.get("/searches/{name}/trials", response_model=models.TrialPage)
def trials(request: Request, name: Name, asked: Annotated[TrialPaging, Query()]) -> Response:
    """A page of the table of trials; what has no value comes last."""
    entry = context_of(request).board.entry(name)
    with entry.lock:
        rows = select(entry.history, asked.query())
        begin = (asked.page - 1) * asked.page_size
        shown = rows[begin : begin + asked.page_size]
        page = models.TrialPage(
            rev=entry.history.rev,
            page=asked.page,
            page_size=asked.page_size,
            pages=max(1, -(-len(rows) // asked.page_size)),
            total=entry.history.table.rows,
            matching=len(rows),
            rows=[views.trial_row(entry.history, row) for row in shown],
        )
    return answer(request, page)


@router.get(
    "/searches/{name}/trials.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
def trials_csv(request: Request, name: Name, asked: Annotated[TrialFilter, Query()]) -> Response:
    """The table of trials with every digit, as a file."""
    entry = context_of(request).board.entry(name)
    with entry.lock:
        text = to_csv(entry.history, select(entry.history, asked.query()))
    return _file(text, "csv", f"{name}-trials.csv", download=True)


@router.get("/searches/{name}/trials/{tid}", response_model=models.TrialDetail)
def trial(request: Request, name: Name, tid: Tid) -> Response:
    """One trial: Table 5's rows, attempts, times, error."""
    board = context_of(request).board
    entry = board.entry(name)
    return answer(request, views.trial_model(entry, board.store.get_trial(name, tid)))


@router.get("/searches/{name}/trials/{tid}/epochs", response_model=models.Epochs)
def epochs(
    request: Request,
    name: Name,
    tid: Tid,
    after: Annotated[
        str,
        Query(
            pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$", description="ATTEMPT.EPOCH: what comes after it."
        ),
    ] = "0.0",
) -> Response:
    """A trial's epochs in columns, with what each layer measured."""
    store = context_of(request).board.store
    search = store.get_search(name)
    attempt, epoch = (int(part) for part in after.split("."))
    found = [
        Epoch.from_bson(record)
        for record in store.epoch_records(store.get_trial(name, tid).id)
        if (record["attempt"], record["epoch"]) > (attempt, epoch)
    ]
    return answer(request, epochs_model(found, search.recipe.epochs))


@router.get("/searches/{name}/trials/{tid}/log", response_model=models.Log)
def log(
    request: Request,
    name: Name,
    tid: Tid,
    attempt: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="The last by default.")
    ] = None,
) -> Response:
    """What the worker of an attempt has told: beginning, epochs, warnings, end and error."""
    store = context_of(request).board.store
    found = store.get_trial(name, tid)
    number = found.attempt if attempt is None else attempt
    return answer(request, log_of(store, found, number))


@router.get("/searches/{name}/trials/{tid}/export", response_class=Response, responses=TEXT)
def export_trial(
    request: Request, name: Name, tid: Tid, format: Format = "markdown", download: Download = False
) -> Response:
    """One trial as a column of Table 5."""
    column = tables.trial_column(context_of(request).board, name, tid)
    file = f"{name}-{tid}.{tables.SUFFIXES[format]}"
    return _file(tables.text_of([column], format), format, file, download=download)


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
        tids=_numbers(tids)[:limit],
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
    store.get_search(name)
    return answer(request, models.Events(events=store.events(name)))


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
    return _file(tables.text_of(columns, format), format, file, download=download)


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
    return _file(tables.text_of(columns, format), format, file, download=download)


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


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")] if text else []


def _file(text: str, format: str, name: str, *, download: bool) -> Response:
    # Names of searches may hold what a header may not.
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'} if download else {}
    return Response(text, media_type=tables.MEDIA_TYPES[format], headers=headers)
