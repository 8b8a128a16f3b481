"""Importance of metaparameters, computed in the background process and cached by search."""

import logging
import threading
from concurrent.futures import Future
from typing import Any

from alignsearch.dashboards import models
from alignsearch.dashboards.live.background import BackgroundProcess
from alignsearch.dashboards.live.mirror import MirroredSearch
from alignsearch.search.documents import Point, label_of, metric_of
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.reports.importance import LEAST_SCORES
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.distributions import Choice, PChoice
from alignsearch.spaces.space import SearchSpace

logger = logging.getLogger(__name__)

MOST_STALE = 0.1
"""Share of new results after which importance is computed again: fewer barely change it."""


class ImportanceCache:
    """The latest importances of each search, and those being computed."""

    def __init__(self, background: BackgroundProcess) -> None:
        self._aside = background
        self._ready: dict[str, models.Importances] = {}
        self._running: dict[str, tuple[int, Future[models.Importances]]] = {}
        self._lock = threading.Lock()

    def of(self, mirrored: MirroredSearch) -> models.Importances:
        """The cached importances; if they are outdated, a new computation starts."""
        name = mirrored.search.name
        with self._lock:
            self._collect(name)
            ready = self._ready.get(name)
            with mirrored.lock:
                trials = mirrored.trials
                rev, scored = trials.rev, trials.scored
                if scored < LEAST_SCORES:
                    return _empty("too_few", _few(scored), rev, scored)
                outdated = ready is None or scored >= ready.again_at or scored < ready.trials
                if trials.space is None:
                    words = "this version of the program doesn't have the search's space"
                    if mirrored.search.space == RUNS.name:
                        words = "an experiment's runs are chosen, not sampled: nothing to rank"
                    return _empty("too_few", words, rev, scored)
                space, search = trials.space, mirrored.search
                labels = {each.name: label_of(search, each.name) for each in space.sampled}
                data = trials.scores() if outdated and name not in self._running else None
            if data is not None:
                future = self._aside.submit(compute, space, labels, metric_of(search), *data, rev)
                self._running[name] = (rev, future)
            if ready is None:
                return _empty("computing", "being computed", rev, scored)
            return ready.model_copy(update={"stale": scored != ready.trials})

    def _collect(self, name: str) -> None:
        rev, future = self._running.get(name, (0, None))
        if future is None or not future.done():
            return
        del self._running[name]
        try:
            self._ready[name] = future.result()
        except Exception as error:
            logger.exception("the importance of search %s could not be computed", name)
            message = f"it could not be computed: {error}"
            self._ready[name] = _empty("too_few", message, rev, 0)


def compute(
    space: SearchSpace,
    labels: dict[str, str],
    metric: ObjectiveMetric,
    configs: list[dict[str, Any]],
    losses: list[float | None],
    rev: int,
) -> models.Importances:
    """Importance of each dimension; of the paper's also mean scores by the questions of Fig. S2.

    labels: names of dimensions for people. configs: values of active dimensions by label.
    """
    # scikit-learn is slow to import, and only the background process needs it.
    from alignsearch.search.reports.importance import categorical_effects, importance

    scored = sum(loss is not None for loss in losses)
    fixed = {each.name: each.value for each in space.fixed}
    whole = [{**fixed, **config} for config in configs]
    points = [_point(space, config) for config in configs]
    found = importance(space, points, losses, metric=metric)
    derived = {each.name for each in space.derived}
    is_papers = bool(whole) and Configuration.model_fields.keys() <= whole[0].keys() | derived
    has_effects = is_papers and metric == DEFAULT_METRIC
    effects = categorical_effects(whole, losses) if has_effects else ()
    return models.Importances(
        state="ready",
        message="",
        rev=rev,
        trials=scored,
        again_at=_again_at(scored),
        stale=False,
        importance=[
            models.ParameterImportance(
                name=each.metaparameter,
                label=labels.get(each.metaparameter, each.metaparameter),
                importance=each.share,
                sd=each.deviation,
            )
            for each in found.shares
        ],
        categorical=[
            models.CategoricalImportance(
                letter=effect.label,
                name=effect.metaparameter,
                label=labels.get(effect.metaparameter, effect.metaparameter),
                question=effect.question,
                difference=effect.difference,
                values=[
                    models.CategoryScore(
                        option="yes" if each.value else "no",
                        count=each.trials,
                        mean=each.mean,
                        sem=each.sem,
                    )
                    for each in (effect.no, effect.yes)
                ],
            )
            for effect in effects
        ],
    )


def _point(space: SearchSpace, config: dict[str, Any]) -> Point:
    """Return HyperOpt's values of a trial's active dimensions from their readable ones."""
    point: dict[str, float] = {}
    for each in space.sampled:
        value, distribution = config.get(each.name), each.distribution
        if value is not None:
            if isinstance(distribution, Choice | PChoice):
                value = distribution.options.index(value)
            point[each.name] = value
    return point


def _again_at(scored: int) -> int:
    return scored + 1 + int(MOST_STALE * scored)


def _few(scored: int) -> str:
    return (
        f"importance needs at least {LEAST_SCORES} trials that finished with a loss, and there are "
        f"{scored}"
    )


def _empty(state: Any, message: str, rev: int, scored: int) -> models.Importances:
    return models.Importances(
        state=state,
        message=message,
        rev=rev,
        trials=scored,
        again_at=max(_again_at(scored), LEAST_SCORES),
        stale=False,
        importance=[],
        categorical=[],
    )
