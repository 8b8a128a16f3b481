"""Endpoints that give points to a search, and steer single trials of it.

Larger tables and Optuna's files are uploaded (`files.py`); no path of this host is ever read.
"""

from fastapi import APIRouter, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web.api.sessions import Author, session_of
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.dashboards.web.given import enqueued_response, given_response, imported_response
from alignsearch.dashboards.web.parameters import Name, Tid
from alignsearch.dashboards.web.steered import steered
from alignsearch.search.use_cases import enqueueing, importing, retrying
from alignsearch.search.use_cases.enqueueing import Wanted
from alignsearch.search.use_cases.giving import counted
from alignsearch.search.use_cases.next_steps import where_it_goes_on

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)


@router.post("/searches/{name}/points", response_model=models.GivenPoints)
def enqueue(request: Request, author: Author, name: Name, asked: models.EnqueueRequest) -> Response:
    """Let a search try points before it suggests others. They count towards its budget."""
    mirror = context_of(request).mirror
    mirror.check()
    store, left_out = mirror.store, list[str]()
    if asked.points is not None:
        wanted = [Wanted(each, f"point {at}") for at, each in enumerate(asked.points, start=1)]
    elif asked.table is not None:
        wanted = enqueueing.of_text(store, name, asked.table)
    elif asked.from_search is not None:
        wanted, left_out = enqueueing.of_search(store, name, asked.from_search, asked.top)
    else:
        wanted = enqueueing.of_table5(store, name)
    given = enqueueing.enqueue(store, name, wanted, author, left_out)
    return enqueued_response(request, given)


@router.post("/searches/{name}/retry", response_model=models.GivenPoints)
def retry(request: Request, author: Author, name: Name, asked: models.RetryRequest) -> Response:
    """Try failed trials again, as new trials. They spend nothing of the budget by having failed."""
    mirror = context_of(request).mirror
    mirror.check()
    done = retrying.retry(mirror.store, name, author, asked.tids)
    message = f"{counted(len(done.points), 'trial')} to try again"
    if done.reopened:
        message += f"; {name} goes on {where_it_goes_on(done.search)}"
    return given_response(request, done, message)


@router.post("/searches/{name}/results", response_model=models.GivenPoints)
def import_results(
    request: Request, author: Author, name: Name, asked: models.ImportRequest
) -> Response:
    """Import results from elsewhere as finished trials, which spend nothing of the budget.

    Jobs of HyperOpt's MongoTrials are read where nobody logs in: there, whoever steers is a user of
    this machine. Elsewhere a token's holder could make this host connect anywhere.
    """
    mirror = context_of(request).mirror
    mirror.check()
    if asked.table is not None:
        done = importing.import_csv_text(mirror.store, name, asked.table, author)
        return imported_response(request, done)
    gate = context_of(request).gate
    if gate.login_of(session_of(request)[0]) != "none":
        raise RefusedError(
            403,
            "forbidden",
            "a dashboard with logins reads no other database: `alignsearch import "
            f"{name} --from-mongotrials URI` does",
        )
    assert asked.mongotrials is not None
    done = importing.import_mongotrials(
        mirror.store, name, asked.mongotrials, author, asked.exp_key
    )
    return imported_response(request, done)


@router.post("/searches/{name}/trials/{tid}/cancel", response_model=models.Steered)
def cancel_trial(
    request: Request, author: Author, name: Name, tid: Tid, _: models.Nothing
) -> Response:
    """Cancel one trial that is queued or running; the search goes on."""
    mirror = context_of(request).mirror
    mirror.check()
    retrying.cancel_trial(mirror.store, name, tid, author)
    return steered(request, name, f"trial {tid} is cancelled; it spends nothing of the budget")
