"""A made-up table of losses, over which the benchmarks' simulations are tested."""

import numpy as np
from hyperopt import hp

from alignsearch.spaces.hyperopt_space import from_hyperopt

SIZES = {"rate": 12, "width": 10, "depth": 8}


def made_table(looked_up, *, most_seconds):
    """960 configurations with two losses each, whose axes are ordered.

    looked_up: the benchmarks' module of that name. most_seconds: trials last from 1 to so many.
    """
    rng = np.random.default_rng(2)
    keys = [f"{a:02}{b:02}{c:02}" for a in range(12) for b in range(10) for c in range(8)]
    means = [(int(k[:2]) - 9) ** 2 + (int(k[2:4]) - 2) ** 2 + int(k[4:]) / 4 for k in keys]
    losses = np.array(means)[:, None] + rng.normal(size=(len(keys), 2))

    class Made(looked_up.Losses):
        name = "made"
        axes = tuple(looked_up.Axis(label, size, ordered=True) for label, size in SIZES.items())
        space = from_hyperopt({k: hp.uniformint(k, 0, size - 1) for k, size in SIZES.items()})

        def key_of(self, point):
            return "".join(f"{round(point[label]):02}" for label in SIZES)

    return Made(keys, losses, rng.uniform(1, most_seconds, size=losses.shape))
