"""Priors of new searches: checked against the space, and stored with all that they need.

The points of another search are copied, so that nothing of it is needed later.
"""

from collections.abc import Mapping
from typing import Any

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.search.documents import (
    Prior,
    Search,
    Trial,
    is_list_of_runs,
    known_space_of,
    values_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.use_cases.prior_choices import OF_SEARCH, OF_TABLE5
from alignsearch.search.use_cases.published import published_columns
from alignsearch.spaces.distributions import Distribution
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.written_values import written_value

WIDTH = 0.1
"""The standard deviation around a point, as a share of a dimension's range (the share of the
space's own distribution that lies below a value): see docs/measurements.md, "Priors"."""

BEST_SHARE, MOST_POINTS = 0.1, 5
"""The best trials of another search that are its prior: a tenth of those finished, and at most so
many, since more would be as wide as the space."""


def prior_of(
    asked: str | None, distributions: Mapping[str, Distribution], space: SearchSpace
) -> Prior | None:
    """Return the prior that needs no other search.

    Args:
        asked: the option: `table5`, `none`, `search:NAME`, or None for the definition's prior.
        distributions: the definition's prior by label; labels that the space has lost, because
            they are fixed, don't count.
        space: the space that is searched.

    Raises:
        ConfigurationError: the space has no published configuration, or a distribution doesn't fit
            its dimension; the message names the label.
    """
    if asked == OF_TABLE5:
        return _of_table5(space)
    left = {label: each for label, each in distributions.items() if label in space.sampled_names}
    if asked is not None or not left:
        return None
    own = {each.name: each.distribution for each in space.sampled}
    for label, distribution in left.items():
        _check(label, own[label], distribution)
    return Prior(
        source="definition",
        told="; ".join(f"{label} {distribution}" for label, distribution in left.items()),
        distributions={label: distribution.to_json() for label, distribution in left.items()},
    )


def _of_table5(space: SearchSpace) -> Prior:
    known = {each.name: each for each in space.sampled}
    columns = published_columns(space, "the space that is searched, so that the prior has no mass")
    # The rule's own column comes first: the first point is tried first.
    columns.sort(key=lambda column: column[0] != space.name)
    return Prior(
        source=OF_TABLE5,
        told=f"Kunin et al. 2020, Table 5, {', '.join(name for name, _ in columns)}",
        points=tuple(
            {label: written_value(known[label], value) for label, value in values.items()}
            for _, values in columns
        ),
        width=WIDTH,
    )


def prior_of_search(store: Store, space: SearchSpace, name: str) -> Prior:
    """Return the prior around the best trials of another search.

    Dimensions that the other search lacks are left open. A trial with a value outside of this
    space is left out.

    Args:
        store: holds the other search.
        space: the space that is searched.
        name: the other search.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: it has no finished trial.
        ConfigurationError: both spaces have no dimension in common, or none of the trials lies in
            this space; the message names the dimension.
    """
    other = store.searches.get(name)
    finished = store.totals.counts(name)[TrialState.COMPLETED]
    number = min(MOST_POINTS, max(1, round(BEST_SHARE * finished)))
    best = [trial for trial in store.trials.best(name, number) if not trial.violation]
    if not best:
        kept = " that keeps its constraints" if other.constraints else ""
        raise StateConflictError(
            f"search {name!r} has no finished trial{kept} to take a prior from: wait for one, or "
            "leave --prior out"
        )
    points, used, left_out = [], [], []
    for trial in best:
        try:
            point = _point_here(space, other, trial)
        except AlignSearchError as error:
            left_out.append(f"trial {trial.tid}: {error}")
            continue
        if point:
            points.append(point)
            used.append(trial.tid)
    if left_out and not points:
        raise ConfigurationError(
            f"--prior {OF_SEARCH}{name} has no mass in the space that is searched, because its "
            f"best trials lie outside: {left_out[0]}; widen the space, or leave --prior out"
        )
    if not points:
        raise ConfigurationError(
            f"--prior {OF_SEARCH}{name} says nothing here: it is over {other.space!r}, which has "
            f"no dimension of {space.name!r}; name a search with the same labels"
        )
    numbers = f"trial{'s' * (len(used) > 1)} {', '.join(map(str, used))}"
    less = f"; {len(left_out)} left out that lie outside of this space" if left_out else ""
    told = f"the best of {finished} trials of {name}, {numbers}{less}"
    return Prior(source=f"{OF_SEARCH}{name}", told=told, points=tuple(points), width=WIDTH)


def _point_here(space: SearchSpace, other: Search, trial: Trial) -> dict[str, int | float]:
    """The numbers of another search's trial by this space's labels, as far as it has them."""
    if is_list_of_runs(other):
        return {}
    values: dict[str, Any] = dict(values_of(other, trial))
    theirs = known_space_of(other)
    if theirs is not None:
        values = {each.name: each.value for each in theirs.fixed} | values
        values |= theirs.settled_values(trial.point)
    return {
        each.name: written_value(each, values[each.name])
        for each in space.sampled
        if each.name in values
    }


def _check(label: str, own: Distribution, distribution: Distribution) -> None:
    """Refuse a distribution of another kind than the dimension's, or without mass in its range.

    Raises:
        ConfigurationError: it is one.
    """
    # Imports NumPy, which most commands do without.
    from alignsearch.search.samplers.beliefs import problem_of

    problem = problem_of(own, distribution)
    if problem is not None:
        raise ConfigurationError(
            f"the prior of {label}, {distribution}, can't be used: {problem}; {label} is {own}"
        )
