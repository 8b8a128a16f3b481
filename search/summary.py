"""Where a search stands, in a few numbers and one sentence."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from search.documents import Search, Trial
from search.states import TERMINAL_SEARCH_STATUSES, TERMINAL_TRIAL_STATES, SearchStatus, TrialState

RECENT = 100
"""Finished trials from which the time that one takes is judged."""


@dataclass(frozen=True)
class Summary:
    """A search at one moment.

    Attributes:
        counts: trials by state, every state named.
        chance: validation error of guessing the largest class, where a trial has told it.
        seconds_left: estimate from recent trials; None while nothing has finished.
        waits_for: what has to happen next, and why it hasn't.
    """

    search: Search
    counts: dict[TrialState, int]
    best: Trial | None
    chance: float | None
    seconds_left: float | None
    waits_for: str

    @property
    def finished(self) -> int:
        """Trials that have come to an end of any kind."""
        return sum(self.counts[state] for state in TERMINAL_TRIAL_STATES)

    @property
    def busy(self) -> int:
        """Slots with a running trial."""
        return self.counts[TrialState.RUNNING]

    @property
    def best_loss(self) -> float | None:
        """The best trial's loss."""
        return self.best.result.loss if self.best and self.best.result else None

    def to_json(self) -> dict[str, object]:
        """The summary as plain data, for programs."""
        driver = self.search.driver
        return {
            "name": self.search.name,
            "space": self.search.space,
            "status": self.search.status.value,
            "dataset": self.search.recipe.dataset,
            "trials": self.search.trials,
            "parallel": self.search.parallel,
            "counts": {state.value: count for state, count in self.counts.items()},
            "best": None if self.best is None else {"tid": self.best.tid, "loss": self.best_loss},
            "chance": self.chance,
            "seconds_left": self.seconds_left,
            "waits_for": self.waits_for,
            "driver": driver.owner if driver else None,
            "created_at": self.search.created_at.isoformat(),
            "error": self.search.error,
        }


def is_driven(search: Search, now: datetime) -> bool:
    """Whether a driver holds the search; `now` is the store's time."""
    return search.driver is not None and search.driver.expires_at >= now


def summarize(search: Search, trials: Iterable[Trial], now: datetime) -> Summary:
    """Sum up `search` from all its trials; `now` is the store's time."""
    known = list(trials)
    tally = Counter(trial.state for trial in known)
    counts = {state: tally[state] for state in TrialState}
    results = [
        (trial.result.loss, trial.tid, trial.result.metrics)
        for trial in known
        if trial.result is not None and trial.result.loss is not None
    ]
    best_tid = min(results, key=lambda result: result[:2])[1] if results else None
    best = next((trial for trial in known if trial.tid == best_tid), None)
    chance = next((m["chance_error"] for _, _, m in results if "chance_error" in m), None)
    finished = sum(counts[state] for state in TERMINAL_TRIAL_STATES)
    left = search.trials - finished
    return Summary(
        search=search,
        counts=counts,
        best=best,
        chance=chance,
        seconds_left=_seconds_left(search, known, left),
        waits_for=_waits_for(search, counts, left, now),
    )


def _seconds_left(search: Search, trials: list[Trial], left: int) -> float | None:
    if search.status in TERMINAL_SEARCH_STATUSES or left <= 0:
        return 0.0
    seconds = [
        (trial.timings["finished"] - trial.timings["started"]).total_seconds()
        for trial in trials
        if "finished" in trial.timings and "started" in trial.timings
    ][-RECENT:]
    return fmean(seconds) * left / min(search.parallel, left) if seconds else None


def _waits_for(search: Search, counts: dict[TrialState, int], left: int, now: datetime) -> str:
    status = search.status
    if status in TERMINAL_SEARCH_STATUSES:
        return f"nothing: the search is {status}" + (f" ({search.error})" if search.error else "")
    running = counts[TrialState.RUNNING]
    if status is SearchStatus.PAUSED and not search.stop_requested:
        waits = f"`alignsearch resume {search.name}`: it is paused"
        return f"{waits}, and still runs {_trials(running)}" if running else waits
    if not is_driven(search, now):
        waits = "a driver: start one with `alignsearch serve`"
        return f"{waits} ({_trials(running)} may still run)" if running else waits
    if search.stop_requested:
        return f"the end of {_trials(running)}: it was stopped"
    free = min(search.parallel, left) - running
    if free > 0:
        return f"workers for {free} of {search.parallel} slots to begin their trials"
    return f"the end of a running trial: all slots are busy with {_trials(running)}"


def _trials(number: int) -> str:
    return "1 trial" if number == 1 else f"{number} trials"
