"""A space of nested choices with awkward labels, and searches over it."""

import json
import threading

from hyperopt import hp
from hyperopt.pyll import scope

from alignsearch.search.documents import (
    Epoch,
    Recipe,
    Result,
    Search,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredSource,
)
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.workers.objectives import Finished
from alignsearch.workers.objectives.rehearsal import final_loss

STEPS = (0, 100, 200)
"""The steps that `score` reports: they begin at 0, and have distances."""


def expression():
    """A dictionary of choices in choices, whose labels no store takes as keys by itself."""
    kernels = [
        {"name": "linear"},
        {"name": "rbf", "gamma": hp.lognormal("gamma", 0, 1)},
    ]
    machine = {
        "kind": "machine",
        "C": hp.loguniform("svm.C", -5, 5),
        "kernel": hp.choice("kernel", kernels),
    }
    forest = {
        "kind": "forest",
        "trees": scope.int(hp.quniform("trees", 10, 100, 10)),
        "$depth": hp.pchoice("depth", [(0.3, None), (0.7, hp.randint("$deepest", 1, 9))]),
    }
    return {
        "model": hp.choice("model", [machine, forest]),
        "scale": (hp.normal("scale %", 0, 1), "fixed"),
    }


SPACE = from_hyperopt(expression(), name="nested")
LABELS = [each.name for each in SPACE.sampled]
ALWAYS = {"model", "scale %"}


def definition(space=SPACE, kind="function", metric="accuracy", direction="maximize", **fields):
    """The stored definition of a search over a space."""
    known = {
        "source": StoredSource(kind="file", address="mine.py:search", sha256="0" * 64),
        "objective": StoredObjective(kind=kind, address="mine:score"),
        "metric": StoredMetric(name=metric, label=metric, direction=direction),
        "space": json.dumps(space.to_data()),
        **fields,
    }
    return StoredDefinition(**known)


def a_search(name="nested", space=SPACE, **fields):
    """A search without a recipe, as it is before it is stored."""
    known = {
        "trials": 20,
        "parallel": 4,
        "seed": 0,
        "startup": 5,
        "created_by": "a test",
        **fields,
    }
    known.setdefault("definition", definition(space))
    return Search(name=name, space=space.name, space_hash=space.space_hash, **known)


def a_rehearsal(name="nested", space=SPACE, epochs=2, **fields):
    """A search over the space whose trials rehearse."""
    recipe = Recipe(dataset="rehearsal", width=1, stem="none", epochs=epochs, epoch_seconds=0.0)
    rehearsed = definition(space, kind="rehearsal", **fields.pop("defined", {}))
    return a_search(name, space, recipe=recipe, definition=rehearsed, **fields)


def accuracy(point):
    """The metric of a point, to maximize: it is nowhere negative."""
    return 1.0 - final_loss(SPACE, point)


def score(search, trial, link, repeated=1, pause=0.0):
    """An objective without epochs: reports the accuracy at `STEPS`, and returns the last one.

    repeated: that many times as many steps. pause: seconds before each report.
    """
    final = accuracy(trial.point)
    waits, steps = threading.Event(), range(0, 100 * len(STEPS) * repeated, 100)
    for number, step in enumerate(steps, 1):
        waits.wait(pause)
        if link.should_stop():
            return Finished(None)
        link.on_epoch(
            Epoch(
                trial=trial.id,
                attempt=trial.attempt,
                epoch=step,
                metrics={"accuracy": final * number / len(steps), "seconds.of $cpu": 0.5},
                seconds=0.0,
            )
        )
    return Finished(Result(status="ok", loss=-final, metrics={"a.b": 1.0}))
