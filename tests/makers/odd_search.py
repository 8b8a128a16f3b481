"""A search that is as far from the paper's as can be, in a store: for all that shows searches.

Its space is nested, its labels have every odd character, a label is that of another column, its
metric is maximized, and it has a table of its own.
"""

import json
import math
import random

from hyperopt import hp

from alignsearch.search.documents import (
    Epoch,
    Result,
    Search,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredRow,
    StoredSource,
    Trial,
    metric_of,
)
from alignsearch.search.documents.states import SearchStatus
from alignsearch.spaces.hyperopt_space import from_hyperopt

MODEL, KERNEL, DEPTH = "model (kind)", "svm:kernel", "max depth|levels"
C, GAMMA, TREES = "svm.C", "rbf $gamma", "trees"
SHIFT, SEED, RATE = "loss", "constructor", "<b>rate</b>"
ALWAYS = (MODEL, SHIFT, SEED, RATE)
METRIC = "accuracy"
LABEL = "validation accuracy (%)"
BITS = "cross.entropy $ in bits"
STEPS = 4

EXPRESSION = {
    "model": hp.choice(
        MODEL,
        [
            {
                "kind": "svm",
                "C": hp.lognormal(C, 0.0, 1.0),
                "kernel": hp.choice(
                    KERNEL,
                    [
                        {"name": "linear"},
                        {"name": "rbf", "gamma": hp.loguniform(GAMMA, -9.0, 0.0)},
                    ],
                ),
            },
            {
                "kind": "forest",
                "trees": hp.uniformint(TREES, 10, 200),
                "depth": hp.pchoice(DEPTH, [(0.5, None), (0.25, 8), (0.25, "8")]),
            },
        ],
    ),
    "shift": hp.qnormal(SHIFT, 0.0, 2.0, 0.5),
    "seed": hp.randint(SEED, 1000),
    "rate": hp.qloguniform(RATE, math.log(0.1), math.log(100.0), 1.0),
}
SPACE = from_hyperopt(EXPRESSION, name="models")


def point(tid):
    """The point of a trial: every third one is a forest, half of the others have an rbf kernel."""
    rng = random.Random(tid)
    found = {
        MODEL: int(tid % 3 == 2),
        SHIFT: 0.5 * rng.randint(-6, 6),
        SEED: rng.randrange(1000),
        RATE: float(rng.choice([0, 1, 3, 40])),
    }
    if tid % 3 == 2:
        return found | {TREES: float(rng.randint(10, 200)), DEPTH: rng.randrange(3)}
    found |= {C: math.exp(rng.gauss(0.0, 1.0)), KERNEL: tid % 2}
    return found | ({GAMMA: math.exp(rng.uniform(-9.0, 0.0))} if tid % 2 else {})


def accuracy(tid):
    """The metric of a trial, in percent: later trials are better."""
    return 50.0 + tid


def odd_search(name="models", *, trials=30):
    """The search as it is submitted."""
    return Search(
        name=name,
        space=SPACE.name,
        space_hash=SPACE.space_hash,
        definition=StoredDefinition(
            source=StoredSource(kind="file", address="models.py:search", sha256="0" * 64),
            objective=StoredObjective(kind="function", address="models:fit"),
            metric=StoredMetric(name=METRIC, label=LABEL, direction="maximize"),
            space=json.dumps(SPACE.to_data()),
            table=(
                StoredRow(name="Model", field=MODEL),
                StoredRow(name="Regularization <C>", field=C),
                StoredRow(name="Trees", field=TREES),
            ),
            labels={C: "Regularization (C)"},
            title="Models",
        ),
        trials=trials,
        parallel=4,
        seed=0,
        startup=5,
        max_attempts=1,
        resources={"CPU": 1.0},
        created_by="bob@lab",
    )


def seed_nested(store, name="models", *, trials=12, ended=SearchStatus.COMPLETED):
    """Write the search and its trials: trial 3 diverged, trial 7 crashed, the others completed."""
    search = store.searches.create(odd_search(name))
    store.searches.change(name, SearchStatus.RUNNING, "driver@lab")
    for tid in range(trials):
        add_trial(store, search, tid)
    if ended is not None:
        store.searches.change(name, ended, "driver@lab")
    return search


def add_trial(store, search, tid):
    """Write a trial as a driver and a worker do, from its suggestion to its end."""
    config = json.loads(json.dumps(SPACE.resolve(point(tid))))
    trial = store.trials.add(
        Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=config,
            point=point(tid),
            resources={"CPU": 1.0},
        )
    )
    begun = store.attempts.begin(
        trial, "worker@lab", ttl=60.0, host="lab", accelerator="cpu", versions={}, slot=0
    )
    held = begun.id, begun.lease.attempt, begun.lease.token
    for step in range(STEPS):
        reached = accuracy(tid) - 10.0 * (STEPS - 1 - step)
        epoch = Epoch(
            trial=begun.id,
            attempt=begun.attempt,
            epoch=step,
            metrics={METRIC: reached, BITS: 100.0 / reached},
            seconds=0.5,
        )
        store.attempts.record_epoch(*held, epoch, metric=metric_of(search))
    if tid == 3:
        store.attempts.finish(*held, Result(status="fail", reason="the accuracy is NaN"))
    elif tid == 7:
        store.attempts.crash(*held, "MemoryError: <i>7</i>", retry=False, max_attempts=1)
    else:
        result = Result(status="ok", loss=-accuracy(tid), metrics={BITS: 100.0 / accuracy(tid)})
        store.attempts.finish(*held, result, STEPS - 1)
