"""The searches that go through faults: how they are submitted, what a trial must give, sizes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nested
import nested_space
from hyperopt import space_eval

from alignsearch.search.documents import Trial
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.objectives.rehearsal import final_loss


@dataclass(frozen=True)
class Searched:
    """A space with an objective.

    arguments: of `alignsearch submit`. steps: numbers that every trial reports, in order.
    expected: the loss that a trial's point fixes, computed apart from the workers.
    """

    arguments: tuple[str, ...]
    steps: range
    expected: Callable[[Trial], float]


def rehearsal(name, epochs):
    """A space of the paper, whose dimensions are always active, without a training."""
    space = get_space(name)
    return Searched(
        (name, "--dataset", "rehearsal", "--epochs", str(epochs)),
        range(1, epochs + 1),
        lambda trial: final_loss(space, trial.point),
    )


def nested_choices():
    """A function of one's own in a file, over choices in choices with `quniform` inside them."""

    # The configuration is HyperOpt's own of the point.
    def expected(trial):
        return nested_space.final_loss(space_eval(nested_space.SPACE, trial.point))

    file = Path(nested.__file__)
    return Searched((f"{file}:search",), range(nested_space.STEPS), expected)


SEARCHED = {"rehearsal": rehearsal("wm", epochs=20), "nested": nested_choices()}


@dataclass(frozen=True)
class Size:
    """Size of the searches: of `make chaos`, or shorter for the tests.

    undisturbed: whether the search is made without faults first, for what a fault costs.
    alone: trials of the same search with one slot, which is made without faults and then with some;
        0 makes neither.
    """

    trials: int
    slots: int
    lease: float
    rounds: int
    pauses: tuple[float, float]
    startup: int = 20
    undisturbed: bool = False
    alone: int = 0


SIZES = {
    "rehearsal": {
        "whole": Size(200, 8, 5.0, rounds=2, pauses=(2.0, 6.0), undisturbed=True),
        "short": Size(32, 4, 3.0, rounds=1, pauses=(0.2, 1.2), startup=10),
    },
    "nested": {
        "whole": Size(200, 8, 5.0, rounds=2, pauses=(2.0, 6.0), alone=40),
        "short": Size(32, 8, 3.0, rounds=1, pauses=(0.2, 1.2), startup=8, alone=12),
    },
}
