"""The verbs that steer a search, as the store records them.

pause: no new trials, running ones finish. resume: go on. stop: final, running
ones finish. cancel: final, running ones end now. release: try one trial elsewhere.
"""

from alignsearch.search.documents import Search, Trial, is_driven
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store


def pause(store: Store, name: str, who: str) -> None:
    """Begin no new trials; running ones finish.

    Raises:
        StateConflictError: the search is neither queued nor running.
    """
    store.searches.change(name, SearchStatus.PAUSED, who)


def resume(store: Store, name: str, who: str) -> None:
    """Let a paused search go on.

    Raises:
        StateConflictError: the search is not paused.
    """
    search = store.searches.get(name)
    # A queued search may be running too, but that is its driver's to say.
    if search.status is not SearchStatus.PAUSED:
        raise StateConflictError(f"search {name!r} can't be resumed: it is {search.status}")
    store.searches.change(name, SearchStatus.RUNNING, who)


def stop(store: Store, name: str, who: str) -> Search:
    """End the search for good once its running trials have finished; return it as it is now.

    Raises:
        StateConflictError: the search is over already.
    """
    search = store.searches.request_stop(name, who)
    if is_driven(search, store.now()) or store.totals.counts(name).get(TrialState.RUNNING):
        return search
    store.attempts.cancel_all(name)
    return store.searches.change(name, SearchStatus.COMPLETED, who, detail="stopped")


def cancel(store: Store, name: str, who: str) -> int:
    """End the search and its running trials now; return how many trials that ended.

    Raises:
        StateConflictError: the search is over already.
    """
    store.searches.change(name, SearchStatus.CANCELLED, who)
    return store.attempts.cancel_all(name)


def release(store: Store, name: str, tid: int, who: str) -> Trial:
    """Take a running trial from its worker, which may hang, to be tried again; return it.

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
