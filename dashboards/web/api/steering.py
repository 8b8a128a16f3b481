"""Endpoint that steers a search: pause, resume, stop, cancel."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web.api.sessions import Author
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import Name
from alignsearch.dashboards.web.steered import steered
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases import steering
from alignsearch.search.use_cases.next_steps import where_it_goes_on

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)


@router.post("/searches/{name}/{verb}", response_model=models.Steered)
def steer(
    request: Request,
    author: Author,
    name: Name,
    verb: Annotated[models.Verb, Path()],
    _: models.Nothing,
) -> Response:
    """Steer a search. An event records the author."""
    mirror = context_of(request).mirror
    mirror.check()
    return steered(request, name, VERBS[verb](mirror.store, name, author))


def _pause(store: Store, name: str, who: str) -> str:
    steering.pause(store, name, who)
    return f"{name} is paused; running trials finish"


def _resume(store: Store, name: str, who: str) -> str:
    search = steering.resume(store, name, who)
    return f"{name} goes on {where_it_goes_on(search)}"


def _stop(store: Store, name: str, who: str) -> str:
    search = steering.stop(store, name, who)
    if search.status is SearchStatus.COMPLETED:
        return f"{name} is completed: none of its trials ran"
    return f"{name} begins no more trials and completes with those that run"


def _cancel(store: Store, name: str, who: str) -> str:
    ended = steering.cancel(store, name, who)
    return f"{name} is cancelled; running and queued trials that ended with it: {ended}"


VERBS: dict[models.Verb, Callable[[Store, str, str], str]] = {
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "cancel": _cancel,
}
