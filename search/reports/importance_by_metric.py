"""Importance of a stored search's metaparameters for any of the metrics that its trials report."""

from collections.abc import Iterable

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import (
    Search,
    Trial,
    is_list_of_runs,
    known_space_of,
    measured,
    metric_of,
    metrics_of,
    reported_names_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.ranking import ranked
from alignsearch.search.reports.importance import Importance, importance


def metric_named(search: Search, name: str | None) -> ObjectiveMetric:
    """Return a metric of a search; the first one for None.

    Raises:
        UnknownNameError: the search has no such metric.
    """
    if name is None:
        return metric_of(search)
    known = {each.name: each for each in metrics_of(search)}
    for reported in reported_names_of(search):
        known.setdefault(reported, ObjectiveMetric(reported, reported.replace("_", " ")))
    if name not in known:
        raise UnknownNameError("metric", name, known)
    return known[name]


def importance_of_search(
    search: Search, trials: Iterable[Trial], metric: ObjectiveMetric
) -> Importance:
    """Return the shares of a metric's variance that a search's dimensions explain, by fANOVA.

    Args:
        search: the search.
        trials: its trials; those without a result are left out, repetitions among them.
        metric: the metric, as `metric_named` returns it.

    Raises:
        StateConflictError: too few trials have a result, the search samples nothing, or its space
            isn't known here.
    """
    space = known_space_of(search)
    if is_list_of_runs(search) or space is None or not space.sampled:
        raise StateConflictError(
            f"search {search.name!r} has no importance to compute: its trials are a list of runs, "
            "or of a space that this version doesn't know"
        )
    known = ranked(trials)
    values = [measured(search, each).get(metric.name) for each in known]
    losses = [None if value is None else metric.loss(value) for value in values]
    return importance(space, [each.point for each in known], losses, metric=metric)
