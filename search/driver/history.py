"""The trials of a search as its driver knows them: read once, then updated by what changed."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from alignsearch.search.documents import (
    OBSERVED_STATES,
    Observation,
    Pending,
    Trial,
    observation_of,
    pending_of,
)
from alignsearch.search.documents.budget import SinceBest, Spending
from alignsearch.search.documents.divergence import is_diverged
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.ranking import best_of, feasible, is_ranked
from alignsearch.search.documents.repetition import winner
from alignsearch.search.documents.spent_time import add_seconds, seconds_on
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import RECENT, Standing, end_of, seconds_of
from alignsearch.search.documents.trial import SPENDING
from alignsearch.search.driver.endings import Reached
from alignsearch.search.driver.given import Given
from alignsearch.search.driver.repeated_trials import RepeatedTrials
from alignsearch.search.store import Store


class History:
    """The trials of one search in memory, updated from the store by the monotonic `seq`.

    Whole documents are kept of queued and running trials only, so that memory doesn't grow with
    the search. An ended trial leaves its state, an observation until the sampler has received it,
    its document until a display has shown it, and its part of the sums.
    """

    def __init__(self, store: Store, search: str, metrics: Sequence[ObjectiveMetric] = ()) -> None:
        """Start without a trial; the first `sync` or `read` reads the whole search.

        metrics: all that the search minimizes or maximizes, for its sampler's observations.
        """
        self._store = store
        self._search = search
        self._metrics = metrics
        self._last_seq = 0
        self._seen: dict[str, int] = {}
        self._states: dict[int, TrialState] = {}
        self._counts: Counter[TrialState] = Counter()
        self._fresh: deque[Observation] = deque()
        self._ended: list[Trial] = []
        self._first: Trial | None = None
        self._since_best = SinceBest()
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self.on_end: Callable[[Trial], None] = lambda trial: None
        """Called once with each trial that ends, whichever update says so first."""
        self.given = Given(store, search)
        """Points that people have given to the search."""
        self.repetitions = RepeatedTrials()
        """Repetitions of the best trials, and which trials those are."""
        self._named: Trial | None = None
        self._spent: dict[str, float] = {}
        self._diverged = 0
        self.live: dict[int, Trial] = {}
        """Queued and running trials by tid."""
        self.next_tid = 0
        """First tid beyond all known trials."""
        self.spending = Spending()
        """Trials that are part of the search itself, by state."""
        self.last_error: str | None = None
        """Error of the trial that failed last; None if none has failed."""
        self._refused = False
        """A trial has failed as it would again."""
        self._exhausted: tuple[str, tuple[int, ...]] = ("", ())

    def sync(self) -> list[Trial]:
        """Read all trials that have changed since the last call, record and return them.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        return [trial for page in self.read() for trial in page]

    def refresh(self) -> list[Trial]:
        """Read which of the live trials have changed, record and return those.

        This is cheaper than `sync`, because nothing is numbered, and enough for a process that
        alone adds trials.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        live = {trial.id for trial in self.live.values()}
        self._seen = {each: seq for each, seq in self._seen.items() if each in live}
        changed = self._store.trials.changed(sorted(live), self._seen) if live else []
        for trial in changed:
            self.update(trial)
        for tid in self._store.trials.unreadable(self._search) & self.live.keys():
            self._forget(self.live.pop(tid))
        return changed

    def _forget(self, trial: Trial) -> None:
        """Forget a live trial whose document can't be read any more: another one replaces it."""
        self._counts[self._states.pop(trial.tid)] -= 1
        self.spending.forget(trial)
        self.repetitions.forget(trial)

    def read(self) -> Iterator[list[Trial]]:
        """Do as `sync` does page by page: a whole search may be more than fits in memory."""
        for page in self._store.trials.change_pages(self._search, self._last_seq):
            for trial in page:
                self.update(trial)
                self._last_seq = max(self._last_seq, trial.seq)
            yield page
        # One that can't be read has its number all the same: no other trial gets it.
        unreadable = self._store.trials.unreadable(self._search)
        self.next_tid = max(self.next_tid, *(tid + 1 for tid in unreadable), 0)

    def read_missed(self) -> list[Trial]:
        """Read the trials that changed while `read` did, which it may have missed, and return them.

        A driver that begins calls it once: trials that it doesn't know would be added once more. A
        missed trial after the last known one is found when it is added: the store has it already.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        missed = [tid for tid in range(self.next_tid) if tid not in self._states]
        keys = [Trial.key(self._search, tid) for tid in missed]
        found = self._store.trials.by_id(keys) if keys else []
        # The last trial's document may be lost, and its epochs left: another trial of its number
        # would take them for its own.
        while self._store.logs.count_epochs(key := Trial.key(self._search, self.next_tid)):
            found += self._store.trials.by_id([key])
            self.next_tid += 1
        for trial in found:
            self.update(trial)
        return found

    def update(self, trial: Trial) -> None:
        """Record a trial as this process has just read or written it.

        A trial that is known to have ended stays as it is.
        """
        self.given.note(trial)
        known = self._states.get(trial.tid)
        if known in TERMINAL_TRIAL_STATES:
            return
        self.repetitions.note(trial, known)
        self._states[trial.tid] = trial.state
        self._counts[trial.state] += 1
        if known is not None:
            self._counts[known] -= 1
        self.spending.note(trial, known)
        self.next_tid = max(self.next_tid, trial.tid + 1)
        if trial.state in LIVE_TRIAL_STATES:
            self.live[trial.tid] = trial
        else:
            self.live.pop(trial.tid, None)
            self._record_end(trial)

    def _record_end(self, trial: Trial) -> None:
        add_seconds(self._spent, seconds_on([trial]))
        self._diverged += is_diverged(trial)
        self._ended.append(trial)
        self.on_end(trial)
        self._seconds.extend(seconds_of([trial]))
        if trial.state in OBSERVED_STATES and not trial.is_confirmation:
            self._fresh.append(observation_of(trial, self._metrics))
        if trial.state is TrialState.FAILED:
            self.last_error = trial.error
            last = trial.attempts.get(str(trial.attempt))
            self._refused |= last is not None and last.outcome == "failed"
        if is_ranked(trial):
            self._first = trial if self._first is None else best_of([self._first, trial])
        if trial.spends:
            loss = trial.loss if is_ranked(trial) else None
            self._since_best.note(loss, end_of(trial), trial.violation)

    def count(self, state: TrialState) -> int:
        """Return the number of trials in this state."""
        return self._counts[state]

    def in_state(self, state: TrialState) -> list[Trial]:
        """Return the trials in a state that isn't final, ordered by tid."""
        return [self.live[tid] for tid in sorted(self.live) if self.live[tid].state is state]

    @property
    def _best(self) -> Trial | None:
        return feasible(self._first)

    def standing(self) -> Standing:
        """Return the sums that a summary of the search is made from."""
        repeated = self.repetitions.states
        return Standing(
            counts={state: self._counts[state] - repeated[state] for state in TrialState},
            best=self._best,
            live=list(self.live.values()),
            seconds=list(self._seconds),
            repetitions=list(self.repetitions.ended),
            spent=dict(self._spent),
            diverged=self._diverged,
            named=self._winner(),
            spending=self.spending,
            since_best=self._since_best.trials,
            last_error=self.last_error,
            is_hopeless=self._is_hopeless,
            nearest=self._first if self._best is None else None,
        )

    @property
    def _is_hopeless(self) -> bool:
        return self._refused and not any(self._counts[state] for state in SPENDING)

    def note_exhausted(self, reason: str) -> None:
        """Note that the sampler has no point to suggest beside the trials as they are now."""
        self._exhausted = reason, self._moment

    @property
    def exhausted(self) -> str | None:
        """Why the sampler has no point left; None if it may have one, as after any change."""
        reason, moment = self._exhausted
        return reason if moment == self._moment else None

    @property
    def _moment(self) -> tuple[int, ...]:
        """Numbers of which one changes with each trial that is added or ends."""
        return self.next_tid, len(self.live), sum(self._counts.values())

    def reached(self, driven_seconds: float = 0.0) -> Reached:
        """Return how far the search has come, for the rules that end it."""
        return Reached(
            spending=self.spending,
            best_loss=self._best.loss if self._best else None,
            since_best=self._since_best.trials,
            driven_seconds=driven_seconds,
            failures=self.given.failures,
            retries=self.given.retries,
            last_error=self.last_error,
            is_hopeless=self._is_hopeless,
            exhausted=None if self.given.waiting else self.exhausted,
        )

    def _winner(self) -> Trial | None:
        """Return the trial that the search names as its best, read once from the store."""
        best = self._best
        tid = winner(None if best is None else best.tid, self.repetitions.ended)
        if tid is None or best is None or tid == best.tid:
            return best
        if self._named is None or self._named.tid != tid:
            self._named = self._store.trials.find(self._search, tid)
        return self._named or best

    def take_ended(self) -> list[Trial]:
        """Return the trials that have ended since the last call, and forget their documents."""
        ended, self._ended = self._ended, []
        return ended

    def fresh(self) -> Iterator[Observation]:
        """Yield the observations of trials that have ended, each once, in the order of ends."""
        while self._fresh:
            yield self._fresh.popleft()

    def pending(self) -> list[Pending]:
        """Return the points of queued and running trials, without repetitions, ordered by tid."""
        return [
            pending_of(self.live[tid])
            for tid in sorted(self.live)
            if not self.live[tid].is_confirmation
        ]
