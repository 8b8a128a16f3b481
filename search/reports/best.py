"""The best trial of a search, and any trial as a column of its definition's table."""

from alignsearch.search.documents import (
    REHEARSAL,
    Search,
    StoredDefinition,
    StoredRow,
    Trial,
    known_space_of,
    label_of,
    metric_of,
    values_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.reports.export import TABLE5, Column
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS, SPACES


def best_trial(store: Store, name: str) -> tuple[Search, Trial]:
    """Return the search and its best trial.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: no trial of the search has finished with a loss.
    """
    search = store.searches.get(name)
    trial = store.totals.best(name)
    if trial is not None:
        return search, trial
    if search.status in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} is {search.status} and no trial of it finished with a loss: "
            f"`alignsearch trials {name}` lists how each one ended"
        )
    raise StateConflictError(
        f"search {name!r} has no finished trial yet: `alignsearch status {name}` says "
        "what it waits for"
    )


def best_column(store: Store, name: str) -> Column:
    """Return the best configuration of a search as a column of its table.

    Raises:
        UnknownNameError, StateConflictError: as `best_trial`; or the search is a list of runs.
    """
    search, trial = best_trial(store, name)
    return column_of(search, trial, title=name)


def column_of(search: Search, trial: Trial, *, title: str) -> Column:
    """Return a trial as a column of its definition's table.

    Without a table, the column has one row a dimension. The note has the metric, if the trial has
    one, and where the configuration came from.

    Raises:
        StateConflictError: the search is a list of runs.
    """
    if search.space == RUNS.name:
        raise StateConflictError(
            f"search {search.name!r} is an experiment's list of runs, none of which is a column of "
            f"a table: `alignsearch trials {search.name}` lists them"
        )
    config = trial.config if isinstance(trial.config, dict) else {}
    values = values_of(search, trial)
    space = known_space_of(search)
    return Column(
        title=title,
        rows=rows_of(search, trial),
        values={**config, **values},
        sampled=frozenset(values),
        config=trial.config,
        space=search.space,
        space_hash=search.space_hash,
        note=_note(search, trial),
        stepped=frozenset() if space is None else space.stepped_names,
    )


def rows_of(search: Search, trial: Trial) -> tuple[StoredRow, ...]:
    """Return the rows of a search's table: its definition's, or one a dimension.

    Where the space isn't known, the dimensions are those of the trial.
    """
    if search.definition is not None and search.definition.table:
        return search.definition.table
    space = known_space_of(search)
    if search.definition is None and space is not None and space.name in SPACES:
        return TABLE5
    labels = list(values_of(search, trial)) if space is None else [p.name for p in space.sampled]
    names = [label_of(search, label) for label in labels]
    return tuple(
        # Two dimensions of one name are told apart by their labels.
        StoredRow(name=name if names.count(name) == 1 else f"{name} ({label})", field=label)
        for label, name in zip(labels, names, strict=True)
    )


def _note(search: Search, trial: Trial) -> str:
    metric, recipe, definition = metric_of(search), search.recipe, search.definition
    found = f"trial {trial.tid}"
    if trial.loss is not None:
        found += f", {metric.label} {metric.value(trial.loss):.4f}"
    if trial.origin is not None and trial.origin.kind == "imported":
        # The search's own recipe says nothing about what was evaluated elsewhere.
        return f"{found}; {trial.origin}."
    if recipe is not None and recipe.dataset == REHEARSAL:
        return f"{found} of a rehearsal: nothing was trained."
    if recipe is not None:
        found += (
            f"; {recipe.model} of width {recipe.width} on {recipe.dataset}, {recipe.epochs} epochs"
        )
        if search.space in SPACES and (definition is None or definition.source.kind == "shipped"):
            return (
                f"{found}, batches of |B|/{recipe.batch_divisor}, weights in the "
                f"{recipe.weights_order} order."
            )
    origin = "" if definition is None else f"; {_address(definition)}"
    own = f" {definition.note}" if definition is not None and definition.note else ""
    return f"{found}{origin}.{own}"


def _address(definition: StoredDefinition) -> str:
    """Return where a definition came from; of a Python session, its objective's name."""
    if definition.source.kind == "session":
        return definition.objective.address or definition.objective.kind
    return definition.source.address
