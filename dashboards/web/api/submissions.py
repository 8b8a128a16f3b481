"""Endpoints that submit a search: the form, a check without writing, and the submission."""

import asyncio
import re

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from alignsearch.dashboards import models
from alignsearch.dashboards.web import payloads
from alignsearch.dashboards.web.api.sessions import Author
from alignsearch.dashboards.web.context import Context, context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.dashboards.web.responses import json_response
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import ClusterError, NameTakenError
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.catalog import SPACES

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)

SUBMIT_SECONDS = 120.0
"""Longest check of a submission, which may have to reach a Ray cluster."""

_OPTION = re.compile(r"--([a-z][a-z-]*)")

_CONFLICTS = {each.__name__ for each in (ClusterError, NameTakenError)}


@router.get("/submit", response_model=models.SubmitForm)
async def submit_form(request: Request) -> Response:
    """Describe the form for a new search: search spaces, and fields with their defaults."""
    fields = models.submit_fields()
    form = models.SubmitForm(
        spaces=[payloads.space_model(space) for space in SPACES.values()],
        fields=fields,
        defaults={field.name: field.default for field in fields},
    )
    return json_response(request, form)


@router.post("/submit/check", response_model=models.Checked)
async def check_submission(
    request: Request, author: Author, asked: models.SubmitRequest
) -> Response:
    """Check a submission as the command line does, without writing it."""
    search = await _prepared(context_of(request), asked, author)
    return json_response(request, models.Checked(ok=True, search=search.model_dump(mode="json")))


@router.post("/submit", response_model=models.Submitted, status_code=201)
async def submit(request: Request, author: Author, asked: models.SubmitRequest) -> Response:
    """Submit a search, as `alignsearch submit` does."""
    context = context_of(request)
    search = await _prepared(context, asked, author)
    create = context.submitter.create
    created = await run_in_threadpool(create, context.mirror.store, search, asked.name is not None)
    submitted = models.Submitted(name=created.name, href=f"/searches/{created.name}")
    return json_response(request, submitted, 201)


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
        message, field = _in_fields(message)
        status = 409 if kind in _CONFLICTS else 422
        raise RefusedError(status, "invalid", message, field=field)
    if asked.warm_start is None:
        return made
    store = context.mirror.store
    return await run_in_threadpool(submitter.with_warm_start, store, made, asked.warm_start)


def _in_fields(message: str) -> tuple[str, str | None]:
    """Return the message with fields in the place of options, and the first of these fields."""
    named: list[str] = []

    def field_of(option: re.Match[str]) -> str:
        field = option[1].replace("-", "_")
        if field not in Submission.model_fields:
            return option[0]
        named.append(field)
        return field

    return _OPTION.sub(field_of, message), next(iter(named), None)
