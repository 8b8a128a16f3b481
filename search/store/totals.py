"""Totals of a search's trials: counts, durations and the best trial, without reading all of them.

A search's counter holds a tally: the sum over all ended trials whose changes have numbers up to
the tally's. A driver adds the trials that ended since, and replaces the tally. A tally is a whole
sum, not a difference: an older one that overwrites a newer one is correct too, and only leaves its
readers more trials to read.

A reader reads the tally, then the trials without a number, then those with a number beyond the
tally's. An ended trial changes only by getting its number. So each trial that had ended before is
in one of the three, or in both of the last.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from alignsearch.search.documents import Trial
from alignsearch.search.documents.budget import Spending
from alignsearch.search.documents.divergence import DIVERGED_FIELDS
from alignsearch.search.documents.errors import StoreCorruptedError, StoreRefusedError
from alignsearch.search.documents.ranking import RANKED, VIOLATION, best_of, feasible, is_ranked
from alignsearch.search.documents.repetition import winner
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import Standing, Tally
from alignsearch.search.documents.trial import OUTSIDE, SPENDING
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.numbering import Numbering
from alignsearch.search.store.trial_records import decode
from alignsearch.search.store.trials import Trials, matches

logger = logging.getLogger(__name__)

_ITS_OWN: Record = {"origin.kind": {"$nin": list(OUTSIDE)}}
"""The stored fields of trials that are part of the search itself (`Trial.is_suggested`)."""

FAR_BEHIND = 500
"""Changes beyond the tally that a reader reads at most before it updates the tally itself."""


class Totals:
    """Totals of searches, read at the cost of the trials that changed since the last tally."""

    def __init__(self, connection: StoreConnection, numbering: Numbering, trials: Trials) -> None:
        self._db = connection
        self._numbering = numbering
        self._trials = trials

    def update(self, search: str) -> Tally:
        """Number all changes, add the trials that ended to the tally, store and return it.

        Raises:
            StoreRefusedError: this user may not write.
        """
        last = self._numbering.last_change(search)
        before = tally = _tally_in(self._numbering.counter(search))
        if last <= before.seq:
            return before
        # A new primary may show an older state for a moment. Once it has acknowledged this write it
        # shows all that was written before, and no number is missed below.
        self._db.update("counters", {"_id": search}, {"$set": {"settled": last}})
        whole = True
        for records in self._trials.numbered_records(search, before.seq, last):
            page = self._trials.readable.of(records, decode)
            whole = whole and len(page) == len(records)
            tally = tally.with_ended(page)
        tally = tally.model_copy(update={"seq": last})
        if not whole:
            # Not stored: a trial that can be read again must not stay out of the sum.
            return tally
        self._db.update("counters", {"_id": search}, {"$set": {"tally": tally.to_bson()}})
        return tally

    def standing(self, search: str) -> Standing:
        """Return counts, best trial, live trials and durations, for a summary of the search."""
        total, live = self._total(search, live=True)
        first = self._first_of(total)
        best = feasible(first)
        return Standing(
            counts=_counts(total, live),
            best=best,
            live=live,
            seconds=total.seconds,
            repetitions=total.repetitions,
            spent={each.accelerator: each.seconds for each in total.spent},
            diverged=total.diverged,
            nearest=first if best is None else None,
            named=self._named(search, best, total),
            spending=_spending(total, live),
        )

    def since_best(self, search: str) -> int:
        """Return how many trials with a result ended after the best one of the search itself."""
        ranked: Record = {"search": search, **RANKED, **_ITS_OWN}
        ended: Record = {
            "search": search,
            "state": {"$in": [state.value for state in SPENDING]},
            **_ITS_OWN,
        }
        # Where no trial keeps the constraints, the best is the one that breaks them least.
        for violation, by in ((None, "result.loss"), ({"$gt": 0}, VIOLATION)):
            # The first of equal ones to end is the best: the others are no better.
            first = {"_id": f"${by}", "ended": {"$min": "$timings.finished"}}
            stages: list[Record] = [{"$group": first}, {"$sort": {"_id": 1}}, {"$limit": 1}]
            condition = {**ranked, VIOLATION: violation}
            found = list(self._db.aggregate("trials", [*matches(condition), *stages]))
            if found:
                ended["timings.finished"] = {"$gt": found[0]["ended"]}
                break
        number: Record = {"$group": {"_id": None, "n": {"$sum": 1}}}
        return sum(group["n"] for group in self._db.aggregate("trials", [*matches(ended), number]))

    def counts(self, search: str) -> dict[TrialState, int]:
        """Return how many trials of the search are in each state; every state has a count.

        Repetitions of others aren't counted.
        """
        return _counts(*self._total(search, live=True))

    def best(self, search: str) -> Trial | None:
        """Return the completed trial with the lowest loss (of equals the lowest tid), if any.

        Only those count that keep the search's constraints.
        """
        return feasible(self._first_of(self._total(search, live=False)[0]))

    def diverged(self, search: str) -> int:
        """Return how many of the search's completed trials have no finite loss."""
        failed: Record = {**DIVERGED_FIELDS, "search": search}
        number: Record = {"$group": {"_id": None, "n": {"$sum": 1}}}
        found = self._db.aggregate("trials", [*matches(failed), number])
        return sum(group["n"] for group in found)

    def _first_of(self, total: Tally) -> Trial | None:
        if total.best is None:
            return None
        return self._trials.find(total.best.trial) or self._next_best(total.best.trial)

    def _next_best(self, unreadable: str) -> Trial | None:
        """Return the best trial that can be read, where the best one can't."""
        search = unreadable.rpartition("/")[0]
        trials = self._trials.all_readable(search, [TrialState.COMPLETED])
        ranked = [trial for trial in trials if is_ranked(trial)]
        return best_of(ranked) if ranked else None

    def _named(self, search: str, best: Trial | None, total: Tally) -> Trial | None:
        """Return the trial that the search names as its best."""
        tid = winner(None if best is None else best.tid, total.repetitions)
        if best is None or tid is None or tid == best.tid:
            return best
        return self._trials.find(search, tid) or best

    def _total(self, search: str, *, live: bool) -> tuple[Tally, list[Trial]]:
        """Return the tally of all ended trials, and the live ones by tid if they are asked for."""
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
                # A user without the right to write reads all of them.
                pass
        return tally

    def _live(self, search: str) -> list[Trial]:
        return self._trials.all_readable(search, LIVE_TRIAL_STATES)

    def _since(self, search: str, seq: int) -> Iterator[list[Trial]]:
        """Yield the trials without a number, then those with one beyond `seq`, page by page."""
        yield self._trials.unnumbered(search)
        last = self._numbering.counter(search)["seq"]
        for records in self._trials.numbered_records(search, seq, last):
            yield self._trials.readable.of(records, decode)


def _tally_in(counter: Record) -> Tally:
    kept = counter.get("tally")
    # The sum of a version that kept less is made anew, once.
    if not isinstance(kept, dict) or "spent" not in kept:
        return Tally()
    try:
        return Tally.from_bson({"_id": counter["_id"], **kept})
    except StoreCorruptedError as error:
        logger.warning("the tally of search %s is made anew: %s", counter["_id"], error)
        return Tally()


def _spending(total: Tally, live: Sequence[Trial]) -> Spending:
    spending = total.spending
    for trial in live:
        spending.note(trial)
    return spending


def _counts(total: Tally, live: Sequence[Trial]) -> dict[TrialState, int]:
    alive = Counter(trial.state for trial in live if not trial.is_confirmation)
    return {state: total.counts.get(state, 0) + alive[state] for state in TrialState}
