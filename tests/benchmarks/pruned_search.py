"""One simulated search over a table whose trials may be pruned, by the clock of its slots."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from looked_up import Draws, Lookup
from simulated_curves import Curves

from alignsearch.search.documents import Observation, Pending, Pruning, Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.pruners.epoch_judge import EpochJudge
from alignsearch.search.samplers.sampler import DEFAULT_SAMPLER, HYPEROPT_STARTUP, make_sampler

TRIALS = 250
"""Trials of a search without a pruner, whose time the others are measured by."""

MOST_TIME = 1.5
MOST_BEGUN = 10 * TRIALS
"""Searches with a pruner are given up at so many times that time, or after so many trials."""

NO_PRUNER = "none"


@dataclass
class Pruned:
    """One search: how its regret fell, and what it began.

    Attributes:
        falls: times at which a configuration better than all before was completed, by mean losses,
            and its regret.
        usual: the time of 250 results without a pruner.
        begun, completed: numbers of trials.
    """

    table: str
    pruner: str
    early: float | None
    slots: int
    seed: int
    usual: float = math.inf
    falls: list[tuple[float, float]] = field(default_factory=list)
    begun: int = 0
    completed: int = 0


@dataclass
class Running:
    """A trial in a slot."""

    point: dict[str, float | int]
    key: str
    began: float
    lasts: float
    curve: Sequence[float]
    seen: dict[str, float] = field(default_factory=dict)


def search(
    table: Lookup,
    pruner: str,
    slots: int,
    seed: int,
    *,
    early: float | None = None,
    usual: float = math.inf,
    target: float = -math.inf,
) -> Pruned:
    """Simulate a search by the default sampler, each slot of which is always taken.

    A trial reports each epoch's loss to the judge that the driver asks. One that is to end frees
    its slot at once, and the sampler learns its last loss, as by default.

    Args:
        table: the space with its losses and times.
        pruner: a pruner with its default options, or none.
        slots: trials at once.
        seed: of the sampler, of the losses that are seen, and of the curves.
        early: rank correlation of the first epoch with the last one; None without a pruner.
        usual: the time of 250 results without a pruner; infinite for the search that tells it.
        target: the regret at which the search ends before it is given up.
    """
    found = Pruned(table.name, pruner, early, slots, seed, usual)
    sampler = make_sampler(
        DEFAULT_SAMPLER, table.space, seed=seed, startup=HYPEROPT_STARTUP, pending="hyperopt"
    )
    draws = Draws(table, seed)
    curves = None if early is None else Curves(table, seed, early)
    epochs = 1 if curves is None else curves.epochs
    judge = None if curves is None else EpochJudge(Pruning(pruner=pruner), epochs)
    running: dict[int, Running] = {}
    reports: list[tuple[float, int, int]] = []
    now, best = 0.0, math.inf
    while best > target and now < MOST_TIME * found.usual and found.begun < MOST_BEGUN:
        while len(running) < slots:
            tid = found.begun
            pending = [Pending(number, each.point) for number, each in running.items()]
            point = sampler.suggest(tid, pending)
            key = table.key_of(point)
            loss, lasts = draws.of(key, 0)
            curve = [loss] if curves is None else curves.of(key, loss)
            running[tid] = Running(point, key, now, lasts, curve)
            heapq.heappush(reports, (now + _share(1, epochs) * lasts, tid, 1))
            found.begun += 1
        now, tid, epoch = heapq.heappop(reports)
        trial = running[tid]
        trial.seen[str(epoch)] = loss = trial.curve[epoch - 1]
        is_last = epoch == epochs
        pruned = judge is not None and tid in judge.receive([_stored(tid, trial.seen, is_last)])
        if not is_last and not pruned:
            ends = trial.began + _share(epoch + 1, epochs) * trial.lasts
            heapq.heappush(reports, (ends, tid, epoch + 1))
            continue
        del running[tid]
        sampler.tell(Observation(tid, trial.point, loss))
        if is_last:
            found.completed += 1
            regret = rounded(table.regret(trial.key))
            if regret < best:
                best = regret
                found.falls.append((now, best))
            if judge is None and found.completed == TRIALS:
                found.usual = now
                break
    return found


def rounded(number: float) -> float:
    """Return a number with the digits that are stored: equal regrets stay equal."""
    return float(f"{number:.6g}")


def _share(epoch: int, epochs: int) -> float:
    """The part of a trial's time until an epoch ends: to begin takes as long as an epoch."""
    return (epoch + 1) / (epochs + 1)


def _stored(tid: int, seen: dict[str, float], done: bool) -> Trial:
    """A trial's document as the driver reads it."""
    return Trial(
        id=f"simulated/{tid}",
        search="simulated",
        tid=tid,
        state=TrialState.COMPLETED if done else TrialState.RUNNING,
        epoch_losses=seen,
        result=Result(status="ok", loss=[*seen.values()][-1]) if done else None,
    )
