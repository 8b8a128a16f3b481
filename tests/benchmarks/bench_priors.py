"""Good and misleading priors on tables of real trainings: `make bench-priors`.

    python tests/benchmarks/bench_priors.py [--seeds 20] [--slots 60] [--fades 10]

Kinds of searches over the spaces of `bench_samplers.py`, by `combined` unless they say `tpe`:

- plain and plain tpe: 250 trials without a prior. The mean regret of their best configurations are
  two goals.
- good: with a prior around a configuration drawn at random from the best 1 %.
- enqueued and enqueued tpe: plain, but the first trial is that configuration.
- misleading: with a prior around one drawn at random from the worst 10 %.

A prior is made as `submit --prior search:NAME` makes it of one trial, with the same width. The
report has the number of results after which each kind's mean regret over the seeds is as low as
each goal: a good prior shall take at most 80, and a misleading one at most 275. Searches are
appended to a file as they end, so that the same command goes on where it was broken off.
"""

import argparse
import csv
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import hpo_tables
import numpy as np
from bench_samplers import SPACES
from sampler_peers import Point
from sampler_search import TRIALS, results

from alignsearch.search.documents import Observation, Pending, Prior
from alignsearch.search.samplers import fading_prior
from alignsearch.search.samplers.sampler import default_startup, make_sampler
from alignsearch.search.use_cases.priors import WIDTH

KEPT = Path("build") / "priors.jsonl"
BEST, WORST = 0.01, 0.1
"""Shares of a table's configurations that the centres are drawn from."""
SOON, LATE = 80, round(1.1 * TRIALS)
LENGTHS = {
    "plain": TRIALS,
    "plain tpe": TRIALS,
    "good": SOON,
    "enqueued": SOON,
    "enqueued tpe": SOON,
    "misleading": LATE,
}
"""Trials of each kind of search."""
GOALS = ("plain", "plain tpe")
"""Kinds whose regret at the end the others are to reach."""

Job = tuple[str, str, int, int, float]
"""A search: its space, its kind, its slots, its seed, and the constant of the fade."""


class Expecting:
    """A sampler with a prior, or with a first point that somebody enqueued."""

    def __init__(
        self,
        algo: str,
        table: hpo_tables.Table,
        seed: int,
        prior: Prior | None,
        first: Point | None,
    ) -> None:
        startup = default_startup(TRIALS, with_prior=prior is not None)
        self._sampler = make_sampler(algo, table.space, seed=seed, startup=startup, prior=prior)
        self._first = first

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        if tid == 0 and self._first is not None:
            return self._first
        return self._sampler.suggest(tid, [Pending(*each) for each in pending.items()])

    def tell(self, tid: int, point: Point, loss: float) -> None:
        self._sampler.tell(Observation(tid, dict(point), loss))


def centre(table: hpo_tables.Table, kind: str, seed: int) -> Point:
    """Return a configuration drawn from the best or from the worst ones of a table."""
    order = np.argsort(table.means, kind="stable")
    if kind == "misleading":
        order = order[::-1]
    share = WORST if kind == "misleading" else BEST
    drawn = np.random.default_rng([seed, 1]).integers(max(1, int(share * len(order))))
    return table.point_of([*table.at][order[drawn]])


def regrets(job: Job) -> list[float]:
    """Return the regret of the best configuration evaluated, after each result of a search."""
    warnings.simplefilter("ignore")
    name, kind, slots, seed, fade = job
    fading_prior.FADE = fade
    table = hpo_tables.table(name)
    point = None if kind in GOALS else centre(table, kind, seed)
    prior = None
    if kind in ("good", "misleading"):
        prior = Prior(source="benchmark", points=(dict(point or {}),), width=WIDTH)
    algo = "tpe" if kind.endswith(" tpe") else "combined"
    peer = Expecting(algo, table, seed, prior, point if kind.startswith("enqueued") else None)
    found = [table.regret(key) for key, _ in results(table, peer, slots, seed, LENGTHS[kind])]
    return [round(float(each), 6) for each in np.minimum.accumulate(found)]


def kept_searches(file: Path) -> dict[Job, list[float]]:
    """Return the searches that a file has."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = (json.loads(line) for line in lines if line.endswith("]"))
    return {tuple(job): values for *job, values in found}


def make_missing(jobs: Sequence[Job], file: Path, processes: int) -> None:
    """Run the searches that the file lacks, and append each as it ends."""
    there = kept_searches(file)
    missing = [job for job in jobs if job not in there]
    file.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool, file.open("a") as kept:
        for job, values in zip(missing, pool.map(regrets, missing, chunksize=4), strict=True):
            kept.write(json.dumps([*job, values]) + "\n")
            kept.flush()


def needed(curve: np.ndarray, goal: float) -> int | None:
    """Return the number of results after which a curve is as low as the goal; None if never."""
    reached = np.flatnonzero(curve <= goal + 1e-9)
    return int(reached[0]) + 1 if len(reached) else None


def curves_of(
    found: Mapping[Job, list[float]], spaces: Sequence[str], seeds: int, slots: int, fade: float
) -> dict[str, np.ndarray]:
    """Return the regrets of each kind of search, shape `[spaces, seeds, results]`."""
    return {
        kind: np.array(
            [
                [
                    found[name, kind, slots, seed, fade if _fades(kind) else 0.0]
                    for seed in range(seeds)
                ]
                for name in spaces
            ]
        )
        for kind in LENGTHS
    }


def report(curves: Mapping[str, np.ndarray], spaces: Sequence[str]) -> list[list[str]]:
    """Return the rows of the table of one number of slots: one a space, and all spaces together."""
    rows = []
    for at, name in [*enumerate(spaces), (slice(None), "mean of all")]:
        means = {
            kind: each[at].reshape(-1, each.shape[-1]).mean(axis=0) for kind, each in curves.items()
        }
        goals = {goal: means[goal][-1] for goal in GOALS}
        rows.append(
            [
                name,
                *(f"{goal:.4f}" for goal in goals.values()),
                *(f"{means[kind][SOON - 1]:.4f}" for kind in EARLY),
                f"{means['misleading'][LATE - 1]:.4f}",
                *(
                    str(needed(means[kind], goal) or f"over {LENGTHS[kind]}")
                    for goal in goals.values()
                    for kind in REACHING
                ),
            ]
        )
    return rows


EARLY = ("plain", "plain tpe", "enqueued", "enqueued tpe", "good")
REACHING = {"enqueued": SOON, "good": SOON, "misleading": LATE}
"""Kinds that are to reach the goals, and within how many results."""
HEADINGS = (
    "space",
    *(f"{goal} after {TRIALS}" for goal in GOALS),
    *(f"{kind} after {SOON}" for kind in EARLY),
    f"misleading after {LATE}",
    *(f"{kind} reaches {goal}" for goal in GOALS for kind in REACHING),
)


def _fades(kind: str) -> bool:
    return kind in ("good", "misleading")


def main() -> None:
    """Run what is missing and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--slots", type=int, nargs="+", default=(60,))
    parser.add_argument("--fades", type=float, nargs="+", default=(fading_prior.FADE,))
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=SPACES)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=KEPT, help="file that keeps the searches")
    parser.add_argument("--into", type=Path, help="folder for priors.csv")
    asked = parser.parse_args()
    fades = {kind: asked.fades if _fades(kind) else (0.0,) for kind in LENGTHS}
    jobs = [
        (space, kind, slots, seed, fade)
        for seed in range(asked.seeds)
        for slots in asked.slots
        for space in asked.spaces
        for kind in LENGTHS
        for fade in fades[kind]
    ]
    make_missing(jobs, asked.kept, asked.processes)
    found = kept_searches(asked.kept)
    written = []
    for slots in asked.slots:
        for fade in asked.fades:
            rows = report(curves_of(found, asked.spaces, asked.seeds, slots, fade), asked.spaces)
            print(f"\n{slots} at once, {asked.seeds} seeds, width {WIDTH:g}, fade {fade:g}\n")
            print("\n".join(_markdown(each) for each in (HEADINGS, ["---"] * len(HEADINGS), *rows)))
            for goal in GOALS:
                for kind, limit in REACHING.items():
                    column = HEADINGS.index(f"{kind} reaches {goal}")
                    within = sum(
                        row[column].isdigit() and int(row[column]) <= limit for row in rows[:-1]
                    )
                    print(
                        f"\n{kind} reaches {goal} after {TRIALS} on {within} of "
                        f"{len(asked.spaces)} spaces within {limit} results"
                    )
            written += [[str(slots), f"{fade:g}", *row] for row in rows]
    if asked.into is not None:
        with (asked.into / "priors.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                [("slots", "fade", *HEADINGS), *written]
            )


def _markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
