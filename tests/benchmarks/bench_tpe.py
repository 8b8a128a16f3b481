"""Pending policies of TPE with 60 trials at once, compared by simulation.

    python tests/benchmarks/bench_tpe.py [--seeds 20] [--trials 300] [--slots 60]

Every search is simulated event by event: a free slot takes the next suggestion at once, a trial
takes a random time, and nothing waits in real time. All algorithms get the same durations and the
same noise. Objectives are Branin and Hartmann6, whose minima are known (0.397887 and
-3.32237), and a made-up validation error over each of the four spaces (`simulated_error`).

The table gives the median over the seeds of the best loss so far when a third of the results and
when all of them are in, and last the mean rank among the algorithms over objectives and seeds.
"""

import argparse
import heapq
import math
import os
import platform
import statistics
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.sampler import HYPEROPT_STARTUP, make_sampler
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.distributions import Choice, LogUniform, Uniform
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.hyperopt_space import to_point
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import PUBLISHED

# Objectives


def continuous_space(name, ranges):
    sampled = tuple(Metaparameter(key, Uniform(*ends), "") for key, ends in ranges.items())
    return flat_space(name, name, "backpropagation", "", sampled)


BRANIN = continuous_space("branin", {"x": (-5.0, 10.0), "y": (0.0, 15.0)})
HARTMANN6 = continuous_space("hartmann6", {f"x{axis}": (0.0, 1.0) for axis in range(6)})


def branin(values):
    """Dixon and Szegö, 1978."""
    x, y = values["x"], values["y"]
    parabola = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return parabola**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


HARTMANN_HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN_SCALES = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(values):
    """Hartman, 1973, in six dimensions."""
    place = np.array([values[f"x{axis}"] for axis in range(6)])
    distances = (HARTMANN_SCALES * (place - HARTMANN_CENTRES) ** 2).sum(axis=1)
    return -float(HARTMANN_HEIGHTS @ np.exp(-distances))


IMPORTANCE = {"sigma": 2, "alpha_over_beta": 2, "beta": 15, "gamma": 15, "train_batch_size": 0.2}
FLAG_COST = 0.05


def simulated_error(space):
    """A made-up validation error over a space of Kunin et al. 2020, lowest at Table 5's column.

    It has the properties that make a real one hard for TPE:

    - Some metaparameters matter little, others much.
    - Two count by their product: the alignment learning rate and beta.
    - Most of the range is a plateau at the error of guessing.
    - Training diverges where that product is too large: 28% and 49% of random points of wm and
      wm_ad, 2% and 4% of the other spaces' points.
    - The error has a noise of 0.003.
    """
    best = PUBLISHED[space.name].model_dump()

    def offset(each, values):
        kind = each.distribution
        scale = math.log if isinstance(kind, LogUniform) else float
        low, high = (
            (kind.low, kind.high) if not isinstance(kind, Choice) else (0, len(kind.options) - 1)
        )
        if isinstance(kind, Choice):
            here, there = (kind.options.index(v) for v in (values[each.name], best[each.name]))
            return (here - there) / (high - low)
        return (scale(values[each.name]) - scale(best[each.name])) / (scale(high) - scale(low))

    def error(values, rng):
        offsets = {each.name: offset(each, values) for each in space.sampled}
        strength = offsets["beta"] + 0.3 * offsets.get("alignment_learning_rate", 0.0)
        if strength > 0.2:
            return None
        badness = 15 * strength**2
        for name, distance in offsets.items():
            badness += IMPORTANCE.get(name, FLAG_COST) * distance**2
        return 0.3 + 0.6 * (1 - math.exp(-badness)) + 0.003 * rng.normal()

    return error


@dataclass(frozen=True)
class Objective:
    space: SearchSpace
    loss: Callable

    def __call__(self, point, rng):
        return self.loss(to_point(self.space, point), rng)


OBJECTIVES = {
    "branin": Objective(BRANIN, lambda values, _: branin(values)),
    "hartmann6": Objective(HARTMANN6, lambda values, _: hartmann6(values)),
    **{name: Objective(space, simulated_error(space)) for name, space in SPACES.items()},
}

# Algorithms: each suggests a point beside the pending ones, and is told results.


class Ours:
    def __init__(self, space, seed, algo, policy):
        self._sampler = make_sampler(
            algo, space, seed=seed, startup=HYPEROPT_STARTUP, pending=policy
        )

    def suggest(self, tid, pending):
        return self._sampler.suggest(tid, [Pending(*each) for each in pending.items()])

    def tell(self, tid, point, loss):
        self._sampler.tell(Observation(tid, point, loss))


class Optuna:
    """Optuna's TPE with its defaults, multivariate, with the constant liar."""

    def __init__(self, space, seed):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)
        self._study = optuna.create_study(sampler=sampler)
        self._distributions = {
            each.name: CategoricalDistribution(range(len(each.distribution.options)))
            if isinstance(each.distribution, Choice)
            else FloatDistribution(
                each.distribution.low,
                each.distribution.high,
                log=isinstance(each.distribution, LogUniform),
            )
            for each in space.sampled
        }
        self._asked = {}

    def suggest(self, tid, pending):
        self._asked[tid] = self._study.ask(self._distributions)
        return self._asked[tid].params

    def tell(self, tid, point, loss):
        failed = optuna.trial.TrialState.FAIL if loss is None else None
        self._study.tell(self._asked.pop(tid), loss, state=failed)


ALGORITHMS = {
    "random": partial(Ours, algo="random", policy="ignore"),
    **{policy: partial(Ours, algo="tpe", policy=policy) for policy in PENDING_POLICIES},
    f"optuna {optuna.__version__}": Optuna,
}


def simulate(job):
    """The best loss after each result of one search, and the seconds its suggestions took."""
    objective_name, algorithm_name, seed, trials, slots = job
    objective = OBJECTIVES[objective_name]
    algorithm = ALGORITHMS[algorithm_name](objective.space, seed)
    stream = np.random.SeedSequence([seed, zlib.crc32(objective_name.encode())])
    trial_seeds = stream.spawn(trials)
    ending, pending, best = [], {}, []
    now, seconds = 0.0, 0.0
    for tid in range(trials + slots):
        if tid >= slots or tid >= trials:
            if not ending:
                break
            now, ended, loss = heapq.heappop(ending)
            algorithm.tell(ended, pending.pop(ended), loss)
            best.append(min(best[-1] if best else math.inf, math.inf if loss is None else loss))
        if tid < trials:
            start = time.perf_counter()
            point = algorithm.suggest(tid, pending)
            seconds += time.perf_counter() - start
            pending[tid] = point
            rng = np.random.default_rng(trial_seeds[tid])
            duration = rng.lognormal(sigma=0.3)
            heapq.heappush(ending, (now + duration, tid, objective(point, rng)))
    return best, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--slots", type=int, default=60)
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=[*OBJECTIVES])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    started = time.perf_counter()
    searches = [
        (objective, algorithm, seed)
        for seed in range(arguments.seeds)
        for objective in arguments.objectives
        for algorithm in ALGORITHMS
    ]
    jobs = [(*search, arguments.trials, arguments.slots) for search in searches]
    with ProcessPoolExecutor(arguments.processes) as pool:
        results = dict(zip(searches, pool.map(simulate, jobs), strict=True))

    stages = {"a third": max(1, arguments.trials // 3), "all": arguments.trials}
    print(
        f"Median best loss of {arguments.seeds} seeds: {arguments.trials} trials, "
        f"{arguments.slots} slots, start-up {HYPEROPT_STARTUP} (Optuna's own: 10); "
        f"{os.cpu_count()} cores, Python {platform.python_version()}\n"
    )
    print("| results | objective | " + " | ".join(ALGORITHMS) + " |")
    print("|---|---|" + "---|" * len(ALGORITHMS))
    for stage, count in stages.items():
        ranks = {algorithm: [] for algorithm in ALGORITHMS}
        for objective in arguments.objectives:
            best = {
                algorithm: [
                    results[objective, algorithm, seed][0][count - 1]
                    for seed in range(arguments.seeds)
                ]
                for algorithm in ALGORITHMS
            }
            medians = [f"{statistics.median(losses):.4f}" for losses in best.values()]
            print(f"| {stage} | {objective} | " + " | ".join(medians) + " |")
            for losses in zip(*best.values(), strict=True):
                for algorithm, loss in zip(ALGORITHMS, losses, strict=True):
                    better = sum(other < loss for other in losses)
                    tied = sum(other == loss for other in losses)
                    ranks[algorithm].append(better + (tied + 1) / 2)
        means = [f"{statistics.fmean(each):.2f}" for each in ranks.values()]
        print(f"| {stage} | mean rank | " + " | ".join(means) + " |")
    per_suggestion = [
        sum(seconds for (_, whose, _), (_, seconds) in results.items() if whose == algorithm)
        / (len(arguments.objectives) * arguments.seeds * arguments.trials)
        for algorithm in ALGORITHMS
    ]
    cells = [f"{1e3 * seconds:.1f} ms" for seconds in per_suggestion]
    print("| | a suggestion | " + " | ".join(cells) + " |")
    print(f"\n{len(jobs)} searches in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
