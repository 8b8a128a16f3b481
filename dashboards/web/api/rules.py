"""The endpoint of the table of learning rules. It needs no login."""

from fastapi import APIRouter, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.responses import json_response

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)


@router.get("/rules", response_model=models.RuleTables)
def rules(request: Request) -> Response:
    """Read the tables of the learning rules that `alignsearch experiment rules` compares.

    A table has the rules of one task and one budget: how far each is, and how they compare by the
    errors of their fresh seeds so far.
    """
    return json_response(request, context_of(request).rule_tables.tables())
