"""A space of choices in choices, and the loss of its configurations, apart from any search.

The loss is a sum over steps, to which no two steps or configurations add the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log, sin

from hyperopt import hp

STEPS = 20
"""Steps of an objective: what it reports, and leaves in checkpoints, in turn."""

SPACE = {
    "model": hp.choice(
        "model",
        [
            {
                "kind": "forest",
                "trees": hp.quniform("trees", 10, 200, 10),
                "split": hp.choice(
                    "split",
                    [
                        {"by": "gini"},
                        {"by": "entropy", "least": hp.quniform("least", 0, 0.5, 0.05)},
                    ],
                ),
            },
            {
                "kind": "network",
                "rate": hp.loguniform("rate", log(1e-4), log(1)),
                "layers": hp.choice(
                    "layers",
                    [
                        [hp.quniform("only", 16, 256, 16)],
                        [
                            hp.quniform("first", 16, 256, 16),
                            hp.choice("second", [None, hp.quniform("width", 8, 64, 8)]),
                        ],
                    ],
                ),
            },
            {"kind": "neighbours", "number": hp.quniform("number", 1, 30, 1)},
        ],
    ),
    "scale": hp.uniform("scale", 0, 1),
}


def final_loss(config: Mapping) -> float:
    """Return what an objective that nobody disturbs returns for a configuration."""
    loss = 0.0
    for step in range(STEPS):
        loss += term(config, step)
    return loss


def term(config: Mapping, step: int) -> float:
    """Return what a step adds to the loss: no two steps or configurations add the same."""
    numbers = list(numbers_in(config))
    return sum((1 + sin(at + step + number)) / len(numbers) for at, number in enumerate(numbers))


def numbers_in(value: object) -> Iterator[float]:
    """Yield the numbers of a configuration in its order; a name counts by its letters."""
    if isinstance(value, str):
        yield float(sum(value.encode()))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from numbers_in(value[key])
    elif isinstance(value, Sequence):
        for each in value:
            yield from numbers_in(each)
    else:
        yield -1.0 if value is None else float(value)
