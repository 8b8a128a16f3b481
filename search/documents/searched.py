"""The space, the metric and the values of a stored search, read from stored data alone.

A search that was submitted before definitions were stored has none: its space is one of the
paper's four, or a list of runs, and is found by its name.
"""

import json
from functools import lru_cache

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.search.documents.constraint import in_words
from alignsearch.search.documents.definition import ASKED, HYPEROPT
from alignsearch.search.documents.errors import StateConflictError, StoreCorruptedError
from alignsearch.search.documents.objective_metric import (
    DEFAULT_METRIC,
    ObjectiveMetric,
    recorded_metric,
)
from alignsearch.search.documents.search import Search
from alignsearch.search.documents.trial import Trial
from alignsearch.spaces.catalog import RUNS, recorded_space
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import LABELS

RECENT_SPACES = 64
"""Parsed spaces that are kept: as many searches as one process is likely to read by turns."""


def space_of(search: Search) -> SearchSpace:
    """Return the space of a stored search; no code of its definition is needed.

    Raises:
        StateConflictError: no definition is stored, and this program has no space of this name, or
            another version of it.
        StoreCorruptedError: the stored space can't be read, or isn't the one of the stored hash.
    """
    if search.definition is not None:
        return _parsed(search.name, search.definition.space, search.space_hash)
    try:
        space = recorded_space(search.space)
    except UnknownNameError as error:
        raise StateConflictError(
            f"search {search.name!r} is over a space {search.space!r} that this program doesn't "
            "know; drive it with the version that submitted it"
        ) from error
    if space.space_hash != search.space_hash:
        raise StateConflictError(
            f"search {search.name!r} was submitted over another version of space "
            f"{search.space!r}; drive it with the version that submitted it"
        )
    return space


def known_space_of(search: Search) -> SearchSpace | None:
    """Return the space of a stored search; None where `space_of` would raise."""
    try:
        return space_of(search)
    except (StateConflictError, StoreCorruptedError):
        return None


@lru_cache(maxsize=RECENT_SPACES)
def _parsed(name: str, text: str, space_hash: str) -> SearchSpace:
    try:
        space = SearchSpace.from_data(json.loads(text))
    except (AlignSearchError, ValueError, TypeError, LookupError) as error:
        raise StoreCorruptedError(
            f"the space of search {name!r} can't be read ({error}): it was changed by hand, or "
            "written by a newer version of alignsearch"
        ) from error
    if space.space_hash != space_hash:
        raise StoreCorruptedError(
            f"the space of search {name!r} doesn't have the stored hash: it was changed by hand, "
            "or written by another version of alignsearch"
        )
    return space


def metric_of(search: Search) -> ObjectiveMetric:
    """Return the metric that a stored search minimizes or maximizes."""
    if search.definition is not None:
        stored = search.definition.metric
        score_label = DEFAULT_METRIC.score_label if stored.name == DEFAULT_METRIC.name else ""
        return ObjectiveMetric(stored.name, stored.label, stored.direction, score_label)
    return DEFAULT_METRIC if search.recipe is None else recorded_metric(search.recipe.metric)


def metrics_of(search: Search) -> tuple[ObjectiveMetric, ...]:
    """Return all metrics that a stored search minimizes or maximizes; `metric_of`'s comes first."""
    further = () if search.definition is None else search.definition.further
    return (
        metric_of(search),
        *(ObjectiveMetric(each.name, each.label, each.direction) for each in further),
    )


def reported_names_of(search: Search) -> tuple[str, ...]:
    """Return the metrics that each trial reports beside the search's first one, by name."""
    if search.definition is None:
        return ()
    return (*(each.name for each in search.definition.further), *search.definition.reported)


def measured(search: Search, trial: Trial) -> dict[str, float]:
    """Return a trial's value of each metric that the search names, as people know it, by name.

    The first metric comes first. A metric that the trial has no value of is left out.
    """
    if trial.result is None:
        return {}
    metric, known = metric_of(search), trial.result.metrics
    first = {} if trial.loss is None else {metric.name: metric.value(trial.loss)}
    return first | {name: known[name] for name in reported_names_of(search) if name in known}


def broken_by(search: Search, trial: Trial) -> str:
    """Return the constraints that a trial breaks, in words; empty if it breaks none."""
    if not trial.violation:
        return ""
    values = measured(search, trial)
    return in_words(
        each
        for each in search.constraints
        if each.metric in values and each.violation(values[each.metric])
    )


def lives_in_session(search: Search) -> bool:
    """Return whether the search can only be driven by a process that is handed its objective."""
    definition = search.definition
    return definition is not None and definition.source.kind == "session" and not is_asked(search)


def is_list_of_runs(search: Search) -> bool:
    """Return whether the search's trials are an experiment's fixed list, which is never longer."""
    return search.space == RUNS.name


def is_asked(search: Search) -> bool:
    """Return whether programs ask for the search's trials and evaluate them by themselves."""
    return search.definition is not None and search.definition.objective.kind == ASKED


def is_of_fmin(search: Search) -> bool:
    """Return whether HyperOpt's `fmin` drives the search, by its own algorithm."""
    return search.definition is not None and search.definition.objective.kind == HYPEROPT


def label_of(search: Search, dimension: str) -> str:
    """Return a dimension's name for people: the definition's own one, or its label."""
    labels = LABELS if search.definition is None else search.definition.labels
    return labels.get(dimension, dimension)


def values_of(search: Search, trial: Trial) -> dict[str, Value]:
    """Return a trial's value of each of its active dimensions, readable, by label.

    Where the space isn't known, a dimension has what the configuration calls by its label, or else
    its number in the point: the index of a choice's option.
    """
    config = trial.config if isinstance(trial.config, dict) else {}
    if is_list_of_runs(search):
        return dict(config)
    space = known_space_of(search)
    if search.definition is not None and space is not None:
        return dict(space.values(trial.point))
    labels = list(trial.point) if space is None else [each.name for each in space.sampled]
    known = {**trial.point, **config}
    return {label: known[label] for label in labels if label in known}
