"""A search of one's own over choices in choices, for `chaos.py`: its loss tells how it came about.

alignsearch submit nested.py:search

The loss is a sum over steps that a checkpoint holds in part. A step that was left out or made twice
in any attempt gives another number.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from math import log, sin
from pathlib import Path

from hyperopt import hp

import alignsearch

STEPS = 20
STEP_SECONDS = 0.1
STATE = "state.json"

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


def objective(config: dict, trial: alignsearch.Trial) -> float:
    """Return the loss after the last step; a checkpoint after each step holds the sum so far."""
    done, loss = 0, 0.0
    if trial.resume_from is not None:
        done, loss = json.loads((trial.resume_from / STATE).read_text())
    pause = threading.Event()
    for step in range(done, STEPS):
        if trial.should_stop():
            break
        pause.wait(STEP_SECONDS)
        loss += term(config, step)
        trial.report(step, loss=loss)
        with trial.checkpoint() as folder:
            leave(folder, step + 1, loss)
    return loss


def leave(folder: Path, done: int, loss: float) -> None:
    """Write the number of steps done and their sum."""
    (folder / STATE).write_text(json.dumps([done, loss]))


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


search = alignsearch.Search(SPACE, objective)
