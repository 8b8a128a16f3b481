"""The searches that go through faults: how each is submitted, and what it must come to.

The losses are computed here from what is stored, and apart from the program under test.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nested_space
from hyperopt import space_eval

from campaign.oracle import Document, Expected

REHEARSAL_EPOCHS = 20
TRAINING_EPOCHS = 3
WORST = 0.9
"""Largest loss of a rehearsal."""


@dataclass(frozen=True)
class Searched:
    """A kind of objective with a space.

    Attributes:
        arguments: of `alignsearch submit`.
        expected: what its trials must come to.
        trials: the budget of a search that lasts for about a minute on eight slots.
        weight: how often it is searched, beside the others.
    """

    arguments: tuple[str, ...]
    expected: Expected
    trials: int
    weight: int


def _of_function(search: Document, trial: Document, epochs: Sequence[Document]) -> float:
    """Return the loss of `nested.py` at the trial's point, by HyperOpt's own evaluation."""
    return nested_space.final_loss(space_eval(nested_space.SPACE, dict(trial["point"])))


def rehearsal_loss(search: Document, trial: Document, epochs: Sequence[Document]) -> float:
    """Return twice the mean squared distance of the dimensions' places from a third."""
    nodes = json.loads(search["definition"]["space"])["nodes"]
    places = [
        _place(node["distribution"], trial["point"][node["label"]])
        for node in nodes
        if node["node"] == "parameter" and node["label"] in trial["point"]
    ]
    return min(WORST, 2 * sum((each - 1 / 3) ** 2 for each in places) / max(1, len(places)))


def _place(distribution: Mapping[str, Any], value: float) -> float:
    """Return the part of the distribution's range that lies below the value, from 0 to 1."""
    if distribution["kind"] == "choice":
        return value / max(1, len(distribution["options"]) - 1)
    low, high = distribution["low"], distribution["high"]
    if distribution["kind"] == "loguniform":
        inside = min(max(value, low), high)
        part = (math.log(inside) - math.log(low)) / (math.log(high) - math.log(low))
    else:
        assert distribution["kind"] == "uniform", distribution
        part = (value - low) / (high - low)
    return min(max(part, 0.0), 1.0)


def _of_training(search: Document, trial: Document, epochs: Sequence[Document]) -> float:
    """Return the validation error of the last epoch that was recorded."""
    return 1.0 - epochs[-1]["validation_accuracy"]


FOLDER = Path(nested_space.__file__).parent

SEARCHED = {
    "function": Searched(
        (f"{FOLDER / 'nested.py'}:search",),
        Expected(_of_function, range(nested_space.STEPS)),
        trials=100,
        weight=4,
    ),
    "silent function": Searched(
        (f"{FOLDER / 'silent.py'}:search",),
        Expected(_of_function, range(0)),
        trials=350,
        weight=2,
    ),
    "rehearsal": Searched(
        ("wm", "--dataset", "rehearsal", "--epochs", str(REHEARSAL_EPOCHS)),
        Expected(rehearsal_loss, range(1, REHEARSAL_EPOCHS + 1)),
        trials=150,
        weight=4,
    ),
    "training": Searched(
        (
            *("ia", "--dataset", "digits", "--model", "dense", "--width", "8"),
            *("--epochs", str(TRAINING_EPOCHS), "--fix", "train_batch_size=256"),
            # Nothing diverges here, so that each trial has a loss to compare.
            *("--range", "beta=1e-6:1e-3", "--range", "gamma=1e-6:1e-3"),
            *("--range", "alpha_over_beta=0.1:1", "--fix", "sigma=0.1"),
        ),
        Expected(_of_training, range(1, TRAINING_EPOCHS + 1)),
        trials=50,
        weight=1,
    ),
}
