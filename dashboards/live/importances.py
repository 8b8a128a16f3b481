"""Importance of metaparameters, computed in a process of its own and kept by revision.

A forest over thousands of trials takes seconds: in a thread it would hold up everybody who
waits for the same interpreter.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Entry
from alignsearch.search.reports.importance import LEAST_SCORES
from alignsearch.spaces.catalog import RUNS, get_space
from alignsearch.spaces.table5 import LABELS

logger = logging.getLogger(__name__)

MOST_STALE = 0.1
"""Share of new results from which on importance is computed again."""

T = TypeVar("T")


class Aside:
    """One process beside the server, started when there is work for it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Have it done there."""
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, initializer=_begin)
            try:
                return self._pool.submit(function, *arguments)
            except BrokenProcessPool:
                # It was killed, for memory perhaps; a new one takes its place.
                self._pool = None
        return self.submit(function, *arguments)

    def close(self) -> None:
        """Let the process end."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)


class ImportanceBoard:
    """The last importances by search, and what is being computed."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._ready: dict[str, models.Importances] = {}
        self._running: dict[str, tuple[int, Future[models.Importances]]] = {}
        self._lock = threading.Lock()

    def of(self, entry: Entry) -> models.Importances:
        """What is known; if too much has changed since, new figures are begun."""
        name = entry.search.name
        with self._lock:
            self._collect(name)
            ready = self._ready.get(name)
            with entry.lock:
                history = entry.history
                rev, scored = history.rev, history.scored
                if scored < LEAST_SCORES:
                    return _empty("too_few", _few(scored), rev, scored)
                outdated = ready is None or scored >= ready.again_at or scored < ready.trials
                if history.space is None:
                    words = "this program doesn't know the search's space"
                    if entry.search.space == RUNS.name:
                        words = "an experiment's runs are chosen, not sampled: nothing to rank"
                    return _empty("too_few", words, rev, scored)
                space = history.space.name
                data = history.scores() if outdated and name not in self._running else None
            if data is not None:
                future = self._aside.submit(compute, space, *data, rev)
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
    space_name: str, configs: list[dict[str, Any]], losses: list[float | None], rev: int
) -> models.Importances:
    """Both views of importance, or that there are too few results for them."""
    # scikit-learn is slow to import, and only this process needs it.
    from alignsearch.search.reports.importance import categorical_effects, importance

    scored = sum(loss is not None for loss in losses)
    space = get_space(space_name)
    fixed = {each.name: each.value for each in space.fixed}
    whole = [{**fixed, **config} for config in configs]
    found = importance(space, whole, losses)
    effects = categorical_effects(whole, losses)
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
                label=LABELS[each.metaparameter],
                importance=each.share,
                sd=each.deviation,
            )
            for each in found.shares
        ],
        categorical=[
            models.CategoricalImportance(
                letter=effect.label,
                name=effect.metaparameter,
                label=LABELS[effect.metaparameter],
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


def _begin() -> None:
    """The server ends this process, even by being killed; a terminal's Ctrl-C must not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, daemon=True).start()


def _end_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)
