"""Models of submitting a search."""

from typing import Literal

from pydantic import JsonValue

from alignsearch.dashboards.models.base import Model
from alignsearch.dashboards.models.searches import Space
from alignsearch.spaces.space import Value


class SubmitField(Model):
    """A field of the form for a new search."""

    name: str
    kind: Literal["integer", "number", "text", "choice"]
    options: list[str] | None
    required: bool
    default: Value
    help: str


class SubmitForm(Model):
    """The form for a new search: search spaces, fields and their default values."""

    spaces: list[Space]
    fields: list[SubmitField]
    defaults: dict[str, Value]


class Checked(Model):
    """The search document that a submission would write."""

    ok: Literal[True]
    search: dict[str, JsonValue]


class Submitted(Model):
    """The name of the new search and the path of its page."""

    name: str
    href: str
