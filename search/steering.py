"""The four verbs that steer a search, as the store records them.

pause: no new trials, running ones finish. resume: go on. stop: final, running
ones finish. cancel: final, running ones end now.
"""

from search.states import SearchStatus, TrialState
from search.store import Store


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
    store.change_search(name, SearchStatus.RUNNING, who)


def stop(store: Store, name: str, who: str) -> None:
    """End the search for good once its running trials have finished.

    Raises:
        StateConflictError: the search is over already.
    """
    search = store.request_stop(name, who)
    if search.driver is None and not store.counts(name).get(TrialState.RUNNING):
        store.cancel_trials(name)
        store.change_search(name, SearchStatus.COMPLETED, who, detail="stopped")


def cancel(store: Store, name: str, who: str) -> int:
    """End the search and its running trials now; return how many trials that ended.

    Raises:
        StateConflictError: the search is over already.
    """
    store.change_search(name, SearchStatus.CANCELLED, who)
    return store.cancel_trials(name)
