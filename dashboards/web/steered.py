"""Response to a change of a search: what was done, and where the search stands since."""

from fastapi import Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web import payloads
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.responses import json_response


def steered(request: Request, name: str, message: str) -> Response:
    """Respond with a message for people and the search's progress, read anew."""
    mirror = context_of(request).mirror
    mirror.refresh(name)
    done = models.Steered(message=message, summary=payloads.summary_of(mirror, name))
    return json_response(request, done)
