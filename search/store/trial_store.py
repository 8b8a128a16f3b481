"""Trials in the store: adding, reading, and changing one so that no reader misses it.

How readers follow: each change gets the next number of its search's counter as the
trial's `seq`, and a reader asks for what came after the last number it saw. A number
that was drawn before the write could appear after a higher one and be missed. So a
change is written with a mark in place of the number (larger than any number, and
random, because seq is unique), and numbered by whoever reads, many at a time. A reader
notes the counter, numbers what is marked, and reads up to the number noted: whatever
was numbered up to there had been written before, so it is seen.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Epoch, Trial
from alignsearch.search.documents.errors import StoreCorruptedError, StoreRefusedError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store.connection import Record, StoreConnection

# Both below 2**53, so that programs that know numbers as doubles only read them exactly.
MARK = 2**52
_MARK_BITS = 52

NUMBERINGS = 2
"""How often a reader numbers what it finds without a number before it reads."""

NUMBERED_AT_ONCE = 100
"""Trials numbered in one command, which on a busy embedded server takes seconds for a thousand."""

IDS_AT_ONCE = 500
"""Trials asked for by their ids in one command; for thousands it may take longer than one may."""

CHANGES_AT_ONCE = 1000
"""Numbers whose trials a reader holds in memory together."""

_KNOWN_LIMIT = 1000
"""Names that an error considers as neighbours of an unknown one."""


class TrialStore:
    """Trials and their epochs."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection

    def now(self) -> datetime:
        """Return the server's clock, aware UTC, to the millisecond."""
        return self._db.now()

    def add_trial(self, trial: Trial) -> Trial:
        """Insert a queued trial and return it as stored, as `add_trials` does."""
        return self.add_trials([trial])[0]

    def add_trials(self, trials: Sequence[Trial], *, placed: bool = False) -> list[Trial]:
        """Insert new trials and return them as stored; adding the same again is no error.

        placed: note, too, that they were given to the cluster.
        """
        now = self.now()
        times = {"queued": now, "placed": now} if placed else {"queued": now}
        queued = {
            trial.id: trial.model_copy(update={"seq": 0, "timings": {**times, **trial.timings}})
            for trial in trials
        }
        documents = [{**trial.to_bson(), "seq": _new_mark()} for trial in queued.values()]
        for refused in self._db.insert_each("trials", documents):
            queued[refused["_id"]] = self.get_trial(refused["_id"])
        return list(queued.values())

    def get_trial(self, trial: str, tid: int | None = None) -> Trial:
        """Return a trial by its id, or by its search's name and its tid.

        Raises:
            UnknownNameError: there is none.
        """
        trial_id = trial if tid is None else Trial.key(trial, tid)
        found = self._db.find_one("trials", {"_id": trial_id})
        if found is not None:
            return _decode(found)
        if tid is None:
            ids = self._db.find("trials", {}, limit=_KNOWN_LIMIT, fields=["_id"])
            raise UnknownNameError("trial", trial, (d["_id"] for d in ids))
        tids = self._db.find("trials", {"search": trial}, limit=_KNOWN_LIMIT, fields=["tid"])
        raise UnknownNameError(
            f"trial of search {trial!r}", str(tid), (str(d["tid"]) for d in tids)
        )

    def trials(self, search: str, states: Iterable[TrialState] | None = None) -> list[Trial]:
        """Return the search's trials, or those in some states, by tid."""
        condition: Record = {"search": search}
        if states is not None:
            condition["state"] = {"$in": sorted(state.value for state in states)}
        trials = [_decode(found) for found in self._db.find("trials", condition)]
        return sorted(trials, key=lambda trial: trial.tid)

    def trials_by_id(self, ids: Sequence[str]) -> list[Trial]:
        """Return the trials of these ids, those that there are, in the ids' order."""
        trials = {document["_id"]: _decode(document) for document in self._by_id(ids)}
        return [trials[each] for each in ids if each in trials]

    def changed(self, ids: Sequence[str], seen: dict[str, int]) -> list[Trial]:
        """Return those of the trials that have changed since the last call with this `seen`.

        Unlike `changes` it numbers nothing, and reads all of the trials, changed or not.
        """
        changed = []
        for found in self._by_id(ids):
            if seen.get(found["_id"]) != found.get("seq"):
                seen[found["_id"]] = found["seq"]
                changed.append(_decode(found))
        return changed

    def _by_id(self, ids: Sequence[str]) -> Iterator[Record]:
        for first in range(0, len(ids), IDS_AT_ONCE):
            some = list(ids[first : first + IDS_AT_ONCE])
            yield from self._db.find("trials", {"_id": {"$in": some}})

    def changes(self, search: str, after_seq: int) -> list[Trial]:
        """Return the trials that changed after `after_seq`, by seq; 0 gives all of them.

        A reader that goes on from the last one's seq misses no change. What changes meanwhile it
        may return the next time only; without the right to write, what nobody has numbered too.
        """
        return [trial for page in self.change_pages(search, after_seq) for trial in page]

    def change_pages(self, search: str, after_seq: int) -> Iterator[list[Trial]]:
        """Do as `changes`, a page at a time."""
        yield from self._pages(search, after_seq, self.last_change(search))

    def _pages(self, search: str, after_seq: int, last: int) -> Iterator[list[Trial]]:
        """Yield the trials whose numbers lie in (after_seq, last], by seq, a page at a time."""
        while after_seq < last:
            # By numbers, not by a limit: the embedded server reads all that fits, whatever that is.
            up_to = min(after_seq + CHANGES_AT_ONCE, last)
            condition = {"search": search, "seq": {"$gt": after_seq, "$lte": up_to}}
            yield [_decode(found) for found in self._db.find("trials", condition, sort=["seq"])]
            after_seq = up_to

    def _unnumbered(self, search: str) -> list[Trial]:
        """Return the trials whose last change has no number yet."""
        marked = self._db.find("trials", {"search": search, "seq": {"$gte": MARK}})
        return [_decode(found) for found in marked]

    def _counter(self, search: str) -> Record:
        """Return the search's counter, which holds the last number that was drawn."""
        counter = self._db.find_one("counters", {"_id": search})
        return {**(counter or {}), "seq": _seq_of(counter, search)}

    def last_change(self, search: str) -> int:
        """Number what has no number yet and return the number up to which all can be read.

        A reader that may not write leaves the numbering to the search's driver.
        """
        for _ in range(NUMBERINGS):
            counter = self._counter(search)
            last: int = counter["seq"]
            marked = self._db.find(
                "trials", {"search": search, "seq": {"$gte": MARK}}, fields=["seq"]
            )
            if not marked:
                break
            try:
                for first in range(0, len(marked), NUMBERED_AT_ONCE):
                    self._number(search, marked[first : first + NUMBERED_AT_ONCE])
            except StoreRefusedError:
                # A number may be drawn for a change that still lacks it. Up to the tally none is.
                return counter["tally"]["seq"] if "tally" in counter else last
        return last

    def best_trials(self, search: str, number: int) -> list[Trial]:
        """Return so many completed trials with the lowest losses, the best first."""
        if number < 1:
            return []
        condition = {
            "search": search,
            "state": TrialState.COMPLETED.value,
            "result.status": "ok",
        }
        found = self._db.find("trials", condition, sort=["result.loss", "tid"], limit=number)
        return [_decode(each) for each in found]

    def epochs(self, trial_id: str, attempt: int | None = None) -> list[Epoch]:
        """Return what a trial's epochs measured, by attempt and epoch."""
        condition: Record = {"trial": trial_id}
        if attempt is not None:
            condition["attempt"] = attempt
        found = self._db.find("epochs", condition, sort=["attempt", "epoch"])
        return [Epoch.from_bson(document) for document in found]

    def place_trials(self, ids: Sequence[str]) -> None:
        """Note on those of the trials that are queued that they were given to the cluster."""
        placed_at = self.now()
        self._db.update_each(
            "trials",
            [
                (
                    {"_id": each, "state": TrialState.QUEUED.value},
                    {"$set": {"timings.placed": placed_at, "seq": _new_mark()}},
                )
                for each in ids
            ],
        )

    def note_start_failure(self, trial_id: str, attempt: int, why: str) -> None:
        """Note on a trial that is queued after so many attempts why no worker could begin it."""
        self._mark(
            trial_id,
            {"state": TrialState.QUEUED.value, "attempt": attempt},
            {"error": why},
            durable=False,
        )

    def _unknown(self, trial_id: str) -> UnknownNameError:
        known = self._db.find("trials", {}, limit=_KNOWN_LIMIT, fields=["_id"])
        return UnknownNameError("trial", trial_id, (document["_id"] for document in known))

    def _change(
        self,
        trial_id: str,
        condition: Record,
        changes: Record,
        applied: Callable[[Trial], bool],
    ) -> Trial | None:
        """Compare and set; return the trial, or None if the condition doesn't hold.

        `applied` tells from the stored trial whether this very change is in it already,
        as after a write that was sent twice.

        Raises:
            UnknownNameError: there is no such trial.
        """
        done = self._mark(trial_id, condition, changes)
        found = self._db.find_one("trials", {"_id": trial_id})
        if found is None:
            raise self._unknown(trial_id)
        trial = _decode(found)
        return trial if done or applied(trial) else None

    def _mark(
        self, trial_id: str, condition: Record, changes: Record, *, durable: bool = True
    ) -> bool:
        """Compare and set, leaving the number to the readers; False if it doesn't hold."""
        marked = {"$set": {**changes, "seq": _new_mark()}}
        fence = {"_id": trial_id, **condition}
        return self._db.update("trials", fence, marked, durable=durable)

    def _number(self, search: str, marked: Sequence[Record]) -> None:
        """Give marked trials of the search their numbers, unless others just did."""
        last = _seq_of(self._db.increase("counters", search, "seq", len(marked)), search)
        numbers = range(last - len(marked) + 1, last + 1)
        self._db.update_each(
            "trials",
            [
                # One index has both: beside `_id`, the embedded server tries them all first.
                ({"search": search, "seq": found["seq"]}, {"$set": {"seq": number}})
                for found, number in zip(marked, numbers, strict=True)
            ],
            # Undone, it leaves marks to be numbered again, higher than any reader has read.
            durable=False,
        )


def _new_mark() -> int:
    return MARK + secrets.randbits(_MARK_BITS)


def _seq_of(counter: Record | None, search: str) -> int:
    if counter is None:
        raise StoreCorruptedError(
            f"the store has no counter for search {search!r}: the search doesn't exist, or its "
            "counter was deleted by hand"
        )
    seq: int = counter["seq"]
    return seq


def _decode(found: Record) -> Trial:
    """Read a trial; one that has no number yet stands before all others."""
    seq: Any = found.get("seq")
    marked = isinstance(seq, int) and seq >= MARK
    return Trial.from_bson({**found, "seq": 0} if marked else found)
