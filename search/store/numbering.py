"""Numbers of changes, by which readers of a search's trials miss no change.

Each change gets the next number of its search's counter as the trial's `seq`, and a reader asks
for the changes after the last number it saw. A number drawn before its write could appear after a
higher one, and be missed. So a write sets a mark in place of the number (larger than any number,
and random, because seq is unique), and the next reader numbers many marks at once. A reader reads
the counter, numbers the marks, and reads up to the counter's number: every change that was
numbered up to there had been written before, so the reader sees it.
"""

import logging
import secrets
from collections.abc import Sequence

from alignsearch.search.documents.errors import StoreCorruptedError, StoreRefusedError
from alignsearch.search.store.connection import Record, StoreConnection

logger = logging.getLogger(__name__)

# Both below 2**53, so that programs that know numbers as doubles only read them exactly.
MARK = 2**52
"""The lowest mark, and above the highest number of a change."""
_MARK_BITS = 52

NUMBERINGS = 2
"""Rounds of numbering before a reader reads: a second one gets most marks set during the first."""

NUMBERED_AT_ONCE = 100
"""Trials numbered in one command: a thousand take a busy embedded server seconds."""


class Numbering:
    """The counters of searches, and the numbering of their trials' changes."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection

    def counter(self, search: str) -> Record:
        """Return the search's counter, which holds the last number that was drawn.

        One that was lost or damaged is made anew from the trials.

        Raises:
            StoreCorruptedError: there is no such search.
        """
        counter = self._db.find_one("counters", {"_id": search})
        if counter is None or not isinstance(counter.get("seq"), int):
            counter = self._made_anew(counter, search)
        return {**(counter or {}), "seq": _seq_of(counter, search)}

    def _made_anew(self, damaged: Record | None, search: str) -> Record | None:
        """Have a damaged counter go on from the highest number of a trial; return it then."""
        if self._db.find_one("searches", {"_id": search}, fields=["_id"]) is None:
            # It is being deleted, loaded or renamed, or there is none.
            return damaged
        numbered = {"search": search, "seq": {"$lt": MARK}}
        numbers = [each["seq"] for each in self._db.find("trials", numbered, fields=["seq"])]
        last = max((int(each) for each in numbers), default=0)
        logger.warning(
            "the counter of search %s is %s; it goes on from the last change of its trials, %d",
            search,
            "lost" if damaged is None else f"damaged (its number is {damaged.get('seq')!r})",
            last,
        )
        anew: Record = {"_id": search, "seq": last}
        try:
            if damaged is None:
                self._db.insert("counters", anew)
            else:
                as_read = {"_id": search, "seq": damaged.get("seq")}
                self._db.update("counters", as_read, {"$set": {"seq": last}})
        except StoreRefusedError:
            # A reader that may not write leaves it to the driver.
            return {**(damaged or {}), **anew}
        return self._db.find_one("counters", {"_id": search}) or anew

    def last_change(self, search: str) -> int:
        """Number the changes without a number; return the number up to which all can be read.

        A reader that may not write leaves the numbering to the search's driver.
        """
        for _ in range(NUMBERINGS):
            counter = self.counter(search)
            last: int = counter["seq"]
            marked = self._db.find("trials", marked_in(search), fields=["seq"])
            if not marked:
                break
            try:
                for first in range(0, len(marked), NUMBERED_AT_ONCE):
                    self._number(search, marked[first : first + NUMBERED_AT_ONCE])
            except StoreRefusedError:
                # A drawn number may still be missing on its trial, but none up to the tally's.
                tally = counter.get("tally")
                summed = tally.get("seq") if isinstance(tally, dict) else None
                return summed if isinstance(summed, int) else last
        return last

    def _number(self, search: str, marked: Sequence[Record]) -> None:
        """Give marked trials of the search their numbers, unless others just did."""
        last = _seq_of(self._db.increase("counters", search, "seq", len(marked)), search)
        numbers = range(last - len(marked) + 1, last + 1)
        self._db.update_each(
            "trials",
            [
                # One index has both fields; with `_id` the embedded server tries all indexes first.
                ({"search": search, "seq": found["seq"]}, {"$set": {"seq": number}})
                for found, number in zip(marked, numbers, strict=True)
            ],
        )


def marked_in(search: str) -> Record:
    """Return the condition that the search's trials without a number fulfil."""
    return {"search": search, "seq": {"$gte": MARK}}


def new_mark() -> int:
    """Return a random mark, which stands for a change's number until a reader numbers it."""
    return MARK + secrets.randbits(_MARK_BITS)


def _seq_of(counter: Record | None, search: str) -> int:
    if counter is None:
        raise StoreCorruptedError(
            f"the store has no counter for search {search!r}: the search doesn't exist, or its "
            "counter was deleted by hand"
        )
    seq = counter.get("seq")
    if not isinstance(seq, int):
        raise StoreCorruptedError(
            f"the counter of search {search!r} can't be read: its number is {seq!r}; it was "
            "changed by hand or by another program"
        )
    return seq
