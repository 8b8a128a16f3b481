"""A function of one's own, searched from a script, and its trials as a pandas frame.

    python function.py

The same search is submitted to a running `alignsearch serve` by

    alignsearch submit function.py:search --trials 60
"""

from math import exp, log, sin

from hyperopt import hp

import alignsearch

SPACE = {
    "rate": hp.loguniform("rate", log(1e-4), log(1)),
    "schedule": hp.choice(
        "schedule",
        [{"name": "constant"}, {"name": "decay", "half_life": hp.quniform("half_life", 2, 20, 2)}],
    ),
}


def objective(config: dict, trial: alignsearch.Trial) -> float:
    """Return the accuracy after twenty steps, and report it after each."""
    accuracy = 0.0
    for step in range(20):
        rate = config["rate"]
        if config["schedule"]["name"] == "decay":
            rate *= 0.5 ** (step / config["schedule"]["half_life"])
        accuracy += rate * (1 - accuracy) * (1 + 0.1 * sin(step)) * exp(-8 * rate)
        trial.report(step, accuracy=accuracy)
        if trial.should_stop():
            break
    return accuracy


search = alignsearch.Search(SPACE, objective, metric="accuracy", direction="maximize")


def main() -> None:
    """Search, and print the best configurations."""
    with search.run(name="function", trials=60, pruner="median", grace=5) as found:
        print(found.trials().nlargest(5, "accuracy")[["accuracy", "rate", "schedule", "half_life"]])
        print(found.best().config)


if __name__ == "__main__":
    main()
