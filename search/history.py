"""A search's trials as the driver holds them: read once, then kept up by what changed."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from search.documents import Trial
from search.states import LIVE_TRIAL_STATES, TrialState
from search.store import Store
from spaces.space import Value

Point = Mapping[str, Value]
"""HyperOpt's values by metaparameter: a number, or the index of a choice's option."""


OBSERVED_STATES = (TrialState.COMPLETED, TrialState.FAILED, TrialState.PRUNED)
"""The states of trials that TPE learns from; no trial leaves them."""


@dataclass(frozen=True)
class Observation:
    """A finished trial: its point, and its loss, or None where it diverged or failed."""

    tid: int
    point: Point
    loss: float | None


@dataclass(frozen=True)
class Pending:
    """A trial whose result is not there yet."""

    tid: int
    point: Point


class History:
    """All trials of a search by tid, kept up by `sync` from the store's monotonic `seq`."""

    def __init__(self, store: Store, search: str) -> None:
        """Start empty; the first `sync` reads the whole search."""
        self._store = store
        self._search = search
        self._last_seq = 0
        self._fresh: deque[Observation] = deque()
        self._tids: defaultdict[TrialState, set[int]] = defaultdict(set)
        self.trials: dict[int, Trial] = {}
        self.next_tid = 0
        """The first tid beyond all known trials."""

    def sync(self) -> list[Trial]:
        """Read what has changed since the last call, take it in, and return it."""
        changed = self._store.changes(self._search, self._last_seq)
        for trial in changed:
            self.take(trial)
            self._last_seq = max(self._last_seq, trial.seq)
        return changed

    def take(self, trial: Trial) -> None:
        """Take in a trial as this process has just read or written it."""
        known = self.trials.get(trial.tid)
        if known is not None:
            self._tids[known.state].discard(trial.tid)
        self._tids[trial.state].add(trial.tid)
        if trial.state in OBSERVED_STATES and (known is None or known.state not in OBSERVED_STATES):
            self._fresh.append(_observation(trial))
        self.trials[trial.tid] = trial
        self.next_tid = max(self.next_tid, trial.tid + 1)

    def in_state(self, *states: TrialState) -> list[Trial]:
        """The trials in one of the states, by tid."""
        tids = sorted(tid for state in states for tid in self._tids[state])
        return [self.trials[tid] for tid in tids]

    def observations(self) -> list[Observation]:
        """What TPE learns from: completed trials, and failed or diverged ones without a loss."""
        return [_observation(trial) for trial in self.in_state(*OBSERVED_STATES)]

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
        return [Pending(trial.tid, trial.point) for trial in self.in_state(*LIVE_TRIAL_STATES)]


def _observation(trial: Trial) -> Observation:
    return Observation(trial.tid, trial.point, trial.result.loss if trial.result else None)
