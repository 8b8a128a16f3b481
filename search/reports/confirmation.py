"""The best trial of a confirmed search: its mean, the interval, and how sure its first place is.

Every loss of a repetition is taken as its trial's true mean with noise of one variance for all
repeated trials, which is estimated from all of them (`documents.repetition.spread_within`).
Intervals and chances are those of Student's t, and not of the normal distribution: with some ten
degrees of freedom the estimated noise is itself uncertain, and normal intervals would be a tenth
too narrow; with two, less than half as wide.

Chances are those of the true means given the data, under a flat prior for each mean and for the
noise's logarithm. Trials that were never repeated don't count. Where the true means lie about as
close together as their standard errors, the winner's own mean is flattered a little by having been
chosen, and the chance that another is better is understated: 0.33 where 0.40 is right, for four
trials with three seeds each.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignsearch.search.documents.digits import shown
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.repetition import (
    Repeated,
    Repetition,
    Spread,
    finalists,
    repeated,
    spread_within,
    winner,
)
from alignsearch.search.documents.tally import Standing

INTERVAL = 0.95
"""The chance that an interval covers the true mean."""
TOLD_APART = 0.05
"""Another trial isn't told apart from the winner while its chance of being better is above this."""
NOISE_NODES = 200
"""Values of the noise that a chance is averaged over: three digits are right."""
MEAN_NODES = 48
"""Nodes of the integral over the winner's true mean (Gauss and Hermite): five digits are right."""


@dataclass(frozen=True)
class Contender:
    """A repeated trial beside the winner.

    Attributes:
        tid: its number.
        losses: the losses of its repetitions.
        mean: their mean.
        error: the mean's standard error; None if the noise isn't known.
        low: lower end of the mean's interval; None likewise.
        high: upper end of the mean's interval; None likewise.
        first: the loss with which it came to the top; None if it isn't known here.
        chance: the chance that it is better than the winner, the two by themselves; 0 for the
            winner, None if the noise isn't known.
        diverged: how many of its repetitions diverged.
    """

    tid: int
    losses: tuple[float, ...]
    mean: float
    error: float | None
    low: float | None
    high: float | None
    first: float | None
    chance: float | None
    diverged: int = 0

    @property
    def flattered(self) -> float | None:
        """By how much its first loss lies below its mean; None if that isn't known here."""
        return None if self.first is None else self.mean - self.first


@dataclass(frozen=True)
class Confirmed:
    """The result of a confirmation so far.

    Attributes:
        winner: the trial that is named as the best.
        others: the other trials with a repetition, the best mean first; those that dropped out
            early come last.
        chance: the chance that any other one is truly better; None if the noise isn't known.
        ties: trials of the same mean as the winner's, to the last digit.
        close: trials that these seeds don't tell apart from the winner, without those tied.
        lucky: the trial with the lowest first loss, which an unconfirmed search would name; None
            if it has no repetition.
        repetitions: number of repetitions with a result.
        failed: number of repetitions without one.
    """

    winner: Contender
    others: tuple[Contender, ...]
    chance: float | None
    ties: tuple[int, ...]
    close: tuple[int, ...]
    lucky: Contender | None
    repetitions: int
    failed: int

    @property
    def loss(self) -> float:
        """The winner's mean loss."""
        return self.winner.mean


def confirmed(
    best: int | None, repetitions: Sequence[Repetition], firsts: Mapping[int, float]
) -> Confirmed | None:
    """Return what the repetitions of a search's best trials say; None while they name no trial.

    Args:
        best: number of the trial with the lowest first loss.
        repetitions: the repetitions that have ended.
        firsts: the first losses of trials by number, as far as they are known.
    """
    named = winner(best, repetitions)
    known = {each.tid: each for each in repeated(repetitions).values() if each.losses}
    if named is None or named not in known:
        return None
    compared = [each.tid for each in finalists(repetitions)]
    if len(compared) == 1 and compared[0] != named:
        return None
    spread = spread_within([each.losses for each in known.values()])
    first = known.pop(named)
    place = {tid: at for at, tid in enumerate(compared)}
    order = sorted(
        known.values(), key=lambda each: (place.get(each.tid, len(place)), *each.order, each.tid)
    )
    contenders = tuple(_contender(each, first, spread, firsts) for each in order)
    own = _contender(first, first, spread, firsts)
    by_number = {each.tid: each for each in (own, *contenders)}
    ties = tuple(sorted(each.tid for each in contenders if each.mean == own.mean))
    return Confirmed(
        winner=own,
        others=contenders,
        chance=chance_of_another(first, order, spread),
        ties=ties,
        close=tuple(
            sorted(
                each.tid
                for each in contenders
                if each.tid not in ties and each.chance is not None and each.chance > TOLD_APART
            )
        ),
        lucky=None if best is None else by_number.get(best),
        repetitions=sum(each.loss is not None for each in repetitions),
        failed=sum(each.loss is None for each in repetitions),
    )


def confirmed_in(standing: Standing) -> Confirmed | None:
    """Return what the repetitions of a search say, from its standing; None without any."""
    best, named = standing.best, standing.named
    if best is None or not standing.repetitions:
        return None
    known = {each.tid: each.loss for each in (best, named) if each is not None}
    firsts = {tid: loss for tid, loss in known.items() if loss is not None}
    return confirmed(best.tid, standing.repetitions, firsts)


def confirmation_json(found: Confirmed, metric: ObjectiveMetric) -> dict[str, object]:
    """Return a confirmation as JSON types, its numbers in the metric as people know it."""

    def of(each: Contender) -> dict[str, object]:
        low, high = (None if end is None else metric.value(end) for end in (each.low, each.high))
        if low is not None and high is not None:
            low, high = sorted((low, high))
        return {
            "tid": each.tid,
            "mean": metric.value(each.mean),
            "standard_error": each.error,
            "low": low,
            "high": high,
            "values": [metric.value(loss) for loss in each.losses],
            "first": None if each.first is None else metric.value(each.first),
            "flattered": each.flattered,
            "chance_better": each.chance,
            "diverged": each.diverged,
        }

    return {
        "winner": of(found.winner),
        "others": [of(each) for each in found.others],
        "chance_another_better": found.chance,
        "ties": list(found.ties),
        "not_told_apart": list(found.close),
        "lucky": None if found.lucky is None else of(found.lucky),
        "repetitions": found.repetitions,
        "without_result": found.failed,
    }


def _contender(
    one: Repeated, best: Repeated, spread: Spread, firsts: Mapping[int, float]
) -> Contender:
    mean = one.mean
    assert mean is not None
    error = half = None
    if spread.freedom:
        error = math.sqrt(spread.variance / len(one.losses))
        half = error * _quantile(spread.freedom, (1 + INTERVAL) / 2)
    return Contender(
        tid=one.tid,
        losses=one.losses,
        mean=mean,
        error=error,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        first=firsts.get(one.tid),
        chance=chance_of_being_better(one, best, spread),
        diverged=one.diverged,
    )


def _quantile(freedom: int, chance: float) -> float:
    # SciPy takes a tenth of a second, which commands on unconfirmed searches do without.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, chance))


def chance_of_being_better(one: Repeated, best: Repeated, spread: Spread) -> float | None:
    """Return the chance that the true mean of `one` is below that of `best`.

    The difference of two means over their pooled standard error is Student's t. The chance is None
    if the noise isn't known. Without noise, or of one trial against itself, it is 0 or 1.
    """
    from scipy.special import stdtr

    assert one.mean is not None
    assert best.mean is not None
    if one.tid == best.tid:
        return 0.0
    if not spread.freedom:
        return None
    ahead = best.mean - one.mean
    if not spread.variance:
        return float(ahead > 0)
    error = math.sqrt(spread.variance * (1 / len(one.losses) + 1 / len(best.losses)))
    return float(stdtr(spread.freedom, ahead / error))


def chance_of_another(best: Repeated, others: Sequence[Repeated], spread: Spread) -> float | None:
    """Return the chance that the true mean of any of the others is below that of `best`.

    Given the noise, the true means are independent and normal around the observed ones. So the
    chance that none is below is the integral over the best one's true mean of the product of the
    others' chances to lie above it. It is averaged over the noise's posterior, a scaled inverse
    chi-squared distribution (Gelman et al., Bayesian Data Analysis, 3rd edition, section 3.2).
    """
    if not others:
        return 0.0
    if not spread.freedom:
        return None
    assert best.mean is not None
    behind = [each.mean - best.mean for each in others if each.mean is not None]
    if not spread.variance:
        return float(min(behind) < 0)
    import numpy as np
    from scipy.special import chdtri, ndtr

    nodes, weights = np.polynomial.hermite_e.hermegauss(MEAN_NODES)
    tails = (np.arange(NOISE_NODES) + 0.5) / NOISE_NODES
    noise = np.sqrt(spread.variance * spread.freedom / chdtri(spread.freedom, tails))
    product = np.ones((NOISE_NODES, MEAN_NODES))
    for gap, each in zip(behind, others, strict=True):
        scale = math.sqrt(len(each.losses))
        shift = scale * gap / noise
        product *= ndtr(shift[:, None] - nodes * scale / math.sqrt(len(best.losses)))
    none_better = float((product @ weights).mean() / weights.sum())
    return min(1.0, max(0.0, 1 - none_better))


def in_words(found: Confirmed, metric: ObjectiveMetric) -> list[str]:
    """Return what a confirmation says, one line each, in the metric as people know it."""
    best = found.winner
    lines = [f"confirmed: {mean_in_words(found, metric)}, trial {best.tid}"]
    if best.low is not None and best.high is not None:
        low, high = sorted((metric.value(best.low), metric.value(best.high)))
        lines.append(f"interval of {100 * INTERVAL:.0f} %: {shown(low)} to {shown(high)}")
    if found.others and found.chance is not None:
        lines.append(f"chance that another repeated trial is better: {_percent(found.chance)}")
    if found.ties:
        lines.append(f"tied with it, with the same mean: {trials_in_words(found.ties)}")
    if found.close:
        lines.append(f"not told apart from it by these seeds: {trials_in_words(found.close)}")
    lucky = found.lucky
    if lucky is not None and lucky.first is not None and lucky.flattered is not None:
        which = "its first result" if lucky.tid == best.tid else f"trial {lucky.tid}, the luckiest,"
        outcome = (
            "and each repetition gave that again: no luck was in it"
            if set(lucky.losses) == {lucky.first}
            else f"and the mean is {shown(metric.value(lucky.mean))}: luck flattered it by "
            f"{shown(lucky.flattered)}"
        )
        lines.append(f"{which} was {shown(metric.value(lucky.first))}, {outcome}")
    if found.failed:
        lines.append(f"repetitions without a result: {found.failed}")
    return lines


def mean_in_words(found: Confirmed, metric: ObjectiveMetric) -> str:
    """Return the winner's mean with its standard error and the number of seeds."""
    best = found.winner
    error = "" if best.error is None else f" ± {shown(best.error)}"
    seeds = len(best.losses)
    over = "one fresh seed" if seeds == 1 else f"the mean of {seeds} fresh seeds"
    return f"{metric.label} {shown(metric.value(best.mean))}{error}, {over}"


def _percent(chance: float) -> str:
    if chance < 0.001:
        return "below 0.1 %"
    return f"{100 * chance:.1f} %" if chance < 0.1 else f"{100 * chance:.0f} %"


def trials_in_words(tids: Sequence[int]) -> str:
    """Return the numbers of trials with their noun: `trial 3`, `trials 3, 7`."""
    return ("trial " if len(tids) == 1 else "trials ") + ", ".join(map(str, tids))
