"""How long a suggestion takes over nested spaces of 20 dimensions beside a flat one, in one run.

    python tests/benchmarks/bench_tpe_nested.py [--trials 100 1000 10000] [--repeats 40]

The three spaces have the same 20 distributions. In `flat` all are active in every trial. In
`nested` choices within choices lead to them, so that a trial has some. In `nested, all active`
every option of every choice has the same dimensions: it has the cost of nesting, and no gain.

The history is as in bench_tpe_speed.py, and its times are of the processor, so that other programs
count little. The spaces take turns. That points are HyperOpt's is for the tests to say.
"""

import argparse
import time

import hyperopt
import numpy as np
from hyperopt import hp
from turns import print_table, take_turns, timed

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.dimensions import read_dimensions
from alignsearch.search.samplers.random_search import random_point
from alignsearch.search.samplers.tpe import Tpe

PENDING = 60


def dimensions():
    """Twenty dimensions by label; those named `which` and `kernel` choose among the others."""
    return {
        "batch": hp.choice("batch", [256, 1024, 2048, 4096]),
        "rate": hp.loguniform("rate", -14, -4),
        "momentum": hp.uniform("momentum", 0, 1),
        "cost": hp.loguniform("cost", -7, 7),
        "width": hp.loguniform("width", -9, 2),
        "degree": hp.quniform("degree", 2, 6, 1),
        "offset": hp.uniform("offset", -1, 1),
        "trees": hp.qloguniform("trees", 2, 7, 10),
        "depth": hp.randint("depth", 2, 20),
        "features": hp.uniform("features", 0.1, 1),
        "bootstrap": hp.choice("bootstrap", [False, True]),
        "activation": hp.choice("activation", ["relu", "tanh", "gelu"]),
        "dropout": hp.uniform("dropout", 0, 0.7),
        "noise": hp.lognormal("noise", -3, 1),
        "first": hp.quniform("first", 16, 512, 16),
        "second": hp.quniform("second", 16, 512, 16),
        "decay": hp.normal("decay", 0, 1),
        "norm": hp.pchoice("norm", [(0.7, "batch"), (0.3, "layer")]),
    }


def flat():
    return {
        **dimensions(),
        "which": hp.choice("which", [0, 1, 2]),
        "kernel": hp.choice("kernel", [0, 1, 2]),
    }


def nested():
    d = dimensions()
    kernel = hp.choice(
        "kernel",
        [{"cost": d["cost"]}, {"width": d["width"]}, {"degree": d["degree"], "at": d["offset"]}],
    )
    return {
        "batch": d["batch"],
        "which": hp.choice(
            "which",
            [
                {"kernel": kernel},
                {key: d[key] for key in ("trees", "depth", "features", "bootstrap")},
                {
                    "rate": d["rate"],
                    "momentum": d["momentum"],
                    "layers": hp.pchoice(
                        "norm", [(0.7, [d["first"]]), (0.3, [d["first"], d["second"]])]
                    ),
                    "rest": [d[key] for key in ("activation", "dropout", "noise", "decay")],
                },
            ],
        ),
    }


def nested_all_active():
    d = dimensions()
    inner = hp.choice("kernel", [d, list(d.values()), tuple(d.values())])
    return hp.choice("which", [{"a": inner}, {"b": inner}, {"c": [inner]}])


SPACES = {"flat": flat, "nested": nested, "nested, all active": nested_all_active}


class Contender:
    """A history over one space, which learns one more result at each step and suggests."""

    def __init__(self, expression, trials):
        self.rng = np.random.default_rng(0)
        self.domain = hyperopt.base.Domain(None, expression)
        self.dimensions = read_dimensions(self.domain)
        assert len(self.dimensions) == 20
        self.tpe = Tpe(self.dimensions)
        self.told = []
        for _ in range(trials):
            self.tell()
        self.pending = [Pending(10**6 + at, self.point()) for at in range(PENDING)]

    def point(self):
        return random_point(self.dimensions, self.rng)

    def tell(self):
        tid = len(self.told)
        loss = None if tid % 10 == 9 else float(self.rng.random())
        self.told.append(Observation(tid, self.point(), loss))
        self.tpe.tell(self.told[-1])

    def step(self):
        self.tell()
        return timed(time.process_time, self.tpe.suggest, self.pending, len(self.told))


def measure(trials, repeats):
    """Seconds of each suggestion, by space."""
    contenders = {name: Contender(make(), trials) for name, make in SPACES.items()}
    return take_turns(contenders, repeats, lambda contender, _: contender.step())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=40)
    arguments = parser.parse_args()
    print_table(
        measure,
        arguments.trials,
        arguments.repeats,
        setting=f"20 dimensions, {PENDING} trials pending",
        column="space",
        reference="times flat",
        digits=2,
    )


if __name__ == "__main__":
    main()
