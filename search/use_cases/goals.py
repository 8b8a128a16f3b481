"""Rules and options that compare trials by one metric: which a search may have that has more."""

from collections.abc import Mapping
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, metrics_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.samplers.sampler import SAMPLERS


def is_plain(search: Search) -> bool:
    """Return whether the search has one metric and no constraint."""
    return len(metrics_of(search)) == 1 and not search.constraints


def check_goals(search: Search) -> None:
    """Refuse options of a new search that compare trials by one metric alone.

    Raises:
        ConfigurationError: a search of several metrics has a pruner or a patience, or one of
            several metrics or with constraints has a sampler that learns from the first metric
            alone, or is to be confirmed.
    """
    _check_sampler(search)
    check_rules(search, {"patience": search.patience})
    if search.pruning is not None and len(metrics_of(search)) > 1:
        raise ConfigurationError(
            f"--pruner {search.pruning.pruner} compares trials by one metric, and would end those "
            "that are good by another: leave it out, or name one metric and constrain the others"
        )
    if search.confirm is not None and not is_plain(search):
        raise ConfigurationError(f"--confirm has no use: {_unconfirmable(search)}")


def _check_sampler(search: Search) -> None:
    if is_plain(search) or ((kind := SAMPLERS.get(search.algo)) and kind.serves_several):
        return
    able = [name for name, kind in SAMPLERS.items() if kind.serves_several]
    raise ConfigurationError(
        f"--algo {search.algo} learns from one metric without constraints, and this search has "
        f"{_kind(search)}: choose --algo {' or '.join(able)}"
    )


def check_rules(search: Search, asked: Mapping[str, Any]) -> None:
    """Refuse rules by which a search of several metrics can't end.

    asked: values by the names of the search's fields.

    Raises:
        ConfigurationError: it is to end by a patience.
    """
    if asked.get("patience") is not None and len(metrics_of(search)) > 1:
        raise ConfigurationError(
            "--patience has no use: a search of several metrics has no single best trial to wait "
            "for; --trials, --timeout and --until end it, and --stop-at does by its first metric"
        )


def refuse_unconfirmable(search: Search) -> None:
    """Refuse to confirm a search of several metrics or with constraints.

    Raises:
        StateConflictError: it is one.
    """
    if not is_plain(search):
        raise StateConflictError(
            f"search {search.name!r} can't be confirmed: {_unconfirmable(search)}"
        )


def _unconfirmable(search: Search) -> str:
    return (
        f"repetitions are compared by the mean of one metric, and this search has {_kind(search)}: "
        "enqueue its best configurations in a search of one metric instead (enqueue-best)"
    )


def _kind(search: Search) -> str:
    several = len(metrics_of(search)) > 1
    kinds = ["several metrics"] if several else []
    kinds += ["constraints"] if search.constraints else []
    return " and ".join(kinds)
