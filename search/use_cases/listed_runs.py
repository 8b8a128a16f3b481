"""Searches whose trials are a fixed list of configurations, driven like any other search.

The trials are stored, queued, before the search itself becomes visible, so that its driver has
nothing to suggest.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import NameTakenError
from alignsearch.search.store import Store

HASH_LETTERS = 8
"""Letters of the hash in a search's name: a collision takes some 65,000 lists of runs."""


def hash_of(content: Any) -> str:
    """Return letters for a search's name that follow from its content, as JSON writes it."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LETTERS]


def submit_listed(
    store: Store,
    search: Search,
    configs: Sequence[Mapping[str, Any]],
    point: Mapping[str, Any] | None = None,
) -> Search:
    """Store the search with a trial for each configuration, or return the stored one of its name.

    Args:
        store: holds the search then.
        search: the search; how many trials it has, and how it samples, follows from the list.
        configs: what each trial's objective gets.
        point: HyperOpt's value of each dimension, if all trials have one point in common.

    Raises:
        NameTakenError: a search of this name exists with another list.
    """
    search = search.model_copy(update={"trials": len(configs), "algo": "random", "startup": 0})
    trials = [
        Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=dict(config),
            point=dict(point or {}),
            resources=search.resources,
        )
        for tid, config in enumerate(configs)
    ]
    stored = store.trials.add_many(trials)
    if [trial.config for trial in stored] != [trial.config for trial in trials]:
        raise NameTakenError(
            f"the name {search.name!r} belongs to a search with other runs: choose another --name"
        )
    try:
        return store.searches.create(search)
    except NameTakenError:
        found = store.searches.get(search.name)
        if found.space != search.space or found.trials != len(configs):
            raise
        return found
