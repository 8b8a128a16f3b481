"""Shared path and query parameters, and downloadable text responses."""

import re
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Response

from alignsearch.dashboards.models.base import LARGEST_NUMBER, LONGEST_NAME
from alignsearch.dashboards.web import exports

LONGEST_LABEL = 1000
"""Characters of a column's or a metric's name in a query: labels are as long as users make them."""
MOST_COMPARED = 8
"""Searches side by side: a comparison has eight colours."""

Name = Annotated[
    str, Path(min_length=1, max_length=LONGEST_NAME, description="Name of the search.")
]
Tid = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="Number of the trial.")]
Rev = Annotated[
    int, Query(ge=0, le=LARGEST_NUMBER, description="Revision: only what changed after it is sent.")
]
Names = Annotated[
    list[Annotated[str, Query(max_length=200)]], Query(min_length=1, max_length=MOST_COMPARED)
]
MetricName = Annotated[
    str | None,
    Query(max_length=LONGEST_LABEL, description="Name of the metric; the search's first if none."),
]
Format = Annotated[Literal["text", "markdown", "latex", "csv", "json"], Query()]
Download = Annotated[bool, Query(description="Send the text as a file to save.")]
Published = Annotated[bool, Query(description="Include the paper's own four columns.")]

TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "The table as text"}
}


def numbers(text: str) -> list[int]:
    """Parse whole numbers separated by commas; an empty text has none."""
    return [int(each) for each in text.split(",")] if text else []


def file_of(text: str, format: str, name: str, *, download: bool) -> Response:
    """Respond with a table as text, or as a file of this name."""
    # A search's name may contain characters that are not allowed in a header.
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'} if download else {}
    return Response(text, media_type=exports.MEDIA_TYPES[format], headers=headers)
