"""Endpoints that take files: points, results from elsewhere, and dumps of whole searches.

A file is the request's body, as bytes. Its sender's rights are checked before any of it is read.
"""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.models.base import LONGEST_NAME
from alignsearch.dashboards.web.api.sessions import FileAuthor
from alignsearch.dashboards.web.behind_proxy import search_page
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.given import enqueued_response, imported_response
from alignsearch.dashboards.web.parameters import Name
from alignsearch.dashboards.web.responses import json_response
from alignsearch.dashboards.web.uploads import read_upload, uploaded
from alignsearch.search.documents.limits import LONGEST_TEXT
from alignsearch.search.use_cases import enqueueing, importing
from alignsearch.search.use_cases.giving import Given
from alignsearch.search.use_cases.importing import Imported

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)

FileName = Annotated[
    str, Query(max_length=LONGEST_TEXT, description="Name of the file, for messages and events.")
]
_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/searches/{name}/points/file", response_model=models.GivenPoints, openapi_extra=_BYTES
)
async def enqueue_file(
    request: Request, author: FileAuthor, name: Name, file: FileName = "the file"
) -> Response:
    """Let a search try the points of a file first: CSV with a header, or JSON lines."""
    mirror = context_of(request).mirror
    mirror.check()

    def give(path: Path) -> Given:
        wanted = enqueueing.of_file(mirror.store, name, path)
        return enqueueing.enqueue(mirror.store, name, wanted, author)

    async with uploaded(request, file) as path:
        given = await read_upload(path, give)
    return enqueued_response(request, given)


@router.post(
    "/searches/{name}/results/file", response_model=models.GivenPoints, openapi_extra=_BYTES
)
async def import_file(
    request: Request,
    author: FileAuthor,
    name: Name,
    file: FileName = "the file",
    format: Annotated[
        str, Query(max_length=LONGEST_NAME, description="csv, or optuna for its SQLite file.")
    ] = "csv",
    study: Annotated[
        str | None,
        Query(max_length=LONGEST_TEXT, description="Optuna's study, where the file has several."),
    ] = None,
) -> Response:
    """Import the results of a file as finished trials, which spend nothing of the budget."""
    mirror = context_of(request).mirror
    mirror.check()

    def take(path: Path) -> Imported:
        return importing.import_file(mirror.store, name, path, format, author, study or None)

    async with uploaded(request, file) as path:
        done = await read_upload(path, take)
    return imported_response(request, done)


@router.post("/load", response_model=models.Submitted, status_code=201, openapi_extra=_BYTES)
async def load(
    request: Request,
    author: FileAuthor,
    file: FileName = "the file",
    name: Annotated[
        str | None,
        Query(max_length=LONGEST_NAME, description="Name of the search. Default: the one it had."),
    ] = None,
) -> Response:
    """Load a search from a file of `alignsearch dump`, compressed or not."""
    # Imported late, as by the commands: little else needs it.
    from alignsearch.search.store import dump

    mirror = context_of(request).mirror
    mirror.check()

    def loaded(path: Path) -> str:
        checked = dump.check(path)
        return dump.load(
            mirror.store, checked, name=name or None, who=author, source=checked.file.name
        )

    async with uploaded(request, file) as path:
        made = await read_upload(path, loaded)
    return json_response(request, models.Submitted(name=made, href=search_page(request, made)), 201)
