"""Checks that documents are those of one search: of a file to be loaded, or of a dump."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from bson.int64 import Int64
from bson.objectid import ObjectId
from pydantic import ValidationError

from alignsearch.search.documents import (
    NAME_FORM,
    AttemptLog,
    Document,
    Epoch,
    Event,
    GivenPoint,
    Search,
    Trial,
    first_problem,
)
from alignsearch.search.documents.checkpoint_names import inherited_by_a_copy
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.limits import MOST_PARALLEL
from alignsearch.search.documents.search import FOLDER_FORM
from alignsearch.search.store.connection import Record
from alignsearch.search.store.numbering import MARK

MOST_NAMED = 3
"""Unreadable documents that the line about a dump names; it tells how many more there are."""

_PLAIN = (str, bool, int, Int64, float, datetime, ObjectId, type(None))

D = TypeVar("D", bound=Document)

logger = logging.getLogger(__name__)

PARTS: Mapping[str, type[Document]] = {
    "trials": Trial,
    "epochs": Epoch,
    "logs": AttemptLog,
    "points": GivenPoint,
    "events": Event,
}
"""Kinds of the documents that belong to a search, by their collections."""


class Checks:
    """Checks documents one by one: all must belong to one search, and none may come twice."""

    def __init__(self) -> None:
        self.name = ""
        self.search: Record | None = None
        self.counter: Record | None = None
        self.last_seq = 0
        self.folders: tuple[str, ...] = ()
        self._ids: set[tuple[str, str]] = set()

    def begin(self, header: Record) -> None:
        """Check the file's header; raise ValueError if its folders could lead out of another."""
        found = header.get("checkpoint_folders", [])
        if not isinstance(found, list) or not all(
            isinstance(each, str) and re.fullmatch(FOLDER_FORM, each) for each in found
        ):
            raise ValueError("its header names no checkpoint folders of a search")
        self.folders = tuple(found)

    def take(self, collection: str, document: Any) -> None:
        """Check the next document; raise ValueError if it doesn't belong to the search."""
        if not isinstance(document, dict) or not _is_plain(document):
            raise ValueError("this is no document of a search")
        self._only_once(collection, document.get("_id"))
        if collection == "searches":
            self._take_search(document)
        elif collection == "counters":
            _belongs(document.keys() == {"_id", "seq"} and document["_id"] == self.name)
            _belongs(isinstance(document["seq"], int))
            self.counter = document
        elif collection == "trials":
            trial = _decoded(Trial, document)
            _belongs(trial.search == self.name)
            self._only_once("seq", trial.seq)
            if trial.seq < MARK:
                self.last_seq = max(self.last_seq, trial.seq)
        elif collection == "epochs":
            epoch = _decoded(Epoch, document)
            _belongs(("trials", epoch.trial) in self._ids)
            _belongs(document["_id"] == epoch.to_bson()["_id"])
        elif collection == "logs":
            log = _decoded(AttemptLog, document)
            _belongs(("trials", log.trial) in self._ids)
            _belongs(document["_id"] == log.to_bson()["_id"])
        elif collection == "points":
            _belongs(_decoded(GivenPoint, document).search == self.name)
        elif collection == "events":
            event = _decoded(Event, document)
            _belongs(event.search == self.name and isinstance(document["_id"], ObjectId))
        else:
            raise ValueError(f"a search has no {collection!r}")

    def _take_search(self, document: Record) -> None:
        plain = {key: value for key, value in document.items() if key != "change"}
        _belongs(self.search is None)
        found = _decoded(Search, plain)
        self.search, self.name = document, found.name
        if "token" not in document:
            # Earlier versions named its folder after its date, and no header tells of it.
            self.folders = tuple(dict.fromkeys([*self.folders, *inherited_by_a_copy(found)]))
        if not NAME_FORM.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a search")
        if found.parallel > MOST_PARALLEL:
            # A driver would make a slot for each.
            raise ValueError(f"parallel: a search has {MOST_PARALLEL} slots at most")

    def _only_once(self, kind: str, key: object) -> None:
        _belongs((kind, str(key)) not in self._ids)
        self._ids.add((kind, str(key)))


class Findings:
    """Documents of a search that is dumped, as far as `load` would refuse them."""

    def __init__(self) -> None:
        self._checks = Checks()
        self._number = 0
        self._first: list[str] = []

    def note(self, collection: str, document: Record) -> None:
        """Check the next document as `load` will."""
        try:
            self._checks.take(collection, document)
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            words = str(error).splitlines() or [type(error).__name__]
            self._note(f"{document.get('_id')} of {collection} ({words[0]})")

    def _note(self, what: str) -> None:
        self._number += 1
        if len(self._first) < MOST_NAMED:
            self._first.append(what)

    def say(self, name: str, file: Path) -> None:
        """Log a line if the file of the search can't be loaded as it is."""
        if self._checks.counter is None:
            self._note(f"{name} of counters (it is lost)")
        if self._number:
            more = self._number - len(self._first)
            named = ", ".join([*self._first, *([f"and {more} more"] if more else [])])
            logger.warning(
                "search %s: documents that can't be read are in %s as they are stored: %s; "
                "`alignsearch load` refuses the file until they are mended in the store and the "
                "search is dumped again",
                name,
                file,
                named,
            )


def _decoded(kind: type[D], document: Record) -> D:
    try:
        return kind.from_bson(document)
    except StoreCorruptedError as error:
        invalid = error.__cause__
        what = first_problem(invalid) if isinstance(invalid, ValidationError) else str(error)
        raise ValueError(what) from error


def _belongs(condition: bool) -> None:
    if not condition:
        raise ValueError("this document doesn't belong to the file's search")


def _is_plain(value: Any) -> bool:
    """Return whether the value is data alone: no code (a subclass of str), no operators."""
    if isinstance(value, dict):
        return all("$" not in key and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN
