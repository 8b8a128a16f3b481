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
from alignsearch.dashboards.live.mirror import MirroredSearch
from alignsearch.search.documents import Search, is_list_of_runs, known_space_of, metric_of
from alignsearch.search.reports.importance import LEAST_SCORES, CategoricalEffect
from alignsearch.spaces.configuration import Configuration
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
                why_none = _why_none(mirrored.search, trials.space, scored)
                if why_none:
                    return _empty("too_few", why_none, rev, scored)
                outdated = ready is None or scored >= ready.again_at or scored < ready.trials
                data = trials.scores() if outdated and name not in self._running else None
            if data is not None:
                future = self._aside.submit(compute, mirrored.search, *data, rev)
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
    search: Search,
    points: Sequence[Mapping[str, float]],
    losses: Sequence[float | None],
    rev: int,
) -> models.Importances:
    """Importance of each dimension, and mean scores by option.

    For the paper's spaces, the scores are by the answers to the questions of Fig. S2.

    points: of each trial, without the dimensions that it doesn't use.
    """
    # scikit-learn is slow to import, and only the background process needs it.
    from alignsearch.search.reports.importance import importance

    space, metric = known_space_of(search), metric_of(search)
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
        score_label=metric.score_label or metric.label,
        importance=[
            models.ParameterImportance(
                name=each.metaparameter,
                label=labels[each.metaparameter],
                importance=each.share,
                sd=each.deviation,
                trials=sum(
                    loss is not None and each.metaparameter in point
                    for point, loss in zip(points, losses, strict=True)
                ),
            )
            for each in found.shares
        ],
        categorical=_answers(search, space, points, losses)
        if _has_table5(space)
        else choice_effects(space, points, losses, metric, labels),
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
) -> list[models.CategoricalImportance]:
    """Mean scores by the answers to the questions A to I of Kunin et al. 2020, Fig. S2."""
    from alignsearch.search.reports.importance import categorical_effects

    fixed = {each.name: each.value for each in space.fixed}
    whole = [{**fixed, **space.values(point)} for point in points]
    return [_answer(search, effect) for effect in categorical_effects(whole, losses)]


def _answer(search: Search, effect: CategoricalEffect) -> models.CategoricalImportance:
    return models.CategoricalImportance(
        letter=effect.label,
        name=effect.metaparameter,
        label=title_of(search, effect.metaparameter),
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
