"""Endpoints of a search's confirmation: ask for it, and read what it says."""

from fastapi import APIRouter, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web.api.sessions import Author
from alignsearch.dashboards.web.confirmation_payloads import confirmation_state
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import Name
from alignsearch.dashboards.web.responses import json_response
from alignsearch.dashboards.web.steered import steered
from alignsearch.search.use_cases.confirming import confirm, outcome_in_words

router = APIRouter(prefix="/api")


@router.get(
    "/searches/{name}/confirmation",
    response_model=models.ConfirmationState,
    responses=models.JSON_ERRORS,
)
def confirmation(request: Request, name: Name) -> Response:
    """Read how far a search's confirmation is, and which trial it names."""
    mirror = context_of(request).mirror
    mirrored = mirror.get(name)
    with mirrored.lock:
        standing = mirrored.standing()
    return json_response(request, confirmation_state(mirrored.search, standing))


@router.post(
    "/searches/{name}/confirm", response_model=models.Steered, responses=models.CHANGE_ERRORS
)
def ask_to_confirm(
    request: Request, author: Author, name: Name, asked: models.ConfirmRequest
) -> Response:
    """Repeat the best trials on fresh seeds. An event records the author."""
    mirror = context_of(request).mirror
    mirror.check()
    search = confirm(mirror.store, name, author, top=asked.top, seeds=asked.seeds)
    return steered(request, name, outcome_in_words(search))
