"""A search's trials as the driver holds them: read once, then kept up by what changed."""

from collections import Counter, deque
from collections.abc import Callable, Iterator

from alignsearch.search.documents import (
    OBSERVED_STATES,
    Observation,
    Pending,
    Trial,
    observation_of,
)
from alignsearch.search.documents.ranking import best_of, is_ranked
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import RECENT, Standing, seconds_of
from alignsearch.search.store import Store


class History:
    """What a driver knows of its search's trials, kept up from the store's monotonic `seq`.

    Only the trials that haven't ended are kept. Of the others remain their state, what TPE has
    not been told yet, what displays have not shown yet, and what sums all of them up.
    """

    def __init__(self, store: Store, search: str) -> None:
        """Start empty; the first `sync` reads the whole search."""
        self._store = store
        self._search = search
        self._last_seq = 0
        self._seen: dict[str, int] = {}
        self._states: dict[int, TrialState] = {}
        self._counts: Counter[TrialState] = Counter()
        self._fresh: deque[Observation] = deque()
        self._ended: list[Trial] = []
        self._best: Trial | None = None
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self.on_end: Callable[[Trial], None] = lambda trial: None
        """Told of each trial that ends, once, from whomever it is heard first."""
        self.live: dict[int, Trial] = {}
        """The queued and the running trials, by tid."""
        self.next_tid = 0
        """The first tid beyond all known trials."""
        self.last_error: str | None = None
        """Why the last trial that failed did."""

    def sync(self) -> list[Trial]:
        """Read what has changed since the last call, take it in, and return it."""
        return [trial for page in self.read() for trial in page]

    def refresh(self) -> list[Trial]:
        """Read which of the live trials have changed, take them in, and return them.

        Enough for whoever alone adds trials, and cheaper than `sync`: nothing is numbered.
        """
        live = {trial.id for trial in self.live.values()}
        self._seen = {each: seq for each, seq in self._seen.items() if each in live}
        changed = self._store.trials.changed(sorted(live), self._seen) if live else []
        for trial in changed:
            self.take(trial)
        return changed

    def read(self) -> Iterator[list[Trial]]:
        """Do as `sync` page by page, because a whole search may be more than fits in memory."""
        for page in self._store.trials.change_pages(self._search, self._last_seq):
            for trial in page:
                self.take(trial)
                self._last_seq = max(self._last_seq, trial.seq)
            yield page

    def take(self, trial: Trial) -> None:
        """Take in a trial as this process has just read or written it."""
        known = self._states.get(trial.tid)
        if known in TERMINAL_TRIAL_STATES:
            return
        self._states[trial.tid] = trial.state
        self._counts[trial.state] += 1
        if known is not None:
            self._counts[known] -= 1
        self.next_tid = max(self.next_tid, trial.tid + 1)
        if trial.state in LIVE_TRIAL_STATES:
            self.live[trial.tid] = trial
        else:
            self.live.pop(trial.tid, None)
            self._take_ended(trial)

    def _take_ended(self, trial: Trial) -> None:
        self._ended.append(trial)
        self.on_end(trial)
        self._seconds.extend(seconds_of([trial]))
        if trial.state in OBSERVED_STATES:
            self._fresh.append(observation_of(trial))
        if trial.state is TrialState.FAILED:
            self.last_error = trial.error
        if is_ranked(trial):
            self._best = trial if self._best is None else best_of([self._best, trial])

    def count(self, state: TrialState) -> int:
        """How many trials are in this state."""
        return self._counts[state]

    def in_state(self, state: TrialState) -> list[Trial]:
        """The trials in a state that isn't final, by tid."""
        return [self.live[tid] for tid in sorted(self.live) if self.live[tid].state is state]

    def standing(self) -> Standing:
        """What a summary needs, without a look at trials that have ended."""
        return Standing(
            counts={state: self._counts[state] for state in TrialState},
            best=self._best,
            live=list(self.live.values()),
            seconds=list(self._seconds),
        )

    def take_ended(self) -> list[Trial]:
        """Give out the trials that have ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    @property
    def has_fresh(self) -> bool:
        """Whether `fresh` has something to give."""
        return bool(self._fresh)

    def fresh(self) -> Iterator[Observation]:
        """Give out what TPE learns from, each observation once, as the trials end."""
        while self._fresh:
            yield self._fresh.popleft()

    def pending(self) -> list[Pending]:
        """The points whose results are still to come."""
        return [Pending(tid, self.live[tid].point) for tid in sorted(self.live)]
