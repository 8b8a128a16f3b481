"""Data that come from users, as plain Python data and as BSON stores them.

Users choose the labels of dimensions, the names of metrics and the keys of configurations, so any
text can be a key. In BSON a dot separates the parts of a path and a dollar sign begins an operator:
keys are therefore escaped on their way into the store, and unescaped on their way out.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from alignment_core.errors import ConfigurationError

MOST_LEVELS = 80
"""Levels of lists and dictionaries in one value. MongoDB stores at most 100 in a whole document."""

IN_BSON = {"bson": True}
"""Context with which pydantic's models are written as BSON's types and read from them."""

_LARGEST = 2**63
_TO_ESCAPE = re.compile(r"[%.$]")
_ESCAPED = re.compile(r"%([0-9A-F]{2})")
_EMPTY = "%"
"""The stored form of the empty key, which some servers refuse."""
_NOT_TEXT = "%:"
"""The beginning of a stored key that is no text; JSON follows. Escaped text has no `%:`."""


def escape_key(key: object) -> str:
    """Return the form in which the store keeps a key of a dictionary: `lr.0` becomes `lr%2E0`."""
    if not isinstance(key, str):
        return _NOT_TEXT + _escaped(json.dumps(key))
    return _escaped(key) if key else _EMPTY


def unescape_key(stored: str) -> Any:
    """Return the key that `escape_key` has made this stored form of."""
    if "%" not in stored:
        return stored
    if stored == _EMPTY:
        return ""
    if stored.startswith(_NOT_TEXT):
        return json.loads(_unescaped(stored.removeprefix(_NOT_TEXT)))
    return _unescaped(stored)


def _escaped(text: str) -> str:
    return _TO_ESCAPE.sub(lambda found: f"%{ord(found[0]):02X}", text)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def to_stored(value: Any) -> Any:
    """Return plain data with escaped keys, as `from_stored` reads them back."""
    if isinstance(value, dict):
        return {escape_key(key): to_stored(each) for key, each in value.items()}
    return [to_stored(each) for each in value] if isinstance(value, list) else value


def from_stored(value: Any) -> Any:
    """Return the plain data that `to_stored` was given."""
    if isinstance(value, dict):
        return {unescape_key(key): from_stored(each) for key, each in value.items()}
    if isinstance(value, list):
        return [from_stored(each) for each in value]
    # PyMongo reads a large integer as a subclass of int.
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def plain(value: Any, where: str) -> Any:
    """Return the value as plain data: scalars, and lists and dictionaries of plain data.

    NumPy's numbers and arrays become Python's, and tuples become lists.

    Args:
        value: the value to convert.
        where: the value's name in error messages, like `config`.

    Raises:
        ConfigurationError: a part of it is no plain data; the message says which part.

    Example:
        >>> plain({"units": (8, np.int64(4))}, "config")
        {'units': [8, 4]}
    """
    return _plain(value, where, MOST_LEVELS)


def _plain(value: Any, where: str, levels: int) -> Any:
    if value is None or type(value) in (float, bool):
        return value
    if type(value) is int:
        return _integer(value, where)
    if type(value) is str:
        return _text(value, where)
    if isinstance(value, Mapping | list | tuple):
        return _container(value, where, levels)
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), where, levels)
    for base in (int, float, str):
        # A subclass, like an IntEnum, is stored as what it is a kind of.
        if isinstance(value, base):
            return _plain(base(value), where, levels)
    raise ConfigurationError(
        f"{where} is no plain data but a {type(value).__name__}: use numbers, texts, True, False, "
        "None, and lists and dictionaries of them"
    )


def _container(value: Any, where: str, levels: int) -> Any:
    if not levels:
        raise ConfigurationError(f"{where} is nested more than {MOST_LEVELS} levels deep")
    if isinstance(value, Mapping):
        return {
            _key(key, where): _plain(each, f"{where}[{key!r}]", levels - 1)
            for key, each in value.items()
        }
    return [_plain(each, f"{where}[{at}]", levels - 1) for at, each in enumerate(value)]


def _integer(value: int, where: str) -> int:
    if not -_LARGEST <= value < _LARGEST:
        raise ConfigurationError(f"{where} is an integer of more than 64 bits")
    return value


def _key(key: Any, where: str) -> Any:
    if isinstance(key, str):
        return _text(key, f"a key of {where}")
    if key is None or isinstance(key, bool | int | float):
        return key
    raise ConfigurationError(f"a key of {where} is no text or number: {key!r}")


def _text(text: str, where: str) -> str:
    if "\0" in text:
        raise ConfigurationError(f"{where} has a NUL character, which no store can hold: {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{where} is no valid Unicode text: {text!r}") from None
    return text


class UserData:
    """Annotation of a document's field whose keys or values users choose.

    The field accepts plain data only. Its keys are escaped in BSON.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_before_validator_function(
            _read,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(_write, info_arg=True),
        )


def _read(value: Any, info: ValidationInfo) -> Any:
    return from_stored(value) if info.context is IN_BSON else plain(value, "the value")


def _write(value: Any, info: core_schema.SerializationInfo) -> Any:
    return to_stored(value) if info.context is IN_BSON else value
