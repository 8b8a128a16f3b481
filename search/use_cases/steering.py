"""Steering a search: pause, resume, stop, cancel, and release of one trial.

pause: no new trial begins, running ones finish. stop: the same, for good. cancel: running ones end
now. release: one trial is taken from its worker and tried again.
"""

from alignsearch.search.documents import Search, Trial, is_driven
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import (
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
    TrialState,
)
from alignsearch.search.store import Store


def pause(store: Store, name: str, who: str) -> None:
    """Pause the search: no new trial begins, running trials finish.

    Raises:
        StateConflictError: the search is neither queued nor running.
    """
    store.searches.change(name, SearchStatus.PAUSED, who)


def resume(store: Store, name: str, who: str) -> Search:
    """Resume the paused search, and return it.

    Raises:
        StateConflictError: the search is not paused.
    """
    search = store.searches.get(name)
    # A queued search could become running as well, but only its driver may do that.
    if search.status is not SearchStatus.PAUSED:
        raise StateConflictError(f"search {name!r} can't be resumed: it is {search.status}")
    return store.searches.change(name, SearchStatus.RUNNING, who)


def stop(store: Store, name: str, who: str) -> Search:
    """Stop the search for good once its running trials have finished; return it as it is now.

    Raises:
        StateConflictError: the search is over already.
    """
    search = store.searches.request_stop(name, who)
    live = store.totals.standing(name).live
    if is_driven(search, store.now()) or any(each.state is TrialState.RUNNING for each in live):
        return search
    while True:
        store.attempts.cancel_all(name)
        search, change = store.searches.decide(name)
        # Somebody else may have extended or ended it since.
        if not search.stop_requested or search.status in TERMINAL_SEARCH_STATUSES:
            return search
        ended = store.searches.end(search, change, SearchStatus.COMPLETED, who, detail="stopped")
        if ended is not None:
            return ended


def cancel(store: Store, name: str, who: str) -> int:
    """Cancel the search and its trials now; return the number of trials that this ended.

    Raises:
        StateConflictError: the search is over already.
    """
    store.searches.change(name, SearchStatus.CANCELLED, who)
    return store.attempts.cancel_all(name)


def release(store: Store, name: str, tid: int, who: str) -> Trial:
    """Take a running trial from its worker, which may hang, and queue it again; return the trial.

    Raises:
        UnknownNameError: there is no such search or trial.
        StateConflictError: no worker holds the trial.
    """
    search = store.searches.get(name)
    trial = store.trials.get(search.name, tid)
    owner = trial.lease.owner if trial.lease else "nobody"
    released = store.attempts.release(trial.id, f"released by {who}")
    detail = f"trial {tid}, attempt {released.attempt}, from {owner}"
    store.logs.add_event(name, who, "trial released", detail)
    return released
