"""Endpoints that change a search's budget, its slots, and the rules that end it."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from alignment_core.errors import ConfigurationError
from alignsearch.dashboards import models
from alignsearch.dashboards.web.api.sessions import Author
from alignsearch.dashboards.web.api.submissions import in_fields
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.dashboards.web.parameters import Name
from alignsearch.dashboards.web.places import check_places
from alignsearch.dashboards.web.steered import steered
from alignsearch.search.documents import Search
from alignsearch.search.store import Store
from alignsearch.search.use_cases import budget
from alignsearch.search.use_cases.rules import Changes

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)


@router.post("/searches/{name}/extend", response_model=models.Steered)
def extend(request: Request, author: Author, name: Name, asked: models.ChangeRequest) -> Response:
    """Let a search go on to more trials, also one that is over. An event records the author."""
    return _changed(request, author, name, asked, budget.extend)


@router.post("/searches/{name}/set", response_model=models.Steered)
def set_(request: Request, author: Author, name: Name, asked: models.ChangeRequest) -> Response:
    """Change a search's slots, budget or rules while it lives. An event records the author."""
    return _changed(request, author, name, asked, budget.adjust)


def _changed(
    request: Request,
    author: str,
    name: str,
    asked: Changes,
    change: Callable[[Store, str, Changes, str], Search],
) -> Response:
    verb = request.url.path.rpartition("/")[2]
    check_places(request, asked, f"alignsearch {verb} {name}")
    mirror = context_of(request).mirror
    mirror.check()
    try:
        search = change(mirror.store, name, asked, author)
    except ConfigurationError as error:
        message, field = in_fields(str(error))
        raise RefusedError(422, "invalid", message, field=field) from error
    return steered(request, name, budget.outcome_in_words(search))
