"""Searches whose trials are an experiment's runs.

The search's name contains a hash of its runs: the same runs are the same search, which is
continued, or whose results are already there.
"""

from collections.abc import Sequence

from alignsearch.experiments.run_statistics import Outcome, accuracy
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases.listed_runs import hash_of, submit_listed
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run


def name_of(experiment: str, search: Search, runs: Sequence[Run]) -> str:
    """Name of the experiment's search over these runs: other runs give another name."""
    content = [search.training.model_dump(mode="json"), [run.values() for run in runs]]
    return f"{experiment}-{hash_of(content)}"


def submit(store: Store, search: Search, runs: Sequence[Run]) -> Search:
    """Store the search with its runs, or return the stored one of the same name and runs.

    Raises:
        NameTakenError: a search of this name exists with other runs.
    """
    space = {"space": RUNS.name, "space_hash": RUNS.space_hash}
    listed = search.model_copy(update=space)
    return submit_listed(store, listed, [run.values() for run in runs])


def outcomes(store: Store, name: str) -> list[Outcome]:
    """Results of a finished search's runs, in the order in which they were submitted.

    Raises:
        UnknownNameError: there is no search of this name.
        StateConflictError: the search is still running, or was cancelled or failed.
    """
    finished(store, name)
    return [_outcome(trial) for trial in store.trials.all_readable(name)]


def finished(store: Store, name: str) -> Search:
    """Return an experiment's search that is over.

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
            + (
                f"remove it by `alignsearch delete {name}`, and the same command starts it anew"
                if over
                else "run the command again"
            )
        )
    return search


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
