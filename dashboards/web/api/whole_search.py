"""Endpoints on a search as a whole: delete and rename it, note, tags, and its best for longer."""

from fastapi import APIRouter, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web.api.sessions import Author
from alignsearch.dashboards.web.behind_proxy import search_page
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import Name
from alignsearch.dashboards.web.responses import json_response
from alignsearch.dashboards.web.steered import steered
from alignsearch.search.use_cases import whole_search
from alignsearch.search.use_cases.longer_training import longer_training

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)


@router.post("/searches/{name}/delete", response_model=models.Deleted)
def delete(request: Request, author: Author, name: Name, _: models.Nothing) -> Response:
    """Delete a search with its trials, epochs, logs, events and checkpoints, for good."""
    mirror = context_of(request).mirror
    mirror.check()
    done = whole_search.delete(mirror.store, name, author)
    mirror.forget(name)
    message = f"{name} is deleted; trials that went with it: {done.trials}"
    return json_response(request, models.Deleted(message=message, left=done.left))


@router.post("/searches/{name}/rename", response_model=models.Submitted)
def rename(request: Request, author: Author, name: Name, asked: models.RenameRequest) -> Response:
    """Give a search another name. Its checkpoints stay where they are."""
    mirror = context_of(request).mirror
    mirror.check()
    search = whole_search.rename(mirror.store, name, asked.name, author)
    mirror.forget(name)
    return json_response(request, _place_of(request, search.name))


@router.post("/searches/{name}/note", response_model=models.Steered)
def note(request: Request, author: Author, name: Name, asked: models.NoteRequest) -> Response:
    """Write a note on a search, in place of the one that it has."""
    mirror = context_of(request).mirror
    mirror.check()
    search = whole_search.note(mirror.store, name, asked.note, author)
    return steered(request, name, f"{name} has {'the' if search.note else 'no'} note")


@router.post("/searches/{name}/tags", response_model=models.Steered)
def tag(request: Request, author: Author, name: Name, asked: models.TagRequest) -> Response:
    """Add tags to a search and remove others."""
    mirror = context_of(request).mirror
    mirror.check()
    search = whole_search.tag(mirror.store, name, asked.add, asked.remove, author)
    return steered(request, name, f"{name} has the tags: {', '.join(search.tags) or 'none'}")


@router.post("/searches/{name}/longer", response_model=models.Submitted, status_code=201)
def longer(request: Request, author: Author, name: Name, asked: models.LongerRequest) -> Response:
    """Submit a search that trains the best trial, or another, for longer and under several seeds.

    A driver trains it where one runs. The same request again gives the same search.
    """
    mirror = context_of(request).mirror
    mirror.check()
    search = longer_training(
        mirror.store,
        name,
        asked.tid,
        epochs=asked.epochs,
        seeds=range(asked.seeds),
        who=author,
    )
    return json_response(request, _place_of(request, search.name), 201)


def _place_of(request: Request, name: str) -> models.Submitted:
    return models.Submitted(name=name, href=search_page(request, name))
