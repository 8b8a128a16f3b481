"""The verbs that steer a search, as the store records them.

pause: no new trials, running ones finish. resume: go on. stop: final, running
ones finish. cancel: final, running ones end now. release: try one trial elsewhere.
"""

from alignsearch.search.documents import Search, Trial, is_driven
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store.store import Store


def pause(store: Store, name: str, who: str) -> None:
    """Begin no new trials; running ones finish.

    Raises:
        StateConflictError: the search is neither queued nor running.
    """
    store.change_search(name, SearchStatus.PAUSED, who)


def resume(store: Store, name: str, who: str) -> None:
    """Let a paused search go on.

    Raises:
        StateConflictError: the search is not paused.
    """
    search = store.get_search(name)
    # A queued search may be running too, but that is its driver's to say.
    if search.status is not SearchStatus.PAUSED:
        raise StateConflictError(f"search {name!r} can't be resumed: it is {search.status}")
    store.change_search(name, SearchStatus.RUNNING, who)


def stop(store: Store, name: str, who: str) -> Search:
    """End the search for good once its running trials have finished; return it as it is now.

    Raises:
        StateConflictError: the search is over already.
    """
    search = store.request_stop(name, who)
    if is_driven(search, store.now()) or store.counts(name).get(TrialState.RUNNING):
        return search
    store.cancel_trials(name)
    return store.change_search(name, SearchStatus.COMPLETED, who, detail="stopped")


def cancel(store: Store, name: str, who: str) -> int:
    """End the search and its running trials now; return how many trials that ended.

    Raises:
        StateConflictError: the search is over already.
    """
    store.change_search(name, SearchStatus.CANCELLED, who)
    return store.cancel_trials(name)


def release(store: Store, name: str, tid: int, who: str) -> Trial:
    """Take a running trial from its worker, which may hang, to be tried again; return it.

    Raises:
        UnknownNameError: there is no such search or trial.
        StateConflictError: no worker holds the trial.
    """
    search = store.get_search(name)
    trial = store.get_trial(search.name, tid)
    owner = trial.lease.owner if trial.lease else "nobody"
    released = store.release(trial.id, f"released by {who}")
    detail = f"trial {tid}, attempt {released.attempt}, from {owner}"
    store.add_event(name, who, "trial released", detail)
    return released
