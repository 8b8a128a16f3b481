"""The best trial of a search, and any trial as a column of its definition's table."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from alignsearch.search.documents import (
    REHEARSAL,
    Search,
    StoredDefinition,
    StoredRow,
    Trial,
    is_list_of_runs,
    known_space_of,
    label_of,
    losses_of,
    measured,
    metric_of,
    metrics_of,
    values_of,
)
from alignsearch.search.documents.constraint import in_words
from alignsearch.search.documents.digits import shown
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.front import front
from alignsearch.search.documents.ranking import ranked
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.reports.confirmation import (
    Confirmed,
    confirmation_json,
    confirmed_in,
    mean_in_words,
)
from alignsearch.search.reports.confirmation import in_words as confirmed_in_words
from alignsearch.search.reports.export import TABLE5, Column
from alignsearch.search.reports.took import Took, in_a_sentence, took
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import SPACES


@dataclass(frozen=True)
class Best:
    """The trial that a search names as its best.

    Attributes:
        search: the search.
        trial: the trial: with the best mean over fresh seeds where the search is confirmed, and
            with the lowest loss otherwise.
        confirmed: its mean over fresh seeds, and how sure it is; None if it isn't confirmed.
        took: the cost of the search.
    """

    search: Search
    trial: Trial
    confirmed: Confirmed | None
    took: Took

    @property
    def loss(self) -> float | None:
        """The trial's loss; the mean of its repetitions where it is confirmed."""
        return self.trial.loss if self.confirmed is None else self.confirmed.loss

    def column(self, title: str) -> Column:
        """Return the trial as a column of its definition's table (see `column_of`)."""
        column = column_of(self.search, self.trial, title=title, confirmed=self.confirmed)
        column = replace(column, cost=in_a_sentence(self.took))
        if self.confirmed is None:
            return column
        metric = metric_of(self.search)
        # The note has the mean already.
        _, *lines = confirmed_in_words(self.confirmed, metric)
        return replace(
            column,
            certainty=f"{'; '.join(lines)}." if lines else "",
            confirmation=confirmation_json(self.confirmed, metric),
        )


def best_trial(store: Store, name: str) -> tuple[Search, Trial]:
    """Return the search and the trial that it names as its best, as `best_of_search` does."""
    best = best_of_search(store, name)
    return best.search, best.trial


def best_of_search(store: Store, name: str) -> Best:
    """Return the trial that a search names as its best, with what is known of it.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: no trial of the search has finished with a loss, or none that has keeps
            its constraints.
    """
    search = store.searches.get(name)
    standing = store.totals.standing(name)
    trial = standing.named
    if standing.nearest is not None:
        raise StateConflictError(none_keeps(search, standing.nearest))
    if trial is not None:
        return Best(search, trial, confirmed_in(standing), took(search, standing))
    if search.status in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} is {search.status} and no trial of it finished with a loss: "
            f"`alignsearch trials {name}` lists how each one ended"
        )
    raise StateConflictError(
        f"search {name!r} has no finished trial yet: `alignsearch status {name}` says "
        "what it waits for"
    )


def none_keeps(search: Search, nearest: Trial) -> str:
    """Return that no trial of a search keeps its constraints, and which comes nearest to it."""
    values = ", ".join(f"{name} {value:.6g}" for name, value in measured(search, nearest).items())
    return (
        f"no trial of search {search.name!r} keeps its constraints ({in_words(search.constraints)})"
        f": trial {nearest.tid} comes nearest, with {values}"
    )


def front_of_search(store: Store, name: str) -> tuple[Search, list[Trial]]:
    """Return the search and its front, the best trial by the first metric first.

    The front has the trials than which no other one is better in every metric (`documents.front`),
    among those that keep the constraints. For one metric it has the best trials of one loss.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: as `best_of_search`.
    """
    best = best_of_search(store, name)
    trials = store.trials.all_readable(name, [TrialState.COMPLETED])
    return best.search, front_trials(best.search, trials)


def front_trials(search: Search, trials: Iterable[Trial]) -> list[Trial]:
    """Return the front among some trials of a search, the best by its first metric first."""
    metrics = metrics_of(search)
    known = [(each, losses_of(each, metrics)) for each in ranked(trials) if not each.violation]
    whole = [(trial, losses) for trial, losses in known if losses is not None]
    return [whole[at][0] for at in front([losses for _, losses in whole])]


def best_columns(store: Store, name: str) -> list[Column]:
    """Return the best configurations of a search as columns of its table.

    A search of one metric has one, called by the search's name. One of several has its front: a
    column a trial, called by name and number, whose first rows are the metrics.

    Raises:
        UnknownNameError, StateConflictError: as `best_column`.
    """
    first = best_column(store, name)
    search = store.searches.get(name)
    if len(metrics_of(search)) == 1:
        return [first]
    _, trials = front_of_search(store, name)
    columns = [_measured_column(search, trial) for trial in trials]
    return [replace(columns[0], cost=first.cost), *columns[1:]]


def _measured_column(search: Search, trial: Trial) -> Column:
    column = column_of(search, trial, title=f"{search.name} {trial.tid}")
    values = {f"metrics.{name}": value for name, value in measured(search, trial).items()}
    rows = (StoredRow(name=field.partition(".")[2], field=field) for field in values)
    return replace(
        column,
        rows=(*rows, *column.rows),
        values={**column.values, **values},
        sampled=column.sampled | values.keys(),
    )


def best_column(store: Store, name: str) -> Column:
    """Return the best configuration of a search as a column of its table.

    Raises:
        UnknownNameError, StateConflictError: as `best_trial`; or the search is a list of runs.
    """
    return best_of_search(store, name).column(name)


def column_of(
    search: Search, trial: Trial, *, title: str, confirmed: Confirmed | None = None
) -> Column:
    """Return a trial as a column of its definition's table.

    Without a table, the column has one row a dimension. The note has the metric, if the trial has
    one, and where the configuration came from.

    confirmed: a confirmation that names this trial; the note has its mean and standard error.

    Raises:
        StateConflictError: the search is a list of runs.
    """
    if is_list_of_runs(search):
        raise StateConflictError(
            f"search {search.name!r} is an experiment's list of runs, none of which is a column of "
            f"a table: `alignsearch trials {search.name}` lists them"
        )
    config = trial.config if isinstance(trial.config, dict) else {}
    values = values_of(search, trial)
    space = known_space_of(search)
    settled = {} if space is None else space.settled_values(trial.point)
    return Column(
        title=title,
        rows=rows_of(search, trial),
        values={**config, **settled, **values},
        sampled=frozenset(values),
        config=trial.config,
        space=search.space,
        space_hash=search.space_hash,
        note=_note(search, trial, confirmed),
        stepped=frozenset() if space is None else space.stepped_names,
    )


def rows_of(search: Search, trial: Trial) -> tuple[StoredRow, ...]:
    """Return the rows of a search's table: its definition's, or one a dimension.

    Dimensions that `--fix` has fixed come first: the configuration isn't known without them.
    Where the space isn't known, the dimensions are those of the trial.
    """
    if search.definition is not None and search.definition.table:
        return search.definition.table
    space = known_space_of(search)
    if search.definition is None and space is not None and space.name in SPACES:
        return TABLE5
    labels = (
        list(values_of(search, trial))
        if space is None
        else [*(each.name for each in space.settled), *(each.name for each in space.sampled)]
    )
    names = [label_of(search, label) for label in labels]
    return tuple(
        # Two dimensions of one name are told apart by their labels.
        StoredRow(name=name if names.count(name) == 1 else f"{name} ({label})", field=label)
        for label, name in zip(labels, names, strict=True)
    )


def _note(search: Search, trial: Trial, confirmed: Confirmed | None) -> str:
    metric, recipe, definition = metric_of(search), search.recipe, search.definition
    found = f"trial {trial.tid}"
    if confirmed is not None:
        found += f", {mean_in_words(confirmed, metric)}"
    elif trial.loss is not None:
        found += f", {metric.label} {shown(metric.value(trial.loss))}"
        _, *further = measured(search, trial).items()
        found += "".join(f", {name.replace('_', ' ')} {value:.6g}" for name, value in further)
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
