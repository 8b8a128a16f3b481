"""`alignsearch export`: best configurations as columns of Table 5."""

from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from search.cli.options import StoreOption, open_store, print_text
from search.documents import REHEARSAL, Search, Trial
from search.errors import StateConflictError
from search.export import Column, published_columns
from search.export import export as render
from search.states import TERMINAL_SEARCH_STATUSES
from search.store import Store
from spaces.catalog import get_space
from spaces.configuration import configuration


def export(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Searches, a column each.")
    ] = None,
    format: Annotated[
        str, typer.Option("--format", help="markdown, latex, csv or json.")
    ] = "markdown",
    published: Annotated[
        bool, typer.Option("--published", help="Add the paper's own four columns.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Print the best configuration of each search as a column of the paper's Table 5."""
    columns = published_columns() if published else []
    if not names and not published:
        raise ConfigurationError("name at least one search, or ask for --published")
    if names:
        with open_store(store) as opened:
            columns += [best_column(opened, name) for name in names]
    print_text(render(columns, format))


def best_column(store: Store, name: str) -> Column:
    """The search's best configuration as a column, with its score below the table.

    Raises:
        StateConflictError: no trial of the search has finished with a loss.
    """
    search = store.get_search(name)
    trial = best_trial(store, name)
    return Column(
        title=name,
        configuration=configuration(trial.config),
        space=get_space(search.space),
        note=_note(search, trial),
    )


def best_trial(store: Store, name: str) -> Trial:
    """The search's finished trial of the lowest loss.

    Raises:
        StateConflictError: no trial of the search has finished with a loss.
    """
    search = store.get_search(name)
    trial = store.best(name)
    if trial is not None:
        return trial
    if search.status in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} is {search.status} and no trial of it finished with a loss: "
            f"`alignsearch trials {name}` says what became of each"
        )
    raise StateConflictError(
        f"search {name!r} has no finished trial yet: `alignsearch status {name}` says "
        "what it waits for"
    )


def _note(search: Search, trial: Trial) -> str:
    recipe = search.recipe
    loss = trial.result.loss if trial.result else None
    found = f"trial {trial.tid}, validation error {loss:.4f}"
    if recipe.dataset == REHEARSAL:
        return f"{found} of a rehearsal: nothing was trained."
    return (
        f"{found}; {recipe.model} of width "
        f"{recipe.width} on {recipe.dataset}, {recipe.epochs} epochs, batches of |B|/"
        f"{recipe.batch_divisor}, weights in the {recipe.weights_order} order."
    )
