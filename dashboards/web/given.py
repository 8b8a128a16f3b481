"""Response to points or results that were given to a search."""

from fastapi import Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web import payloads
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.responses import json_response
from alignsearch.search.use_cases.enqueueing import waits_for
from alignsearch.search.use_cases.giving import Given, counted
from alignsearch.search.use_cases.importing import Imported


def given_response(request: Request, given: Given, message: str) -> Response:
    """Respond with a message for people, what was left out, and the search's progress."""
    mirror, name = context_of(request).mirror, given.search.name
    mirror.refresh(name)
    response = models.GivenPoints(
        message=message,
        numbers=[point.number for point in given.points],
        left_out=list(given.left_out),
        summary=payloads.summary_of(mirror, name),
    )
    return json_response(request, response)


def enqueued_response(request: Request, given: Given) -> Response:
    """Respond with the points that a search is to try first."""
    points = counted(len(given.points), "point")
    waits = waits_for(context_of(request).mirror.store, given)
    return given_response(request, given, f"{points} to be tried first{waits}")


def imported_response(request: Request, done: Imported) -> Response:
    """Respond with what an import has added to a search."""
    when = "; the driver adds them within a second" if done.waits and done.points else ""
    return given_response(request, done, f"{counted(len(done.points), 'result')} imported{when}")
