"""Searches whose trials are a fixed list of runs, driven like any other search.

The trials are stored, queued, before the search itself becomes visible, so that its driver has
nothing to suggest. The search's name contains a hash of its runs: the same runs are the same
search, which is continued, or whose results are already there.
"""

import hashlib
import json
from collections.abc import Sequence

from alignsearch.experiments.run_statistics import Outcome, accuracy
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import NameTakenError, StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run

HASH_LETTERS = 8
"""Letters of the hash in a search's name: a collision takes some 65,000 lists of runs."""


def name_of(experiment: str, search: Search, runs: Sequence[Run]) -> str:
    """Name of the experiment's search over these runs: other runs give another name."""
    content = [search.training.model_dump(mode="json"), [run.values() for run in runs]]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"{experiment}-{hashlib.sha256(text.encode()).hexdigest()[:HASH_LETTERS]}"


def submit(store: Store, search: Search, runs: Sequence[Run]) -> Search:
    """Store the search with its runs, or return the stored one of the same name and runs.

    Raises:
        NameTakenError: a search of this name exists with other runs.
    """
    search = search.model_copy(
        update={
            "space": RUNS.name,
            "space_hash": RUNS.space_hash,
            "trials": len(runs),
            "algo": "random",
            "startup": 0,
        }
    )
    trials = [
        Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=run.values(),
            resources=search.resources,
        )
        for tid, run in enumerate(runs)
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
        if found.space != RUNS.name or found.trials != len(runs):
            raise
        return found


def outcomes(store: Store, name: str) -> list[Outcome]:
    """Results of a finished search's runs, in the order in which they were submitted.

    Raises:
        UnknownNameError: there is no search of this name.
        StateConflictError: the search is still running, or was cancelled or failed.
    """
    search = store.searches.get(name)
    if search.status is not SearchStatus.COMPLETED:
        why = f": {search.error}" if search.error else ""
        over = search.status in TERMINAL_SEARCH_STATUSES
        raise StateConflictError(
            f"the experiment's search {name!r} is {search.status}{why}; "
            + ("start it anew under another --name" if over else "run the command again")
        )
    return [_outcome(trial) for trial in store.trials.all(name)]


def _outcome(trial: Trial) -> Outcome:
    result = trial.result
    times = trial.timings
    return Outcome(
        run=Run.of(trial.config),
        trial=trial.id,
        state=trial.state,
        accuracy=None if result is None else accuracy(result.loss),
        chance=accuracy(trial.chance),
        diverged=result is not None and result.status == "fail",
        seconds=(times["finished"] - times["started"]).total_seconds()
        if {"started", "finished"} <= times.keys()
        else 0.0,
    )
