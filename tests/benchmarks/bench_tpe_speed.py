"""CPU time of a suggestion: ours, HyperOpt's, Optuna's and Rustuna's, on `ia`, in one run.

    python tests/benchmarks/bench_tpe_speed.py [--trials 100 1000 10000] [--repeats 20]

The history has random points and losses, a tenth of them failed, and 60 pending trials. Each
repetition tells one more result and asks for one more point. They take turns, so that the
machine's other load falls on all of them. The time that HyperOpt takes to build its documents is
not counted. Our points are checked to be HyperOpt's.
"""

import argparse
import math
import time
from importlib.metadata import version

import hyperopt
import numpy as np
import optuna
import rustuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from turns import print_table, take_turns, timed

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.search.samplers.tpe import Tpe
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.distributions import Choice, LogUniform
from alignsearch.spaces.hyperopt_space import to_hyperopt

PENDING = 60
SPACE = get_space("ia")
KINDS = [(each.name, each.distribution) for each in SPACE.sampled]
DISTRIBUTIONS = {
    each.name: CategoricalDistribution(range(len(each.distribution.options)))
    if isinstance(each.distribution, Choice)
    else FloatDistribution(
        each.distribution.low,
        each.distribution.high,
        log=isinstance(each.distribution, LogUniform),
    )
    for each in SPACE.sampled
}


def random_value(distribution, rng):
    if isinstance(distribution, Choice):
        return int(rng.integers(len(distribution.options)))
    low, high = distribution.low, distribution.high
    if isinstance(distribution, LogUniform):
        return math.exp(rng.uniform(math.log(low), math.log(high)))
    return float(rng.uniform(low, high))


def random_point(rng):
    return {each.name: random_value(each.distribution, rng) for each in SPACE.sampled}


class Ours:
    def __init__(self, finished, pending):
        self.history = Tpe(dimensions_of(SPACE))
        for tid, (point, loss) in enumerate(finished):
            self.history.tell(Observation(tid, point, loss))
        self.pending = [Pending(tid, point) for tid, point in enumerate(pending, len(finished))]

    def step(self, tid, point, loss):
        self.history.tell(Observation(tid, point, loss))
        return self.history.suggest(self.pending, seed=tid)


class HyperOpt:
    def __init__(self, finished, pending):
        self.domain = hyperopt.base.Domain(lambda point: 0.0, to_hyperopt(SPACE))
        self.trials = hyperopt.Trials()
        documents = [self.finished(tid, *result) for tid, result in enumerate(finished)]
        documents += [
            self.document(tid, point, hyperopt.JOB_STATE_RUNNING, {"status": "new"})
            for tid, point in enumerate(pending, len(finished))
        ]
        self.trials.insert_trial_docs(documents)
        self.trials.refresh()

    def finished(self, tid, point, loss):
        result = {"status": "fail"} if loss is None else {"status": "ok", "loss": loss}
        return self.document(tid, point, hyperopt.JOB_STATE_DONE, result)

    def document(self, tid, point, state, result):
        misc = {
            "tid": tid,
            "cmd": self.domain.cmd,
            "workdir": None,
            "idxs": {label: [tid] for label in point},
            "vals": {label: [value] for label, value in point.items()},
        }
        rest = dict.fromkeys(("spec", "exp_key", "owner", "book_time", "refresh_time"))
        return {"tid": tid, "state": state, "result": result, "misc": misc, "version": 0, **rest}

    def step(self, tid, point, loss):
        self.trials.insert_trial_doc(self.finished(tid, point, loss))
        self.trials.refresh()
        suggested = hyperopt.tpe.suggest([tid + 1], self.domain, self.trials, tid, verbose=False)
        return {label: value[0] for label, value in suggested[0]["misc"]["vals"].items()}


class Optuna:
    def __init__(self, finished, pending):
        sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=0)
        self.study = optuna.create_study(sampler=sampler)
        for result in finished:
            self.add(*result)
        for point in pending:
            self.study.add_trial(
                optuna.trial.create_trial(
                    params=point, distributions=DISTRIBUTIONS, state=optuna.trial.TrialState.RUNNING
                )
            )
        self.asked = None

    def add(self, point, loss):
        state = "FAIL" if loss is None else "COMPLETE"
        self.study.add_trial(
            optuna.trial.create_trial(
                params=point,
                distributions=DISTRIBUTIONS,
                value=loss,
                state=optuna.trial.TrialState[state],
            )
        )

    def step(self, tid, point, loss):
        if self.asked is not None:
            self.study.tell(self.asked, state=optuna.trial.TrialState.FAIL)
        self.add(point, loss)
        self.asked = self.study.ask(DISTRIBUTIONS)
        return self.asked.params


class Rustuna:
    """Its multivariate TPE, which knows no constant liar."""

    def __init__(self, finished, pending):
        sampler = rustuna.samplers.TPESampler(multivariate=True, seed=0)
        self.study = rustuna.create_study(sampler=sampler)
        kinds = rustuna.distributions
        self.distributions = {
            each.name: kinds.CategoricalDistribution([*range(len(each.distribution.options))])
            if isinstance(each.distribution, Choice)
            else kinds.FloatDistribution(
                each.distribution.low,
                each.distribution.high,
                log=isinstance(each.distribution, LogUniform),
            )
            for each in SPACE.sampled
        }
        for result in finished:
            self.add(*result)
        for point in pending:
            self.study.add_trial(
                rustuna.create_trial(
                    state=rustuna.trial.TrialState.RUNNING,
                    params=point,
                    distributions=self.distributions,
                )
            )
        self.asked = None

    def add(self, point, loss):
        states = rustuna.trial.TrialState
        self.study.add_trial(
            rustuna.create_trial(
                state=states.FAIL if loss is None else states.COMPLETE,
                value=loss,
                params=point,
                distributions=self.distributions,
            )
        )

    def step(self, tid, point, loss):
        if self.asked is not None:
            self.study.tell(self.asked.number, state=rustuna.trial.TrialState.FAIL)
        self.add(point, loss)
        self.asked = self.study.ask()
        return {
            name: self.asked.suggest_categorical(name, [*range(len(each.options))])
            if isinstance(each, Choice)
            else self.asked.suggest_float(
                name, each.low, each.high, log=isinstance(each, LogUniform)
            )
            for name, each in KINDS
        }


def measure(trials, repeats):
    """Seconds of each repetition, by contender."""
    rng = np.random.default_rng(0)
    finished = [
        (random_point(rng), None if tid % 10 == 9 else float(rng.random())) for tid in range(trials)
    ]
    pending = [random_point(rng) for _ in range(PENDING)]
    contenders = {
        "alignsearch": Ours(finished, pending),
        f"hyperopt {hyperopt.__version__}": HyperOpt(finished, pending),
        f"optuna {optuna.__version__}, multivariate": Optuna(finished, pending),
        f"rustuna {version('rustuna')}, multivariate": Rustuna(finished, pending),
    }
    results = [
        (trials + PENDING + repeat, random_point(rng), float(rng.random()))
        for repeat in range(repeats + 1)
    ]

    def step(contender, repeat):
        return timed(time.process_time, contender.step, *results[repeat])

    def check(points):
        assert points[0] == points[1], "our point is not HyperOpt's"

    return take_turns(contenders, repeats, step, check)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print_table(
        measure,
        arguments.trials,
        arguments.repeats,
        setting=f"space ia, {PENDING} trials pending",
        column="whose",
        reference="times ours",
        digits=1,
    )


if __name__ == "__main__":
    main()
