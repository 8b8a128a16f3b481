"""The tally of a search's ended trials, kept beside its counter; and what is read with its help.

Whoever drives the search adds up what has ended since the last tally and writes the sum, with the
number up to which it holds, in place of the one before. It is the whole sum, not a difference: an
older one written over a newer one is as right, and only leaves its readers more to read.

How a reader misses no trial that had ended when it began: it reads the tally, then what has no
number yet, then what has a number beyond the tally's. An ended trial is never changed again but
for getting its number, so it is in one of the three, or in both of the last.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from alignsearch.search.documents import Trial
from alignsearch.search.documents.errors import StoreRefusedError
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import Standing, Tally
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.numbering import Numbering
from alignsearch.search.store.trials import Trials

FAR_BEHIND = 500
"""Changes beyond the tally from which on its readers, too, bring it up to now."""


class Totals:
    """Where a search stands, for the price of what has changed since its last tally."""

    def __init__(self, connection: StoreConnection, numbering: Numbering, trials: Trials) -> None:
        self._db = connection
        self._numbering = numbering
        self._trials = trials

    def update(self, search: str) -> Tally:
        """Number what has no number yet, bring the tally up to there, and return it.

        Raises:
            StoreRefusedError: this user may not write.
        """
        last = self._numbering.last_change(search)
        before = tally = _tally_in(self._numbering.counter(search))
        if last <= before.seq:
            return before
        # The numbers are not journaled by themselves. With this they are: a server that dies has
        # lost them before they are read here, or keeps them.
        self._db.update("counters", {"_id": search}, {"$set": {"settled": last}})
        for page in self._trials.numbered(search, before.seq, last):
            tally = tally.with_ended(page)
        tally = tally.model_copy(update={"seq": last})
        self._db.update("counters", {"_id": search}, {"$set": {"tally": tally.to_bson()}})
        return tally

    def standing(self, search: str) -> Standing:
        """Return where the search's trials stand, without reading those that ended before."""
        total, live = self._total(search, live=True)
        return Standing(
            counts=_counts(total, live),
            best=self._best_of(total),
            live=live,
            seconds=total.seconds,
        )

    def counts(self, search: str) -> dict[TrialState, int]:
        """Return how many trials of the search are in each state; every state is there."""
        return _counts(*self._total(search, live=True))

    def best(self, search: str) -> Trial | None:
        """Return the completed trial with the lowest loss (of equals the lowest tid), if any."""
        return self._best_of(self._total(search, live=False)[0])

    def _best_of(self, total: Tally) -> Trial | None:
        return self._trials.get(total.best.trial) if total.best else None

    def _total(self, search: str, *, live: bool) -> tuple[Tally, list[Trial]]:
        """All ended trials summed up, and the live ones if they are asked for, by tid."""
        total = self._recent_tally(search)
        alive = {trial.id: trial for trial in self._live(search)} if live else {}
        ended: set[str] = set()
        for page in self._since(search, total.seq):
            new = [trial for trial in page if trial.id not in ended]
            total = total.with_ended(new)
            # Read later than the live ones were, so this is what counts.
            for trial in new:
                if trial.state in TERMINAL_TRIAL_STATES:
                    ended.add(trial.id)
                    alive.pop(trial.id, None)
                elif live:
                    alive[trial.id] = trial
        return total, sorted(alive.values(), key=lambda trial: trial.tid)

    def _recent_tally(self, search: str) -> Tally:
        counter = self._numbering.counter(search)
        tally = _tally_in(counter)
        if counter["seq"] - tally.seq > FAR_BEHIND:
            try:
                return self.update(search)
            except StoreRefusedError:
                # Who may only read reads them all.
                pass
        return tally

    def _live(self, search: str) -> list[Trial]:
        return self._trials.all(search, LIVE_TRIAL_STATES)

    def _since(self, search: str, seq: int) -> Iterator[list[Trial]]:
        """Yield what has no number yet, then what has one beyond `seq`, a page at a time."""
        yield self._trials.unnumbered(search)
        yield from self._trials.numbered(search, seq, self._numbering.counter(search)["seq"])


def _tally_in(counter: Record) -> Tally:
    kept = counter.get("tally")
    return Tally.from_bson({"_id": counter["_id"], **kept}) if kept else Tally()


def _counts(total: Tally, live: Sequence[Trial]) -> dict[TrialState, int]:
    alive = Counter(trial.state for trial in live)
    return {state: total.counts.get(state, 0) + alive[state] for state in TrialState}
