"""Documents as readers want them: one that can't be read takes only itself out of sight."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.store.connection import Record

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Readable:
    """Decodes documents of one kind without the unreadable ones, each of which is logged once.

    kind: of the documents, as the line names it.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.left_out: set[str] = set()
        """Each `_id` that was left out, as text."""

    def of(self, documents: Iterable[Record], decode: Callable[[Record], T]) -> list[T]:
        """Return the documents that can be read, decoded."""
        found = (self.one(document, decode) for document in documents)
        return [each for each in found if each is not None]

    def one(self, document: Record, decode: Callable[[Record], T]) -> T | None:
        """Return the document, decoded; None if it can't be read."""
        try:
            return decode(document)
        except StoreCorruptedError as error:
            self.leave_out(document.get("_id"), error)
            return None

    def leave_out(self, key: object, error: AlignSearchError) -> None:
        """Log that the document with this `_id` is left out, once."""
        if str(key) not in self.left_out:
            self.left_out.add(str(key))
            logger.warning("%s %s is left out: %s", self._kind, key, error)
