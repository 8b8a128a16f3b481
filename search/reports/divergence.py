"""Why trials of a search diverged: their reasons, and the likely cause where one is known.

The cause is either advice that ships with the search's definition, or the one setting that tells
those that diverged apart from the others better than chance would.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alignsearch.search.documents import REHEARSAL, Search, Trial, values_of
from alignsearch.search.documents.divergence import is_diverged
from alignsearch.search.documents.ranking import is_ranked
from alignsearch.spaces.training import weight_mirror_advice

SURE = 0.01
"""Limits how often a setting may be named by chance alone: once in a hundred searches."""
MOST_REASONS = 3
"""Limits the reasons in a sentence: more are rare ones, and the list of trials has them all."""
MOST_TRIALS = 5
"""Limits the numbers of trials behind a reason, which fit into a line."""
NO_REASON = "no reason was given"


@dataclass(frozen=True)
class Ended:
    """A trial that ended with a loss or diverged.

    Attributes:
        reason: why it diverged; None if it has a loss.
        values: its active dimensions by label.
    """

    tid: int
    reason: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Divergence:
    """The trials of a search that diverged.

    Attributes:
        of: number of trials that have a result, those that diverged among them.
        reasons: numbers of the trials by their reason, the most frequent reason first.
        cause: the likely cause in words; None where none is known.
    """

    of: int
    reasons: Mapping[str, Sequence[int]]
    cause: str | None

    @property
    def count(self) -> int:
        """Number of trials that diverged."""
        return sum(map(len, self.reasons.values()))

    def lines(self) -> list[str]:
        """Return how many diverged and why, then the likely cause; nothing if none diverged."""
        if not self.reasons:
            return []
        shown = [*self.reasons.items()][:MOST_REASONS]
        said = [f"{len(tids)} because {reason} ({_trials(tids)})" for reason, tids in shown]
        if len(self.reasons) > len(shown):
            rest = self.count - sum(len(tids) for _, tids in shown)
            said.append(f"{rest} for other reasons")
        lines = [f"{self.count} of {self.of} diverged: {'; '.join(said)}"]
        return [*lines, *([] if self.cause is None else [f"likely cause: {self.cause}"])]


def divergence_of(search: Search, trials: Iterable[Trial]) -> Divergence:
    """Return which of a search's trials diverged and why."""
    ended = [
        Ended(trial.tid, reason_of(trial) if is_diverged(trial) else None, values_of(search, trial))
        for trial in trials
        if is_diverged(trial) or is_ranked(trial)
    ]
    reasons: dict[str, list[int]] = defaultdict(list)
    for trial in ended:
        if trial.reason is not None:
            reasons[trial.reason].append(trial.tid)
    by_number = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return Divergence(len(ended), dict(by_number), cause_of(search, ended))


def cause_of(
    search: Search, ended: Sequence[Ended], title: Callable[[str], str] = str
) -> str | None:
    """Return the likely cause for which trials diverged, in words; None where none is known.

    title: returns the name of a dimension for people from its label.
    """
    if all(trial.reason is None for trial in ended):
        return None
    return _known_cause(search) or _setting(ended, title)


def reason_of(trial: Trial) -> str:
    """Return why a trial diverged."""
    return (trial.result.reason if trial.result else None) or NO_REASON


def _known_cause(search: Search) -> str | None:
    """Return the advice on searches of this kind, which says what makes them diverge."""
    recipe = search.recipe
    if search.space != "wm" or recipe is None or recipe.dataset == REHEARSAL:
        return None
    return weight_mirror_advice(recipe) or None


def _setting(ended: Sequence[Ended], title: Callable[[str], str]) -> str | None:
    """Return the setting that parts diverged trials from others, in words; None if none does.

    For each number the best threshold is taken, for each choice the best option. One that as many
    thresholds of as many dimensions would give by chance more often than `SURE` isn't named.
    """
    labels = {label: None for trial in ended for label in trial.values}
    found: list[tuple[float, str]] = []
    for label in labels:
        known = [
            (trial.values[label], trial.reason is not None)
            for trial in ended
            if label in trial.values
        ]
        values = [value for value, _ in known]
        diverged = np.array([each for _, each in known])
        if all(type(value) in (int, float) for value in values):
            parts = _thresholds(np.array(values, dtype=float))
        else:
            parts = _options(values)
        tried = [(words, inside, _chance(diverged, inside)) for words, inside in parts]
        if not tried:
            continue
        words, inside, chance = min(tried, key=lambda each: each[2])
        bad, out = int(diverged[inside].sum()), int(diverged[~inside].sum())
        text = (
            f"{title(label)} {words}, where {bad} of {int(inside.sum())} diverged; of the others "
            f"{out} of {int((~inside).sum())} did"
        )
        found.append((chance * len(tried) * len(labels), text))
    chance, text = min(found, default=(1.0, ""))
    return text if chance < SURE else None


Part = tuple[str, "np.ndarray[Any, np.dtype[np.bool_]]"]
"""A condition in words, and which trials it holds for."""

MOST_THRESHOLDS = 32
"""Limits the thresholds of a dimension: quantiles are fine enough to name a region."""


def _thresholds(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[Part]:
    """Return the regions above and below some thresholds between neighbouring values."""
    distinct = np.unique(values)
    between = (distinct[:-1] + distinct[1:]) / 2
    if len(between) > MOST_THRESHOLDS:
        between = between[np.linspace(0, len(between) - 1, MOST_THRESHOLDS).astype(int)]
    return [
        part
        for at in between
        for part in ((f"above {at:.3g}", values > at), (f"below {at:.3g}", values < at))
    ]


def _options(values: Sequence[Any]) -> list[Part]:
    """Return the part of each option of a choice."""
    names = [str(value) for value in values]
    options = sorted(set(names))
    if not 1 < len(options) <= MOST_THRESHOLDS:
        return []
    return [(f"= {each}", np.array([name == each for name in names])) for each in options]


def _chance(
    diverged: np.ndarray[Any, np.dtype[np.bool_]], inside: np.ndarray[Any, np.dtype[np.bool_]]
) -> float:
    """Return how likely so many diverged trials lie inside by chance (Fisher's exact test)."""
    total, bad, size = len(diverged), int(diverged.sum()), int(inside.sum())
    hits = int((diverged & inside).sum())
    if hits * total <= bad * size:
        return 1.0
    whole = _log_choose(total, size)
    return min(
        1.0,
        sum(
            math.exp(_log_choose(bad, k) + _log_choose(total - bad, size - k) - whole)
            for k in range(hits, min(bad, size) + 1)
            if size - k <= total - bad
        ),
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _trials(tids: Sequence[int]) -> str:
    named = ", ".join(map(str, tids[:MOST_TRIALS])) + (", …" if len(tids) > MOST_TRIALS else "")
    return f"trial {named}" if len(tids) == 1 else f"trials {named}"
