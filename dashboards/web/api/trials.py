"""Endpoints that read trials: the table, and each trial's details, epochs, log and export."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alignsearch.dashboards import models
from alignsearch.dashboards.live.epochs import epochs_model
from alignsearch.dashboards.live.logs import log_of
from alignsearch.dashboards.live.trial_table import Query as TrialQuery
from alignsearch.dashboards.live.trial_table import select, to_csv
from alignsearch.dashboards.models.base import LARGEST_NUMBER
from alignsearch.dashboards.web import exports
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import (
    LONGEST_LABEL,
    TEXT,
    Download,
    Format,
    Name,
    Tid,
    file_of,
    numbers,
)
from alignsearch.dashboards.web.responses import json_response
from alignsearch.dashboards.web.reuse import reuse_of
from alignsearch.dashboards.web.trial_payloads import trial_model, trial_row

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)

LARGEST_PAGE = 500
"""Rows of a page: a browser lays out many more too slowly."""


class TrialFilter(BaseModel):
    """Query parameters that filter and sort trials."""

    model_config = ConfigDict(extra="forbid")

    sort: str = Field("tid", max_length=LONGEST_LABEL, description="Name of a column, or `note`.")
    order: Literal["asc", "desc"] = "asc"
    state: list[models.ShownState] = Field([], max_length=7)
    where: list[Annotated[str, Field(max_length=2 * LONGEST_LABEL)]] = Field(
        [], max_length=64, description="Condition: COLUMN:LOW:HIGH or COLUMN:is:OPTION."
    )
    tids: str = Field("", max_length=20_000, pattern=r"^([0-9]{1,15}(,[0-9]{1,15})*)?$")
    text: str = Field("", max_length=200, description="Part of the note or the host.")

    def query(self) -> TrialQuery:
        """The filter as the table of trials takes it."""
        return TrialQuery(
            sort=self.sort,
            descending=self.order == "desc",
            states=self.state,
            where=self.where,
            tids=numbers(self.tids),
            text=self.text,
        )


class TrialPaging(TrialFilter):
    """Query parameters of a page of trials."""

    page: int = Field(1, ge=1, le=LARGEST_NUMBER)
    page_size: int = Field(50, ge=1, le=LARGEST_PAGE)


@router.get("/searches/{name}/trials", response_model=models.TrialPage)
def trials(request: Request, name: Name, asked: Annotated[TrialPaging, Query()]) -> Response:
    """Read a page of the table of trials. Rows without a value in the sorted column come last."""
    mirrored = context_of(request).mirror.get(name)
    with mirrored.lock:
        rows = select(mirrored.trials, asked.query())
        begin = (asked.page - 1) * asked.page_size
        shown = rows[begin : begin + asked.page_size]
        page = models.TrialPage(
            rev=mirrored.trials.rev,
            page=asked.page,
            page_size=asked.page_size,
            pages=max(1, -(-len(rows) // asked.page_size)),
            total=mirrored.trials.table.rows,
            matching=len(rows),
            rows=[trial_row(mirrored.trials, row) for row in shown],
        )
    return json_response(request, page)


@router.get(
    "/searches/{name}/trials.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
def trials_csv(request: Request, name: Name, asked: Annotated[TrialFilter, Query()]) -> Response:
    """Export the table of trials as CSV, with all digits."""
    mirrored = context_of(request).mirror.get(name)
    with mirrored.lock:
        text = to_csv(mirrored.trials, select(mirrored.trials, asked.query()))
    return file_of(text, "csv", f"{name}-trials.csv", download=True)


@router.get("/searches/{name}/trials/{tid}", response_model=models.TrialDetail)
def trial(request: Request, name: Name, tid: Tid) -> Response:
    """Read a trial: metaparameters as rows of a table, attempts, times and error."""
    mirror = context_of(request).mirror
    mirrored = mirror.get(name)
    return json_response(request, trial_model(mirrored, mirror.store.trials.get(name, tid)))


@router.get("/searches/{name}/trials/{tid}/reuse", response_model=models.Reuse)
def reuse(request: Request, name: Name, tid: Tid) -> Response:
    """Read a trial's configuration as code and commands, and where its weights are."""
    store = context_of(request).mirror.store
    found = reuse_of(store.searches.get(name), store.trials.get(name, tid))
    return json_response(request, found)


@router.get("/searches/{name}/trials/{tid}/epochs", response_model=models.Epochs)
def epochs(
    request: Request,
    name: Name,
    tid: Tid,
    after: Annotated[
        str,
        Query(
            pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$",
            description="ATTEMPT.EPOCH: only later epochs are sent.",
        ),
    ] = "0.0",
) -> Response:
    """Read a trial's epochs in columns, with the measurements of each layer."""
    store = context_of(request).mirror.store
    search = store.searches.get(name)
    attempt, epoch = (int(part) for part in after.split("."))
    found = [
        record
        for record in store.logs.epoch_records(store.trials.get(name, tid).id)
        if (record["attempt"], record["epoch"]) > (attempt, epoch)
    ]
    return json_response(request, epochs_model(search, found))


@router.get("/searches/{name}/trials/{tid}/log", response_model=models.Log)
def log(
    request: Request,
    name: Name,
    tid: Tid,
    attempt: Annotated[
        int | None,
        Query(ge=1, le=1_000_000, description="Number of the attempt; the last by default."),
    ] = None,
) -> Response:
    """Read the log of an attempt: begin, epochs, warnings, end and error."""
    store = context_of(request).mirror.store
    found = store.trials.get(name, tid)
    number = found.attempt if attempt is None else attempt
    return json_response(request, log_of(store, store.searches.get(name), found, number))


@router.get("/searches/{name}/trials/{tid}/export", response_class=Response, responses=TEXT)
def export_trial(
    request: Request, name: Name, tid: Tid, format: Format = "markdown", download: Download = False
) -> Response:
    """Export a trial as a column of its search's table."""
    column = exports.trial_column(context_of(request).mirror, name, tid)
    file = f"{name}-{tid}.{exports.SUFFIXES[format]}"
    return file_of(exports.text_of([column], format), format, file, download=download)
