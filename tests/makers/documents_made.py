"""Documents of searches and trials as they are in memory, for tests that need no store."""

from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.search.documents.definition import (
    HYPEROPT,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredSource,
)


def a_search(*, fmin=False, direction=None, **fields):
    """Return a search; of `fmin`'s, or with a metric of its own that gets better in a direction."""
    definition = None
    if fmin or direction:
        definition = StoredDefinition(
            source=StoredSource(kind="session", address="ann@lab:1"),
            objective=StoredObjective(kind=HYPEROPT if fmin else "function"),
            metric=StoredMetric(name="score", label="score", direction=direction or "minimize"),
            space="{}",
        )
    known = {
        "name": "ia",
        "space": "ia",
        "space_hash": "",
        "definition": definition,
        "recipe": None
        if definition
        else Recipe(dataset="rehearsal", width=1, stem="none", epochs=1),
        "trials": 100,
        "parallel": 2,
        "seed": 0,
        "startup": 1,
        "created_by": "ann",
    }
    return Search(**{**known, **fields})


def a_trial(tid, state, **fields):
    """Return a trial of that search."""
    return Trial(id=f"ia/{tid}", search="ia", tid=tid, state=state, **fields)
