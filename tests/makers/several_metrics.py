"""A finished search of two metrics and a constraint, written as a driver and a worker do."""

import json
import math

from hyperopt import hp

from alignsearch.search.documents import (
    Constraint,
    Result,
    Search,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredSource,
    Trial,
    judged,
)
from alignsearch.search.documents.states import SearchStatus
from alignsearch.spaces.hyperopt_space import from_hyperopt

SPACE = from_hyperopt({"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)}, name="plane")
LIMIT = Constraint(metric="step_ms", operator="<=", bound=80.0)


def measured(tid):
    """Return the accuracy and the milliseconds of a trial's step."""
    x, y = point(tid).values()
    return 0.5 + 0.5 * x - 0.2 * y, 100.0 * x + 20.0 * y


def point(tid):
    return {"x": (0.618 * tid) % 1, "y": (math.sqrt(2) * tid) % 1}


def seed_several(store, name="several", *, trials=24):
    """Write the search, and trials of which some break its constraint."""
    search = store.searches.create(
        Search(
            name=name,
            space=SPACE.name,
            space_hash=SPACE.space_hash,
            definition=StoredDefinition(
                source=StoredSource(kind="file", address="net.py:search", sha256="0" * 64),
                objective=StoredObjective(kind="function", address="net:fit"),
                metric=StoredMetric(name="accuracy", label="accuracy", direction="maximize"),
                further=(StoredMetric(name="step_ms", label="step ms", direction="minimize"),),
                space=json.dumps(SPACE.to_data()),
            ),
            constraints=(LIMIT,),
            algo="combined",
            trials=max(1, trials),
            parallel=2,
            seed=0,
            startup=5,
            created_by="ann@lab",
        )
    )
    store.searches.change(name, SearchStatus.RUNNING, "driver@lab")
    for tid in range(trials):
        trial = store.trials.add(
            Trial(
                id=Trial.key(name, tid),
                search=name,
                tid=tid,
                config=point(tid),
                point=point(tid),
            )
        )
        begun = store.attempts.begin(
            trial, "worker@lab", ttl=60.0, host="lab", accelerator="cpu", versions={}, slot=0
        )
        accuracy, step = measured(tid)
        result = judged(search, Result(status="ok", loss=-accuracy, metrics={"step_ms": step}))
        store.attempts.finish(begun.id, begun.lease.attempt, begun.lease.token, result)
    store.searches.change(name, SearchStatus.COMPLETED, "driver@lab")
    return search


def front(trials=24):
    """Return the numbers of the trials on the front, by its definition."""
    kept = {tid: measured(tid) for tid in range(trials) if measured(tid)[1] <= LIMIT.bound}
    return {
        tid
        for tid, (accuracy, step) in kept.items()
        if not any(
            a >= accuracy and s <= step and (a, s) != (accuracy, step) for a, s in kept.values()
        )
    }
