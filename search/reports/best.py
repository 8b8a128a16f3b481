"""The best trial of a search, and any trial as a column of Table 5."""

from alignsearch.search.documents import REHEARSAL, Search, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.objective_metric import label_of
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.reports.export import Column
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS, get_space
from alignsearch.spaces.configuration import configuration


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
    """Return the best configuration of a search as a column of Table 5.

    Raises:
        UnknownNameError, StateConflictError: as `best_trial`; or the search is a list of runs.
    """
    search, trial = best_trial(store, name)
    return column_of(search, trial, title=name)


def column_of(search: Search, trial: Trial, *, title: str) -> Column:
    """Return a trial as a column of Table 5; the note has its loss, if any, and its recipe.

    Raises:
        StateConflictError: the search is a list of runs.
    """
    if search.space == RUNS.name:
        raise StateConflictError(
            f"search {search.name!r} is an experiment's list of runs, none of which is a column of "
            f"Table 5: `alignsearch trials {search.name}` lists them"
        )
    return Column(
        title=title,
        configuration=configuration(trial.config),
        space=get_space(search.space),
        note=_note(search, trial),
    )


def _note(search: Search, trial: Trial) -> str:
    recipe = search.recipe
    found = f"trial {trial.tid}"
    if trial.loss is not None:
        found += f", {label_of(recipe.metric)} {trial.loss:.4f}"
    if recipe.dataset == REHEARSAL:
        return f"{found} of a rehearsal: nothing was trained."
    return (
        f"{found}; {recipe.model} of width "
        f"{recipe.width} on {recipe.dataset}, {recipe.epochs} epochs, batches of |B|/"
        f"{recipe.batch_divisor}, weights in the {recipe.weights_order} order."
    )
