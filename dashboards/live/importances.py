"""Importance of metaparameters, computed in the background process and cached by search."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from alignsearch.dashboards import models
from alignsearch.dashboards.live.background import BackgroundProcess
from alignsearch.dashboards.live.choices import choice_effects
from alignsearch.dashboards.live.dimensions import title_of
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.search.documents import Search, is_list_of_runs, known_space_of, metric_of
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.reports.importance import LEAST_SCORES, CategoricalEffect, answers_yes
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace

Key = tuple[str, str | None]
"""A search's name, and the column of the further metric that is explained; None for the first."""

logger = logging.getLogger(__name__)

MOST_STALE = 0.1
"""Share of new results after which importance is computed again: fewer barely change it."""


class ImportanceCache:
    """The latest importances of each search and metric, and those being computed."""

    def __init__(self, background: BackgroundProcess) -> None:
        self._aside = background
        self._ready: dict[Key, models.Importances] = {}
        self._running: dict[Key, tuple[int, Future[models.Importances]]] = {}
        self._lock = threading.Lock()

    def of(self, mirrored: MirroredSearch, metric: str | None = None) -> models.Importances:
        """The cached importances; if they are outdated, a new computation starts.

        metric: the metric to explain; the search's first one by default.

        Raises:
            UnknownNameError: the search has no such metric.
        """
        column = None if metric is None else mirrored.trials.goals.column_of(metric)
        key = (mirrored.search.name, column)
        with self._lock:
            self._collect(key)
            ready = self._ready.get(key)
            with mirrored.lock:
                trials = mirrored.trials
                rev, scored = trials.rev, trials.scored
                why_none = _why_none(mirrored.search, trials.space, scored)
                if why_none:
                    return _empty("too_few", why_none, rev, scored)
                outdated = ready is None or scored >= ready.again_at or scored < ready.trials
                wanted = outdated and key not in self._running
                data = trials.scores(column or "loss") if wanted else None
            if data is not None:
                explained = _explained(mirrored.search, metric if column else None)
                names = trials.column_names
                future = self._aside.submit(compute, mirrored.search, *data, rev, explained, names)
                self._running[key] = (rev, future)
            if ready is None:
                return _empty("computing", "being computed", rev, scored)
            return ready.model_copy(update={"stale": scored != ready.trials})

    def _collect(self, key: Key) -> None:
        rev, future = self._running.get(key, (0, None))
        if future is None or not future.done():
            return
        del self._running[key]
        try:
            self._ready[key] = future.result()
        except Exception as error:
            logger.exception("the importance of search %s could not be computed", key[0])
            message = f"it could not be computed: {error}"
            self._ready[key] = _empty("too_few", message, rev, 0)


def _explained(search: Search, further: str | None) -> ObjectiveMetric:
    """Return the metric to explain: the first one, or a further one, whose losses are its values.

    Its direction makes no difference to what explains its variance.
    """
    if further is None:
        return metric_of(search)
    return ObjectiveMetric(further, further.replace("_", " "))


def compute(
    search: Search,
    points: Sequence[Mapping[str, float]],
    losses: Sequence[float | None],
    rev: int,
    metric: ObjectiveMetric,
    columns: Mapping[str, str],
) -> models.Importances:
    """Importance of each dimension, and mean scores by option.

    For the paper's spaces, the scores are by the answers to the questions of Fig. S2.

    points: of each trial, without the dimensions that it doesn't use. losses: the metric's losses.
    metric: the metric to explain. columns: the trials' column of each dimension.
    """
    # scikit-learn is slow to import, and only the background process needs it.
    from alignsearch.search.reports.importance import importance

    space = known_space_of(search)
    assert space is not None, "a search without a known space isn't computed"
    scored = sum(loss is not None for loss in losses)
    labels = {each.name: title_of(search, each.name) for each in space.sampled}
    found = importance(space, points, losses, metric=metric)
    return models.Importances(
        state="ready",
        message="",
        rev=rev,
        trials=scored,
        again_at=_again_at(scored),
        stale=False,
        score_label=metric.label,
        importance=[
            models.ParameterImportance(
                name=each.metaparameter,
                label=labels[each.metaparameter],
                importance=each.share,
                sd=each.deviation,
                column=columns[each.metaparameter],
                trials=sum(
                    loss is not None and each.metaparameter in point
                    for point, loss in zip(points, losses, strict=True)
                ),
            )
            for each in found.shares
        ],
        categorical=_answers(search, space, points, losses, columns)
        if _has_table5(space) and metric == metric_of(search)
        else choice_effects(space, points, losses, metric, labels, columns),
    )


def _has_table5(space: SearchSpace) -> bool:
    """Return whether the space's configurations have every row of Table 5."""
    named = {*space.sampled_names, *(each.name for each in space.fixed)}
    named |= {each.name for each in space.derived}
    return named == set(Configuration.model_fields)


def _answers(
    search: Search,
    space: SearchSpace,
    points: Sequence[Mapping[str, float]],
    losses: Sequence[float | None],
    columns: Mapping[str, str],
) -> list[models.CategoricalImportance]:
    """Mean scores by the answers to the questions A to I of Kunin et al. 2020, Fig. S2."""
    from alignsearch.search.reports.importance import categorical_effects

    fixed = {each.name: each.value for each in space.fixed}
    whole = [{**fixed, **space.values(point)} for point in points]
    metric = metric_of(search)
    options = {each.name: getattr(each.distribution, "options", ()) for each in space.sampled}
    return [
        _answer(
            search,
            effect,
            metric,
            columns.get(effect.metaparameter),
            options.get(effect.metaparameter, ()),
        )
        for effect in categorical_effects(whole, losses)
    ]


def _answer(
    search: Search,
    effect: CategoricalEffect,
    metric: ObjectiveMetric,
    column: str | None,
    options: Sequence[Value],
) -> models.CategoricalImportance:
    """Make the payload of an answer, in the metric itself, such as the error.

    Fig. S2 has accuracies, which are one minus the losses.
    """
    no, yes = (
        None if each.mean is None else metric.value(DEFAULT_METRIC.score(each.mean))
        for each in (effect.no, effect.yes)
    )
    return models.CategoricalImportance(
        letter=effect.label,
        name=effect.metaparameter,
        label=title_of(search, effect.metaparameter),
        question=effect.question,
        difference=None if no is None or yes is None else yes - no,
        column=column,
        values=[
            models.CategoryScore(
                option="yes" if each.value else "no",
                count=each.trials,
                mean=mean,
                sem=each.sem,
                options=[
                    at
                    for at, option in enumerate(options)
                    if answers_yes(effect.metaparameter, option) == each.value
                ],
            )
            for each, mean in ((effect.no, no), (effect.yes, yes))
        ],
    )


def _why_none(search: Search, space: SearchSpace | None, scored: int) -> str:
    """Why there is no importance to compute; empty if there is."""
    if is_list_of_runs(search):
        return "an experiment's runs are chosen, not sampled: nothing to rank"
    if space is None:
        return "the search's space isn't known here: it was submitted by another version"
    if not space.sampled:
        return "this search samples no metaparameter"
    return _few(scored) if scored < LEAST_SCORES else ""


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
        score_label="",
        importance=[],
        categorical=[],
    )
