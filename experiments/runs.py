"""A search whose trials are a fixed list of runs: written at once, driven like any other.

Its trials stand in the store, queued, before the search itself can be seen, so that its
driver finds nothing to suggest. Its name is made of what it runs: the same runs are the same
search, which is gone on with, or whose results are there already.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import NameTakenError, StateConflictError
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run

HASH_LETTERS = 8


def name_of(experiment: str, search: Search, runs: Sequence[Run]) -> str:
    """The name of the experiment's search over these runs: other runs, another name."""
    content = [search.recipe.model_dump(mode="json"), [run.values() for run in runs]]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"{experiment}-{hashlib.sha256(text.encode()).hexdigest()[:HASH_LETTERS]}"


def submit(store: Store, search: Search, runs: Sequence[Run]) -> Search:
    """Write the search with its runs, or return the one of the same name and runs.

    Raises:
        NameTakenError: a search of this name is there, and has other runs.
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


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Attributes:
        trial: its id in the store, where its epochs are.
        accuracy: on all validation images after the last epoch; None without a result.
        chance: accuracy of guessing the largest class; None where no training has told it.
        diverged: whether the loss became infinite or no number.
        seconds: from the last attempt's begin to its end.
    """

    run: Run
    trial: str
    state: TrialState
    accuracy: float | None
    chance: float | None
    diverged: bool
    seconds: float


def outcomes(store: Store, name: str) -> list[Outcome]:
    """What became of the runs of a search that is over, in their order.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: it isn't over, or was ended before its time.
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
        accuracy=None
        if result is None or result.loss is None
        else DEFAULT_METRIC.score(result.loss),
        chance=None if trial.chance is None else DEFAULT_METRIC.score(trial.chance),
        diverged=result is not None and result.status == "fail",
        seconds=(times["finished"] - times["started"]).total_seconds()
        if {"started", "finished"} <= times.keys()
        else 0.0,
    )
