"""HyperOpt's `fmin` moved over: on Ray workers, with trials that outlive this script.

    python hyperopt_fmin.py

Kill it at any time and run it again: it goes on where it was.
"""

from math import cos, log

import numpy as np
from hyperopt import STATUS_OK, fmin, hp, space_eval, tpe

import alignsearch

SPACE = hp.choice(
    "model",
    [
        {"kind": "ridge", "penalty": hp.loguniform("penalty", log(1e-4), log(10))},
        {
            "kind": "forest",
            "trees": hp.quniform("trees", 10, 200, 10),
            "depth": hp.randint("depth", 2, 12),
        },
    ],
)


def objective(config: dict) -> dict:
    """Return a loss, and more that HyperOpt keeps with it."""
    if config["kind"] == "ridge":
        loss = (log(config["penalty"]) + 3) ** 2 / 40
    else:
        loss = abs(config["trees"] / 100 - 1) + (1 - cos(config["depth"])) / 4
    return {"loss": loss, "status": STATUS_OK, "kind": config["kind"]}


def main() -> None:
    """Search, and print the best configuration."""
    best = fmin(
        objective,
        SPACE,
        algo=tpe.suggest,
        max_evals=60,
        # The one line that differs: before, trials=Trials() or MongoTrials(...).
        trials=alignsearch.StoreTrials("moved"),
        rstate=np.random.default_rng(0),
    )
    print(space_eval(SPACE, best))


if __name__ == "__main__":
    main()
