"""Base of all documents: a frozen model that is written and read as BSON.

Only BSON's own types are written, never pickles, so that a store can't run code.
Times are aware UTC, to the millisecond, as in BSON.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.plain_data import IN_BSON

UNSET_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Placeholder for a time that the store sets by its own clock when it writes the document."""


NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Form of a search's name."""
NAME_RULE = "letters, digits, dots, dashes and underscores, 64 at most, a letter or a digit first"
"""`NAME_FORM` in words, for messages."""


_BY_HAND = "it was changed by hand or by another program"
_NEWER = "a newer version of alignsearch has written it: upgrade this one, or go on with that one"
_CAUSES = {"extra_forbidden": _NEWER, "enum": _NEWER, "literal_error": _NEWER}


class Document(BaseModel):
    """A document or a part of one, frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id_field: ClassVar[str | None] = None
    """Name of the field that is stored as `_id`; None for a part of a document."""

    def to_bson(self) -> dict[str, Any]:
        """Return the document as a dictionary of BSON's types."""
        document = self.model_dump(context=IN_BSON)
        if self.id_field is not None:
            document = {"_id": document.pop(self.id_field), **document}
        return document

    @classmethod
    def from_bson(cls, document: Mapping[str, Any]) -> Self:
        """Read a stored document.

        Raises:
            StoreCorruptedError: it doesn't fit the model; the message names document and field.
        """
        fields = {name: value for name, value in document.items() if name != "_id"}
        if cls.id_field is not None:
            fields[cls.id_field] = document.get("_id")
        try:
            return cls.model_validate(fields, context=IN_BSON)
        except ValidationError as error:
            cause = _CAUSES.get(error.errors()[0]["type"], _BY_HAND)
            raise StoreCorruptedError(
                f"the store's {cls.__name__.lower()} document {document.get('_id')!r} can't be "
                f"read: {first_problem(error)}; {cause}"
            ) from error


def first_problem(error: ValidationError) -> str:
    """Return the first fault of a document, with its field, in words."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
