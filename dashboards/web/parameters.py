"""What several of the API's addresses take, and texts as answers to keep."""

import re
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Response

from alignsearch.dashboards.web import tables

LARGEST_NUMBER = 2**53
MOST_COMPARED = 8

Name = Annotated[str, Path(min_length=1, max_length=200, description="Name of the search.")]
Tid = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="Number of the trial.")]
Rev = Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="A revision: what is new since.")]
Names = Annotated[
    list[Annotated[str, Query(max_length=200)]], Query(min_length=1, max_length=MOST_COMPARED)
]
Format = Annotated[Literal["markdown", "latex", "csv", "json"], Query()]
Download = Annotated[bool, Query(description="Answer as a file to keep.")]
Published = Annotated[bool, Query(description="The paper's own four columns, too.")]

TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "The table as text"}
}


def numbers(text: str) -> list[int]:
    """The whole numbers of a list with commas; none of an empty text."""
    return [int(each) for each in text.split(",")] if text else []


def file_of(text: str, format: str, name: str, *, download: bool) -> Response:
    """A table as text, or as a file of this name."""
    # Names of searches may hold what a header may not.
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'} if download else {}
    return Response(text, media_type=tables.MEDIA_TYPES[format], headers=headers)
