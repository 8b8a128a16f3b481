"""The API's questions about trials: the table of all of them, and each by its number."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alignsearch.dashboards import models
from alignsearch.dashboards.live.curves import epochs_model
from alignsearch.dashboards.live.logs import log_of
from alignsearch.dashboards.live.trial_table import Query as TrialQuery
from alignsearch.dashboards.live.trial_table import select, to_csv
from alignsearch.dashboards.web import payloads as views
from alignsearch.dashboards.web import tables
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import (
    LARGEST_NUMBER,
    TEXT,
    Download,
    Format,
    Name,
    Tid,
    file_of,
    numbers,
)
from alignsearch.dashboards.web.responses import answer
from alignsearch.search.documents import Epoch
from alignsearch.search.documents.states import TrialState

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)

LARGEST_PAGE = 500


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
            tids=numbers(self.tids),
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
    return file_of(text, "csv", f"{name}-trials.csv", download=True)


@router.get("/searches/{name}/trials/{tid}", response_model=models.TrialDetail)
def trial(request: Request, name: Name, tid: Tid) -> Response:
    """One trial: Table 5's rows, attempts, times, error."""
    board = context_of(request).board
    entry = board.entry(name)
    return answer(request, views.trial_model(entry, board.store.trials.get(name, tid)))


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
    search = store.searches.get(name)
    attempt, epoch = (int(part) for part in after.split("."))
    found = [
        Epoch.from_bson(record)
        for record in store.logs.epoch_records(store.trials.get(name, tid).id)
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
    found = store.trials.get(name, tid)
    number = found.attempt if attempt is None else attempt
    return answer(request, log_of(store, store.searches.get(name), found, number))


@router.get("/searches/{name}/trials/{tid}/export", response_class=Response, responses=TEXT)
def export_trial(
    request: Request, name: Name, tid: Tid, format: Format = "markdown", download: Download = False
) -> Response:
    """One trial as a column of Table 5."""
    column = tables.trial_column(context_of(request).board, name, tid)
    file = f"{name}-{tid}.{tables.SUFFIXES[format]}"
    return file_of(tables.text_of([column], format), format, file, download=download)
