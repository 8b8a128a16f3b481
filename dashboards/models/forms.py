"""What people send and the forms need: logging in, submitting."""

from typing import Literal

from pydantic import Field, JsonValue

from alignsearch.dashboards.models.base import Model
from alignsearch.dashboards.models.searches import Space
from alignsearch.dashboards.web.auth import LONGEST_TOKEN, Login
from alignsearch.spaces.space import Value

LONGEST_NAME = 64


class SessionState(Model):
    """Who asks, and whether they may steer; `csrf` goes into X-CSRF-Token of every POST."""

    user: str | None
    can_steer: bool
    login: Login
    why: str | None
    csrf: str


class LoginRequest(Model):
    """A person's name, which events will carry, and the dashboard's token."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[\w.@+-][\w .@+-]*$")
    token: str = Field(min_length=1, max_length=LONGEST_TOKEN)


class SubmitField(Model):
    """A field of the form for a new search."""

    name: str
    kind: Literal["integer", "number", "text", "choice"]
    options: list[str] | None
    required: bool
    default: Value
    help: str


class SubmitForm(Model):
    """All that a new search needs."""

    spaces: list[Space]
    fields: list[SubmitField]
    defaults: dict[str, Value]


class Checked(Model):
    """The search as it would be written."""

    ok: Literal[True]
    search: dict[str, JsonValue]


class Submitted(Model):
    """The search that was written, and its page."""

    name: str
    href: str
