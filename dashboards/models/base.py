"""What all answers have in common, and errors."""

from typing import Any

from pydantic import BaseModel, ConfigDict

Numbers = list[float | None]


class Model(BaseModel):
    """Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorDetail(Model):
    """What is wrong, in words for people; `field` names the parameter, if it is one's fault."""

    code: str
    message: str
    field: str | None = None


class Error(Model):
    """The answer to every request that can't be done."""

    error: ErrorDetail


class Health(Model):
    """Whether the store answers; what it says if not."""

    store: str
    available: bool
    message: str
    version: str


class Nothing(Model):
    """An empty body."""


JSON_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": words}
    for status, words in (
        (400, "Not understood, or for another host"),
        (404, "Unknown"),
        (422, "Invalid"),
        (503, "The store doesn't answer"),
    )
}
CHANGE_ERRORS: dict[int | str, dict[str, Any]] = {
    **JSON_ERRORS,
    **{
        status: {"model": Error, "description": words}
        for status, words in (
            (401, "A login is needed"),
            (403, "Not allowed, or no CSRF token"),
            (409, "Its state doesn't allow it"),
            (413, "Too large"),
            (429, "Too many failed logins"),
        )
    },
}
