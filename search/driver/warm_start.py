"""Beginning a search with what another one has found.

The other search must be over: its trials change no more, so the same suggestions follow from its
name and the seed. TPE takes its results as older than any of the new search's own, in the order of
their trials, and they count towards the start-up. Errors are compared as they are, whatever was
trained: what is nearly the same recipe makes a good start, something else a misleading one.
"""

from dataclasses import replace

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import (
    OBSERVED_STATES,
    Observation,
    Search,
    WarmStart,
    observation_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.space import SearchSpace


def warm_start(store: Store, name: str, space: SearchSpace) -> WarmStart:
    """What a new search over `space` records to set out from search `name`.

    Raises:
        UnknownNameError: there is no search `name`.
        StateConflictError: it is over another space, isn't over yet, or has no finished trial.
    """
    other = store.searches.get(name)
    if other.space_hash != space.space_hash:
        raise StateConflictError(
            f"search {name!r} can't be the start of a search over {space.name!r}: "
            f"{_difference(other, space)}"
        )
    if other.status not in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} can't be the start of another while it is {other.status}: wait for "
            f"its end, or end it with `alignsearch stop {name}`"
        )
    trials = len(store.trials.all(name, OBSERVED_STATES))
    if not trials:
        raise StateConflictError(f"search {name!r} has no finished trial to start from")
    return WarmStart(search=name, trials=trials)


def prior(store: Store, search: Search) -> list[Observation]:
    """What the search set out from, with numbers below those of its own trials.

    Raises:
        StateConflictError: the store doesn't have it, or not as it was.
    """
    if search.warm_start is None:
        return []
    name, expected = search.warm_start.search, search.warm_start.trials
    try:
        trials = store.trials.all(store.searches.get(name).name, OBSERVED_STATES)
    except UnknownNameError:
        trials = []
    if len(trials) != expected:
        raise StateConflictError(
            f"search {search.name!r} set out from the {expected} finished trials of {name!r}, and "
            f"this store has {len(trials)} of them: load {name!r} into it as well"
        )
    return [replace(observation_of(trial), tid=at - expected) for at, trial in enumerate(trials)]


def _difference(other: Search, space: SearchSpace) -> str:
    theirs = SPACES.get(other.space)
    if theirs is None or theirs.space_hash != other.space_hash:
        return f"it was over a version of {other.space!r} that this program doesn't know"
    wanted = {each.name: each.distribution for each in space.sampled}
    given = {each.name: each.distribution for each in theirs.sampled}
    both = wanted.keys() & given.keys()
    parts = {
        "it didn't sample": wanted.keys() - given.keys(),
        "it sampled besides": given.keys() - wanted.keys(),
        "over other ranges it sampled": {key for key in both if wanted[key] != given[key]},
    }
    told = [f"{what} {', '.join(sorted(names))}" for what, names in parts.items() if names]
    return f"it is over {other.space!r}; " + ("; ".join(told) or "what they fix differs")
