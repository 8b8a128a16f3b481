"""Which repetitions of a search's best trials to begin next: successive elimination on fresh seeds.

The best trials are repeated in rounds, once each a round. After each round the trials that can
hardly win any more drop out, so that seeds are spent where it is close (Even-Dar, Mannor and
Mansour, JMLR 7, 2006). Where the cost is limited, so many go on that the rounds to come can be
paid, each with about the same share of those before it (as successive halving: Karnin, Koren and
Somekh, ICML 2013).

A plan follows from the results alone. A driver that takes over makes the same plan, so no state of
it is stored.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from alignsearch.search.documents import Confirmation
from alignsearch.search.documents.repetition import (
    Repeated,
    Repetition,
    Spread,
    repeated,
    spread_between,
    spread_within,
)

LEAST_CHANCE = 0.01
"""A trial drops out once the chance that it is better than the leader is below this. It limits the
chance that the best one drops out of a round for its bad luck."""

LEAST_REPETITIONS = 6
"""A search can always pay so many trials of usual length, whatever part of its cost they are: the
best three twice. With fewer nothing could be compared, and a tenth of twenty trials is two."""


@dataclass(frozen=True)
class Candidate:
    """A trial that may be repeated.

    Attributes:
        tid: its number.
        loss: the loss with which it came to the top.
        seconds: how long it took, by which the cost of repeating it is estimated.
    """

    tid: int
    loss: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    """The next repetitions of a search.

    Attributes:
        begin: trial and number of each repetition that can begin now, in order.
        settled: whether none is to begin now or later, once those that run have ended.
    """

    begin: tuple[tuple[int, int], ...]
    settled: bool


def plan(
    candidates: Sequence[Candidate],
    begun: Mapping[int, int],
    ended: Sequence[Repetition],
    asked: Confirmation,
    *,
    cost: float,
    usual: float,
    running: bool,
) -> Plan:
    """Return the repetitions to begin next.

    Args:
        candidates: the trials with a rank, the best first; those with repetitions among them.
        begun: number of repetitions that have begun, by trial.
        ended: the repetitions that have ended.
        asked: how many trials to repeat, how often, and at which cost.
        cost: seconds that the search's own trials took.
        usual: seconds that one of them took on average.
        running: whether trials of the search still run. While they do, only the better half of the
            best is repeated: better ones may still come, and push the others out.
    """
    racing = list(candidates[: asked.top])
    if running:
        racing = racing[: math.ceil(len(racing) / 2)]
    if not racing:
        return Plan((), settled=not running)
    limit = math.inf
    if asked.share is not None:
        limit = max(asked.share * cost, LEAST_REPETITIONS * usual)
    racing = _first(racing, asked.seeds, limit, begun)
    for number in range(1, asked.seeds + 1):
        missing = [each for each in racing if begun.get(each.tid, 0) < number]
        if missing:
            return Plan(tuple((each.tid, number) for each in missing), settled=False)
        known = repeated(ended, number)
        if running or any(_waits(each, known, number) for each in racing):
            return Plan((), settled=False)
        if _is_deterministic(racing, known):
            break
        spent = sum(each.seconds for each in ended if each.repeat <= number)
        racing = [_with_own_time(each, ended) for each in racing]
        racing = _next(racing, known, number, asked.seeds - number, limit - spent, begun)
    return Plan((), settled=True)


def _waits(candidate: Candidate, known: Mapping[int, Repeated], number: int) -> bool:
    found = known.get(candidate.tid)
    return found is None or found.ended < number


def _first(
    best: Sequence[Candidate], rounds: int, limit: float, begun: Mapping[int, int]
) -> list[Candidate]:
    """Return the trials of the first round: as many as leave one for each round to come."""
    # One trial that takes long must not keep the others out: it is the mean that is kept back.
    later = (rounds - 1) * fmean(each.seconds for each in best)
    kept: list[Candidate] = []
    for each in best:
        later += each.seconds
        if len(kept) > 1 and later > limit and not begun.get(each.tid):
            break
        kept.append(each)
    return kept


def _with_own_time(candidate: Candidate, ended: Sequence[Repetition]) -> Candidate:
    """Return the candidate with the mean time of its repetitions, which are what is to be paid."""
    own = [each.seconds for each in ended if each.of == candidate.tid and each.loss is not None]
    return replace(candidate, seconds=fmean(own)) if own else candidate


def _is_deterministic(racing: Sequence[Candidate], known: Mapping[int, Repeated]) -> bool:
    """Return whether every repetition gave its trial's loss again: another one tells nothing."""
    return all(set(known[each.tid].losses) == {each.loss} for each in racing)


def _next(
    racing: Sequence[Candidate],
    known: Mapping[int, Repeated],
    number: int,
    rounds: int,
    left: float,
    begun: Mapping[int, int],
) -> list[Candidate]:
    """Return the trials of the next round: the leader, and those that may still beat it.

    Args:
        racing: the trials of the round that has ended.
        known: their results up to this round.
        number: the round that has ended.
        rounds: rounds to come.
        left: seconds that these may take together.
        begun: number of repetitions that have begun, by trial. A trial that has begun the next
            round stays in it.
    """
    order = sorted(racing, key=lambda each: (*known[each.tid].order, each.loss, each.tid))
    leader = order[0]
    spread = _spread(racing, known)
    close = [
        each
        for each in order
        if each is leader or _chance(known[each.tid], known[leader.tid], spread) >= LEAST_CHANCE
    ]
    number_kept = _affordable(close, len(racing), rounds, left)
    return [
        each for at, each in enumerate(close) if at < number_kept or begun.get(each.tid, 0) > number
    ]


def _spread(racing: Sequence[Candidate], known: Mapping[int, Repeated]) -> Spread:
    within = spread_within([known[each.tid].losses for each in racing])
    if within.freedom:
        return within
    single = [(each.loss, known[each.tid].losses[0]) for each in racing if known[each.tid].losses]
    return spread_between([first for first, _ in single], [second for _, second in single])


def _chance(one: Repeated, leader: Repeated, spread: Spread) -> float:
    """Return the chance that a trial's true mean is below the leader's, by Student's t."""
    # SciPy takes a tenth of a second, which commands that only read a search do without.
    from scipy.special import stdtr

    if one.diverged > leader.diverged:
        return 0.0
    if one.mean is None or leader.mean is None or not spread.freedom:
        return 1.0
    behind = one.mean - leader.mean
    if not spread.variance:
        return float(behind <= 0)
    scale = math.sqrt(spread.variance * (1 / len(one.losses) + 1 / len(leader.losses)))
    return float(stdtr(spread.freedom, -behind / scale))


def _affordable(close: Sequence[Candidate], before: int, rounds: int, left: float) -> int:
    """Return how many of the trials may go on; none if not even the first one can be paid.

    If m of `before` trials go on, the rounds to come are taken to have m, m·(m/before), ... trials.
    """
    for number in range(len(close), 1, -1):
        sizes = [math.ceil(number * (number / before) ** later) for later in range(rounds)]
        if sum(sum(each.seconds for each in close[:size]) for size in sizes) <= left:
            return number
    return int(close[0].seconds <= left)
