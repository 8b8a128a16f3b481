"""Trials in the store: adding, reading, and following their changes."""

from collections.abc import Iterable, Iterator, Sequence

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Trial, transitions
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.ranking import RANKED, RANKED_BY, VIOLATION
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store.connection import INDEXES, Record, StoreConnection
from alignsearch.search.store.numbering import Numbering, marked_in, new_mark
from alignsearch.search.store.readable import Readable
from alignsearch.search.store.trial_records import TrialRecords, as_marked_set, decode

IDS_AT_ONCE = 500
"""Ids in one query: for thousands a command could take longer than SOCKET_TIMEOUT."""

CHANGES_AT_ONCE = 1000
"""Changes of one page: a reader holds the trials of one page in memory."""


def matches(condition: Record) -> list[Record]:
    """Return the stages of an aggregation that let trials pass which fulfil a condition.

    The first one has the fields of an index, and finds few trials by it. With others beside them
    the embedded server reads the whole collection.
    """
    (indexed,) = [fields for fields, _ in INDEXES["trials"] if "state" in fields]
    first = {name: value for name, value in condition.items() if name in indexed}
    rest = {name: value for name, value in condition.items() if name not in indexed}
    return [{"$match": first}, *([{"$match": rest}] if rest else [])]


class Trials:
    """The store's trials; `Attempts` has the changes that attempts make.

    The embedded server serves a condition on one search or trial from its index, but reads the
    whole collection for a list of them with a range beside it, and a projection costs it more than
    it saves: so each question is about one search or trial and returns whole documents.
    """

    def __init__(
        self, connection: StoreConnection, records: TrialRecords, numbering: Numbering
    ) -> None:
        self._db = connection
        self._records = records
        self._numbering = numbering
        self.readable = Readable("trial")

    def add(self, trial: Trial) -> Trial:
        """Insert a queued trial and return it as stored, as `add_many` does."""
        return self.add_many([trial])[0]

    def add_many(self, trials: Sequence[Trial], *, placed: bool = False) -> list[Trial]:
        """Insert new trials and return them as stored; adding the same again is no error.

        placed: record that they were given to the cluster, too.
        """
        now = self._db.now()
        times = {"queued": now, "placed": now} if placed else {"queued": now}
        queued = {
            trial.id: trial.model_copy(update={"seq": 0, "timings": {**times, **trial.timings}})
            for trial in trials
        }
        documents = [{**trial.to_bson(), "seq": new_mark()} for trial in queued.values()]
        for refused in self._db.insert_each("trials", documents):
            queued[refused["_id"]] = self.get(refused["_id"])
        return list(queued.values())

    def get(self, trial: str, tid: int | None = None) -> Trial:
        """Return a trial by its id, or by its search's name and its tid.

        Raises:
            UnknownNameError: there is none.
        """
        return self._records.get(trial, tid)

    def all(self, search: str, states: Iterable[TrialState] | None = None) -> list[Trial]:
        """Return the search's trials, or those in some states, by tid."""
        trials = [decode(found) for found in self._found(search, states)]
        return sorted(trials, key=lambda trial: trial.tid)

    def _found(self, search: str, states: Iterable[TrialState] | None) -> list[Record]:
        condition: Record = {"search": search}
        if states is not None:
            condition["state"] = {"$in": sorted(state.value for state in states)}
        return self._db.find("trials", condition)

    def all_readable(self, search: str, states: Iterable[TrialState] | None = None) -> list[Trial]:
        """Return what `all` does, without trials that can't be read; each is logged once."""
        trials = self.readable.of(self._found(search, states), decode)
        return sorted(trials, key=lambda trial: trial.tid)

    def find(self, trial: str, tid: int | None = None) -> Trial | None:
        """Return what `get` does; None if it is lost or can't be read, which is logged once."""
        try:
            return self.get(trial, tid)
        except (StoreCorruptedError, UnknownNameError) as error:
            self.readable.leave_out(trial if tid is None else Trial.key(trial, tid), error)
            return None

    def by_id(self, ids: Sequence[str]) -> list[Trial]:
        """Return the trials of these ids, those that can be read, in the ids' order."""
        trials = {trial.id: trial for trial in self.readable.of(self._by_id(ids), decode)}
        return [trials[each] for each in ids if each in trials]

    def best(self, search: str, number: int) -> list[Trial]:
        """Return the `number` best completed trials, the best first, without unreadable ones."""
        if number < 1:
            return []
        found: list[Trial] = []
        by_loss = [name for name in RANKED_BY.values() if name != VIOLATION]
        # Those that keep all constraints come from the index in order. Only where they are too few,
        # the others are sorted.
        for violation, order in ((None, by_loss), ({"$gt": 0}, [VIOLATION, *by_loss])):
            condition: Record = {"search": search, **RANKED, VIOLATION: violation}
            limit: Record = {"$limit": number - len(found)}
            stages = [*matches(condition), {"$sort": dict.fromkeys(order, 1)}, limit]
            found += self.readable.of(self._db.aggregate("trials", stages), decode)
            if len(found) >= number:
                break
        return found

    def changed(self, ids: Sequence[str], seen: dict[str, int]) -> list[Trial]:
        """Return those of the trials that have changed since the last call with this `seen`.

        Unlike `changes` it numbers no change, and reads all of these trials, changed or not. Those
        that can't be read are left out.
        """
        changed = []
        for found in self._by_id(ids):
            if seen.get(found["_id"]) != found.get("seq"):
                seen[found["_id"]] = found.get("seq", 0)
                changed.append(found)
        return self.readable.of(changed, decode)

    def unreadable(self, search: str) -> set[int]:
        """Return the numbers of the search's trials that reads have left out so far."""
        trials = (key.rpartition("/") for key in self.readable.left_out)
        return {int(tid) for name, _, tid in trials if name == search and tid.isdecimal()}

    def _by_id(self, ids: Sequence[str]) -> Iterator[Record]:
        for first in range(0, len(ids), IDS_AT_ONCE):
            some = list(ids[first : first + IDS_AT_ONCE])
            yield from self._db.find("trials", {"_id": {"$in": some}})

    def last_change(self, search: str) -> int:
        """Number the changes without a number; return the number up to which all can be read.

        A reader that may not write leaves the numbering to the search's driver.
        """
        return self._numbering.last_change(search)

    def changes(self, search: str, after_seq: int) -> list[Trial]:
        """Return the readable trials that changed after `after_seq`, by seq; 0 gives all of them.

        A reader that goes on from the last one's seq misses no change. A change made meanwhile may
        be returned by the next call only; without the right to write, one without a number, too.
        """
        return [trial for page in self.change_pages(search, after_seq) for trial in page]

    def change_pages(self, search: str, after_seq: int) -> Iterator[list[Trial]]:
        """Yield what `changes` returns, a page at a time."""
        yield from self.numbered(search, after_seq, self.last_change(search))

    def numbered(self, search: str, after_seq: int, last: int) -> Iterator[list[Trial]]:
        """Yield the readable trials whose numbers lie in (after_seq, last], by seq, in pages."""
        for page in self.numbered_records(search, after_seq, last):
            yield self.readable.of(page, decode)

    def numbered_records(self, search: str, after_seq: int, last: int) -> Iterator[list[Record]]:
        """Yield what `numbered` does, as it is stored."""
        while after_seq < last:
            # Pages are ranges, not limits: with a limit the embedded server reads all that fits.
            up_to = min(after_seq + CHANGES_AT_ONCE, last)
            condition = {"search": search, "seq": {"$gt": after_seq, "$lte": up_to}}
            yield self._db.find("trials", condition, sort=["seq"])
            after_seq = up_to

    def unnumbered(self, search: str) -> list[Trial]:
        """Return the readable trials whose last change has no number yet."""
        return self.readable.of(self._db.find("trials", marked_in(search)), decode)

    def changed_records(self, search: str, after_seq: int, up_to: int) -> list[Record]:
        """Return the trials whose number lies in (after_seq, up_to], as they are stored.

        A reader that takes `up_to` from `last_change` and goes on from it misses no change.
        """
        condition = {"search": search, "seq": {"$gt": after_seq, "$lte": up_to}}
        return self._db.find("trials", condition)

    def place(self, ids: Sequence[str]) -> None:
        """Record on those of the trials that are queued that they were given to the cluster."""
        placed = transitions.place(self._db.now())
        self._db.update_each(
            "trials",
            [({"_id": each, **placed.condition}, as_marked_set(placed)) for each in ids],
        )

    def note_start_failure(self, trial_id: str, attempt: int, why: str) -> None:
        """Record why no worker could begin a trial that is queued after this attempt."""
        noted = transitions.note_start_failure(attempt, why)
        self._records.mark(trial_id, noted)
