"""Models of logging in."""

from typing import Literal

from pydantic import Field

from alignsearch.dashboards.models.base import Model

LONGEST_NAME = 64
"""Characters of a person's name: events print it in one line."""
LONGEST_TOKEN = 256
"""Characters of a token; ours has 32. Hashing a longer one would only cost time."""

Login = Literal["none", "needed", "done", "impossible"]
"""A session's need to log in before it steers: `none` needed, `needed`, `done`, or `impossible`
because the dashboard is open to the network and has no token."""


class SessionState(Model):
    """The reader's session. Every POST sends `csrf` in the header X-CSRF-Token."""

    user: str | None
    can_steer: bool
    login: Login
    why: str | None
    csrf: str


class LoginRequest(Model):
    """A person's name, which events will carry, and the dashboard's token."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[\w.@+-][\w .@+-]*$")
    token: str = Field(min_length=1, max_length=LONGEST_TOKEN)
