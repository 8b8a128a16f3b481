"""Why trials of a search diverged: their reasons, and the likely cause where one is known.

The cause is either advice that ships with the search's definition, or the one setting that tells
those that diverged apart from the others better than chance would.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

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
MOST_PARTS = 32
"""Limits the thresholds or options of a dimension: more would name a region no better."""
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
    labels = list({label: None for trial in ended for label in trial.values})
    found = []
    for label in labels:
        known = [
            (trial.values[label], trial.reason is not None)
            for trial in ended
            if label in trial.values
        ]
        total, bad = len(known), sum(diverged for _, diverged in known)
        parts = _parts(known)
        if not parts:
            continue
        best = max(parts, key=lambda part: _excess(part, total, bad))
        chance = _chance(best, total, bad) * len(parts) * len(labels)
        found.append((chance, f"{title(label)} {_in_words(best, total, bad)}"))
    chance, text = min(found, default=(1.0, ""))
    return text if chance < SURE else None


class _Part(NamedTuple):
    """A condition in words, how many trials it holds for, and how many of them diverged."""

    words: str
    size: int
    hits: int


def _parts(known: Sequence[tuple[Any, bool]]) -> list[_Part]:
    """Return the parts into which a dimension's values divide trials.

    known: each trial's value, and whether it diverged.
    """
    if all(type(value) in (int, float) for value, _ in known):
        return _regions(sorted(known))
    sizes, hits = Counter[str](), Counter[str]()
    for value, diverged in known:
        sizes[str(value)] += 1
        hits[str(value)] += diverged
    if not 1 < len(sizes) <= MOST_PARTS:
        return []
    return [_Part(f"= {option}", size, hits[option]) for option, size in sorted(sizes.items())]


def _regions(known: Sequence[tuple[float, bool]]) -> list[_Part]:
    """Return the regions above and below thresholds between neighbours; values are sorted."""
    before = [0, *accumulate(diverged for _, diverged in known)]
    total, bad = len(known), before[-1]
    borders = [at for at in range(1, total) if known[at - 1][0] < known[at][0]]
    step = max(1, math.ceil(len(borders) / MOST_PARTS))
    parts = []
    for at in borders[::step]:
        place = f"{(known[at - 1][0] + known[at][0]) / 2:.3g}"
        parts += [
            _Part(f"below {place}", at, before[at]),
            _Part(f"above {place}", total - at, bad - before[at]),
        ]
    return parts


def _in_words(part: _Part, total: int, bad: int) -> str:
    return (
        f"{part.words}, where {part.hits} of {part.size} diverged; of the others "
        f"{bad - part.hits} of {total - part.size} did"
    )


def _excess(part: _Part, total: int, bad: int) -> float:
    """Return by how many standard deviations more trials diverged in a part than chance gives."""
    share = part.size / total
    spread = share * (1 - share) * bad * (total - bad)
    return (part.hits - share * bad) / math.sqrt(spread) if spread else -math.inf


def _chance(part: _Part, total: int, bad: int) -> float:
    """Return how likely so many diverged trials lie in a part by chance (Fisher's exact test)."""
    whole = _log_choose(total, part.size)
    return math.fsum(
        math.exp(_log_choose(bad, hits) + _log_choose(total - bad, part.size - hits) - whole)
        for hits in range(max(part.hits, part.size - (total - bad)), min(bad, part.size) + 1)
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _trials(tids: Sequence[int]) -> str:
    named = ", ".join(map(str, tids[:MOST_TRIALS])) + (", …" if len(tids) > MOST_TRIALS else "")
    return f"trial {named}" if len(tids) == 1 else f"trials {named}"
