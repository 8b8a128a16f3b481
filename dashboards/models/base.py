"""Base of all models, and the errors that endpoints respond with."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

Numbers = list[float | None]
LARGEST_NUMBER = 2**53
"""JavaScript's numbers are exact up to this one."""
LONGEST_NAME = 200
"""Characters of a search's name or of a tag in a request; longer ones are refused unread."""


class Model(BaseModel):
    """Base class: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WithoutEmptyFields(BaseModel):
    """A request in which a field that is null or empty counts as missing, as forms send them."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_fields(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None and value != ""}


class ErrorDetail(Model):
    """An error: a `code` for programs, a `message` for people, and the parameter at fault."""

    code: str
    message: str
    field: str | None = None


class Error(Model):
    """Response to every request that fails."""

    error: ErrorDetail


class Health(Model):
    """State of the store: its address, whether it answers, and its error if not."""

    store: str
    available: bool
    message: str
    version: str


class Nothing(Model):
    """An empty JSON object."""


JSON_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": words}
    for status, words in (
        (400, "Malformed request, or a Host header of another machine"),
        (404, "No such search, trial or column"),
        (422, "A value out of range or of the wrong kind"),
        (503, "The store doesn't answer; try again"),
    )
}
CHANGE_ERRORS: dict[int | str, dict[str, Any]] = {
    **JSON_ERRORS,
    **{
        status: {"model": Error, "description": words}
        for status, words in (
            (401, "A login or the dashboard's token is needed"),
            (403, "Steering isn't allowed, or the CSRF token is missing"),
            (409, "The search's state doesn't allow it"),
            (413, "The body is too large"),
            (429, "Too many failed logins"),
        )
    },
}
