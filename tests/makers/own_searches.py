"""Searches over objectives of a test's own, and drivers of them over threads or Ray."""

import json
import shlex

from alignsearch.search.attempts.program_files import own_files
from alignsearch.search.documents import Search
from alignsearch.search.documents.definition import (
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredSource,
)
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.spaces.source_files import files_beside, source_hash


def own_search(store, expression, *, file=None, name="a-search", **fields):
    """Create a search over HyperOpt's expression.

    Args:
        store: the store.
        expression: the space.
        file: the module with the function `objective`.
        name: the search's name.
        **fields: fields of the search; `command`, its `folder`, `metric`, `direction`, `further`
            (directions by name), `reported` and `own_process` are the definition's, `module` (the
            import path of the file) and `packages` its source's.
    """
    space = from_hyperopt(expression, name="mine")
    metric = fields.pop("metric", "loss")
    direction = fields.pop("direction", "minimize")
    further = fields.pop("further", {})
    reported = fields.pop("reported", ())
    command = fields.pop("command", ())
    folder = fields.pop("folder", None)
    objective = StoredObjective(
        kind="program" if command else "function",
        address=shlex.join(command) if command else f"{file.name}:objective",
        folder=str(folder or ""),
        files=own_files(command, folder) if command else {},
        own_process=fields.pop("own_process", False),
    )
    module = fields.pop("module", None)
    beside = files_beside(file) if file else ()
    source = StoredSource(
        kind="module" if module else "file",
        address=f"{module or (file.name if file else 'space.py')}:objective",
        packages=fields.pop("packages", {}),
        path=str(file) if file else None,
        sha256=source_hash(file, beside) if file else None,
        beside=beside,
    )
    known = {
        "trials": 3,
        "parallel": 1,
        "seed": 0,
        "startup": 2,
        "resources": {"CPU": 1.0},
        "lease_seconds": 600.0,
        "created_by": "a test",
        **fields,
    }
    return store.searches.create(
        Search(
            name=name,
            space=space.name,
            space_hash=space.space_hash,
            definition=StoredDefinition(
                source=source,
                objective=objective,
                metric=StoredMetric(name=metric, label=metric, direction=direction),
                further=tuple(
                    StoredMetric(name=each, label=each, direction=way)
                    for each, way in further.items()
                ),
                reported=reported,
                space=json.dumps(space.to_data()),
            ),
            **known,
        )
    )
