"""Results of an earlier search that a search starts from, as its sampler receives them."""

import hashlib
from dataclasses import replace

import numpy as np

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import (
    OBSERVED_STATES,
    Observation,
    Search,
    Trial,
    judged,
    metrics_of,
    observation_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store


def earlier_results(store: Store, search: Search) -> list[Observation]:
    """Return the results that the search starts from, with tids below those of its own trials.

    The list is empty if the search doesn't start from another one.

    Raises:
        StateConflictError: the store doesn't hold the other search with as many finished trials
            as it had when this one was submitted.
        StoreUnavailableError: the store doesn't answer.
    """
    if search.warm_start is None:
        return []
    name, expected = search.warm_start.search, search.warm_start.trials
    try:
        every = store.trials.all_readable(store.searches.get(name).name, OBSERVED_STATES)
        trials = [trial for trial in every if not trial.is_confirmation]
    except UnknownNameError:
        trials = []
    if len(trials) + len(store.trials.unreadable(name)) < expected:
        raise StateConflictError(
            f"search {search.name!r} starts from the {expected} finished trials of {name!r}, and "
            f"this store has {len(trials)} of them: load {name!r} into it as well"
        )
    # Where the other search was extended since, its first trials are those that it had then.
    first = trials[:expected]
    metrics = metrics_of(search)
    return [
        replace(observation_of(_judged(search, trial), metrics), tid=at - expected)
        for at, trial in enumerate(first)
    ]


def _judged(search: Search, trial: Trial) -> Trial:
    """Return an earlier search's trial with its result judged by this search's constraints."""
    if trial.result is None or trial.state is TrialState.PRUNED:
        return trial
    return trial.model_copy(update={"result": judged(search, trial.result)})


def sampler_seed(search: Search) -> int:
    """Return the random seed of the search's sampler.

    It is the search's own, but for a search that starts from another one: with the same seed that
    one has drawn the same points already. Its seed follows from the other search too, so that each
    search of a chain draws points of its own.
    """
    if search.warm_start is None:
        return search.seed
    start = f"{search.warm_start.search}/{search.warm_start.trials}"
    words = np.frombuffer(hashlib.sha256(start.encode()).digest(), np.uint32)
    drawn = np.random.SeedSequence([search.seed, *map(int, words)]).generate_state(1)
    return int(drawn[0])
