"""Endpoints that submit a search: the form, a check without writing, and the submission."""

import asyncio
import logging
import re

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from alignment_core.errors import AlignSearchError
from alignsearch.dashboards import models
from alignsearch.dashboards.models.forms import command_of
from alignsearch.dashboards.web.api.sessions import Author
from alignsearch.dashboards.web.behind_proxy import search_page
from alignsearch.dashboards.web.context import Context, context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.dashboards.web.places import check_places
from alignsearch.dashboards.web.responses import json_response
from alignsearch.dashboards.web.space_payloads import definition_model
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import ClusterError, NameTakenError
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.definitions import SHIPPED, find_definition, installed_names

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)

SUBMIT_SECONDS = 120.0
"""Longest check of a submission, which may have to reach a Ray cluster."""

OFFER_SECONDS = 20.0
"""Longest wait for the import of installed packages' definitions: a person waits for the form."""

_OPTION = re.compile(r"--([a-z][a-z-]*)")

_CONFLICTS = {each.__name__ for each in (ClusterError, NameTakenError)}


@router.get("/submit", response_model=models.SubmitForm)
async def submit_form(request: Request) -> Response:
    """Describe the form for a new search: named definitions, and fields with their defaults."""
    fields = models.submit_fields()
    spaces = [definition_model(name, each) for name, each in SHIPPED.items()]
    if installed_names():
        # Other packages' modules are imported aside: they may take long, or fail.
        future = context_of(request).background.submit(installed_spaces)
        try:
            offered = await asyncio.wait_for(asyncio.wrap_future(future), OFFER_SECONDS)
            spaces = offered + spaces
        except TimeoutError:
            logger.warning("definitions of installed packages take longer than %g s", OFFER_SECONDS)
    form = models.SubmitForm(
        spaces=spaces,
        fields=fields,
        defaults={field.name: field.default for field in fields},
    )
    return json_response(request, form)


@router.post("/submit/check", response_model=models.Checked)
async def check_submission(
    request: Request, author: Author, asked: models.SubmitRequest
) -> Response:
    """Check a submission as the command line does, without writing it."""
    check_places(request, asked, "alignsearch submit")
    search = await _prepared(context_of(request), asked, author)
    return json_response(
        request,
        models.Checked(ok=True, command=command_of(asked), search=search.model_dump(mode="json")),
    )


@router.post("/submit", response_model=models.Submitted, status_code=201)
async def submit(request: Request, author: Author, asked: models.SubmitRequest) -> Response:
    """Submit a search, as `alignsearch submit` does."""
    check_places(request, asked, "alignsearch submit")
    context = context_of(request)
    search = await _prepared(context, asked, author)
    create = context.submitter.create
    created = await run_in_threadpool(create, context.mirror.store, search, asked.name is not None)
    submitted = models.Submitted(name=created.name, href=search_page(request, created.name))
    return json_response(request, submitted, 201)


def installed_spaces() -> list[models.Space]:
    """Return the definitions that installed packages add, without those that can't be imported."""
    found = []
    for name in installed_names():
        try:
            found.append(definition_model(name, find_definition(name)))
        except AlignSearchError as error:
            logger.warning("definition %s can't be offered: %s", name, error)
    return found


async def _prepared(context: Context, asked: Submission, author: str) -> Search:
    submitter = context.submitter
    future = context.background.submit(submitter.prepare, asked, author)
    try:
        made = await asyncio.wait_for(asyncio.wrap_future(future), SUBMIT_SECONDS)
    except TimeoutError:
        raise ClusterError(
            f"the cluster hasn't answered for {SUBMIT_SECONDS:g} s; the search isn't submitted"
        ) from None
    if not isinstance(made, Search):
        kind, message = made
        message, field = in_fields(message)
        status = 409 if kind in _CONFLICTS else 422
        raise RefusedError(status, "invalid", message, field=field)
    if asked.earlier is None:
        return made
    store = context.mirror.store
    return await run_in_threadpool(submitter.with_earlier, store, made, asked)


def in_fields(message: str) -> tuple[str, str | None]:
    """Return the message with fields in the place of options, and the first of these fields."""
    named: list[str] = []

    def field_of(option: re.Match[str]) -> str:
        field = option[1].replace("-", "_")
        if field not in Submission.model_fields:
            return option[0]
        named.append(field)
        return field

    return _OPTION.sub(field_of, message), next(iter(named), None)
