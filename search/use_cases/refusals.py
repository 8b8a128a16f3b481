"""Error messages for values that a pydantic model refuses, in the words of this program."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from alignment_core.errors import ConfigurationError, UnknownNameError

WRONG = "wrong_value"
"""Type of our own errors whose message is a predicate: the field's name is put before it."""

LONGEST_INPUT = 80
"""Characters of a refused value that a message quotes; a message should fit into two lines."""

Given = TypeVar("Given")
Checked = TypeVar("Checked")

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_KINDS = {
    "int": "an integer",
    "float": "a number",
    "finite": "a number",
    "string": "text",
    "tuple": "a list of texts",
}


def checked(
    check: Callable[[Given], Checked], value: Given, *, option: str = "", before: str = ""
) -> Checked:
    """Return what a check makes of a field's value; its error becomes the field's.

    option: the option with which messages begin; it is left out, since the name of the field
        stands there.
    before: words between the name and the message.

    Raises:
        PydanticCustomError: the check has raised a ConfigurationError.
    """
    try:
        return check(value)
    except ConfigurationError as error:
        why = before + str(error).removeprefix(f"{option} ")
        raise PydanticCustomError(WRONG, "{why}", {"why": why}) from error


def message_of(error: Mapping[str, Any], name: str, known: Collection[str] = ()) -> str:
    """Return what is wrong with a value, as a sentence that names its field and the value.

    error: one of a ValidationError's `errors()`. name: the field as its user writes it, like
    `--data-dir`. known: the names of all fields, among which an unknown one is looked for.
    """
    kind: str = error["type"]
    if kind == "unknown_name":
        return str(error["msg"])
    if kind == "missing":
        return f"{name} is missing"
    if kind == "extra_forbidden":
        return str(UnknownNameError("option", str(error["loc"][-1]), known))
    if kind == "string_too_long":
        return f"{name} is longer than {error['ctx']['max_length']} characters"
    return f"{name} {_predicate(error)}"


def _predicate(error: Mapping[str, Any]) -> str:
    kind, given = str(error["type"]), error["input"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == WRONG:
        return str(error["msg"])
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {_number(context[key])}, not {_quoted(given)}"
    if kind == "literal_error":
        return f"must be {context['expected']}, not {_quoted(repr(given))}"
    expected = _KINDS.get(kind.partition("_")[0])
    if expected is not None:
        return f"must be {expected}, not {_quoted(repr(given))}"
    return f"can't be used: {error['msg']}, not {_quoted(repr(given))}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _quoted(given: object) -> str:
    text = str(given)
    return text if len(text) <= LONGEST_INPUT else f"{text[:LONGEST_INPUT]}…"
