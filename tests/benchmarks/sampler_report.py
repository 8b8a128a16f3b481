"""How samplers compare over spaces and seeds: mean ranks, their intervals, and tests."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sampler_search import STAGES
from scipy import stats

RESAMPLED = 2000
"""Bootstrap samples of spaces and seeds."""

Job = tuple[str, str, int, int]
"""A search: its space, its sampler, its slots and its seed."""


def report(
    found: Mapping[Job, dict],
    spaces: Sequence[str],
    samplers: Sequence[str],
    slots: int,
    seeds: int,
) -> Iterator[str]:
    """Yield the tables of one number of slots as Markdown."""
    cells = [(space, seed) for space in spaces for seed in range(seeds)]
    yield f"\n{slots} at once, {len(cells)} searches of each sampler\n"
    yield "| stage | judged by | " + " | ".join(samplers) + " |"
    yield "|---|---|" + "---|" * len(samplers)
    for stage in STAGES:
        for field, words in (("best_regret", "best evaluated"), ("picked_regret", "picked")):
            ranks = ranks_of(found, spaces, samplers, slots, seeds, stage, field)
            ends = interval(ranks, len(spaces))
            means = [
                f"{mean:.2f} ({low:.2f} to {high:.2f})"
                for mean, low, high in zip(ranks.mean(axis=0), *ends, strict=True)
            ]
            yield f"| {stage} | {words} | " + " | ".join(means) + " |"
            if stage == "all" and field == "best_regret":
                tests = differences(ranks, len(spaces))
    costs = [
        1e3 * statistics.fmean(found[space, name, slots, seed]["seconds"] for space, seed in cells)
        for name in samplers
    ]
    yield "| | CPU a suggestion | " + " | ".join(f"{cost:.1f} ms" for cost in costs) + " |"
    yield f"\nFriedman's test over the spaces: p = {tests[0]:.1g}."
    yield f"{samplers[0]} against each, Wilcoxon's test over the spaces, Holm's correction: " + (
        ", ".join(f"{name} {p:.2g}" for name, p in zip(samplers[1:], tests[1], strict=True))
    )


def left_out(
    found: Mapping[Job, dict],
    kinds: Mapping[str, Sequence[str]],
    samplers: Sequence[str],
    slots: int,
    seeds: int,
) -> Iterator[str]:
    """Yield the mean ranks at the end with each kind of spaces left out, as Markdown.

    kinds: the spaces that are left out, by the kind's name.
    """
    spaces = dict.fromkeys(space for each in kinds.values() for space in each)
    yield "\n| left out | spaces | " + " | ".join(samplers) + " | first | p |"
    yield "|---|---|" + "---|" * len(samplers) + "---|---|"
    for kind, without in kinds.items():
        others = [space for space in spaces if space not in without]
        ranks = ranks_of(found, others, samplers, slots, seeds)
        means = ranks.mean(axis=0)
        largest = max(differences(ranks, len(others))[1])
        row = " | ".join(f"{mean:.2f}" for mean in means)
        first = samplers[int(np.argmin(means))]
        yield f"| {kind} | {len(others)} | {row} | {first} | {largest:.2g} |"
    yield f"\np: the largest of {samplers[0]} against the others, as below each table above."


def ranks_of(
    found: Mapping[Job, dict],
    spaces: Sequence[str],
    samplers: Sequence[str],
    slots: int,
    seeds: int,
    stage: str = "all",
    field: str = "best_regret",
) -> np.ndarray:
    """Return the samplers' ranks in each search, shape `[spaces x seeds, samplers]`."""
    values = [
        [found[space, name, slots, seed]["outcomes"][stage][field] for name in samplers]
        for space in spaces
        for seed in range(seeds)
    ]
    return np.asarray(stats.rankdata(values, axis=1))


def interval(ranks: np.ndarray, spaces: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of 95 % of mean ranks, over spaces and their seeds drawn anew."""
    rng = np.random.default_rng(0)
    by_space = ranks.reshape(spaces, -1, ranks.shape[1])
    seeds = by_space.shape[1]
    means = []
    for _ in range(RESAMPLED):
        chosen = rng.integers(spaces, size=spaces)
        drawn = rng.integers(seeds, size=(spaces, seeds))
        means.append(by_space[chosen[:, None], drawn].mean(axis=(0, 1)))
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def differences(ranks: np.ndarray, spaces: int) -> tuple[float, list[float]]:
    """Return p-values over the spaces, each by its seeds' mean rank: of all, and of the pairs."""
    ranks = ranks.reshape(spaces, -1, ranks.shape[1]).mean(axis=1)
    first, *others = ranks.T
    if len(others) < 2:
        return float("nan"), [float(stats.wilcoxon(first, other).pvalue) for other in others]
    everyone = float(stats.friedmanchisquare(*ranks.T).pvalue)
    pairs = [float(stats.wilcoxon(first, other).pvalue) for other in others]
    return everyone, holm(pairs)


def holm(pairs: Sequence[float]) -> list[float]:
    """Return p-values of several tests, corrected by Holm's method (1979)."""
    corrected = [0.0] * len(pairs)
    largest = 0.0
    for done, at in enumerate(np.argsort(pairs)):
        largest = max(largest, min(1.0, (len(pairs) - done) * pairs[at]))
        corrected[at] = largest
    return corrected
