"""Changes of a document by dotted path, as a MongoDB `$set` and on the document in memory."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from alignsearch.search.documents.base import Document

Changes = Mapping[str, Any]
"""New values by dotted path: `attempts.2.outcome` is a field of a document in a dictionary."""

D = TypeVar("D", bound=Document)


def as_stored(changes: Changes) -> dict[str, Any]:
    """Return the changes with BSON's types only, as `$set` takes them."""
    return {path: _plain(value) for path, value in changes.items()}


def apply(document: D, changes: Changes) -> D:
    """Return a copy of the document with the changes, without validating it again.

    Raises:
        KeyError: a path leads through an entry that a dictionary of the document lacks.
    """
    updates: dict[str, Any] = {}
    for path, value in changes.items():
        name, *rest = path.split(".")
        holder = updates.get(name, getattr(document, name)) if rest else None
        updates[name] = _replaced(holder, rest, value) if rest else value
    # One copy for all changes: a trial is copied several times in its life, by driver and worker.
    return document.model_copy(update=updates)


def _plain(value: Any) -> Any:
    if isinstance(value, Document):
        return value.to_bson()
    return value.value if isinstance(value, Enum) else value


def _replaced(holder: Any, path: list[str], value: Any) -> Any:
    name, rest = path[0], path[1:]
    if isinstance(holder, dict):
        return {**holder, name: _replaced(holder[name], rest, value) if rest else value}
    inner = _replaced(getattr(holder, name), rest, value) if rest else value
    return holder.model_copy(update={name: inner})
