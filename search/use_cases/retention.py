"""What a store keeps of searches that are over: all, or epochs and logs of their best trials."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alignsearch.search.documents import Search
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.driver import checkpoint_folders
from alignsearch.search.store import Store


@dataclass(frozen=True)
class Excess:
    """What a search that is over has beyond what is to be kept.

    trials: those whose epochs and logs go; epochs: how many documents that are.
    """

    search: Search
    trials: tuple[str, ...]
    epochs: int


def excess(store: Store, *, days: float, keep: int) -> Iterator[Excess]:
    """Yield what searches that ended so many days ago have beyond their best `keep` trials.

    Their trials stay, with configuration, result and attempts.
    """
    ended_by = store.now() - timedelta(days=days)
    for search in store.searches.all():
        if is_old(search, ended_by):
            kept = {trial.id for trial in store.trials.best(search.name, keep)}
            counted = {
                trial.id: store.logs.count_epochs(trial.id)
                for trial in store.trials.all(search.name)
                if trial.id not in kept
            }
            going = {trial: epochs for trial, epochs in counted.items() if epochs}
            if going:
                yield Excess(search, tuple(going), sum(going.values()))


def is_old(search: Search, ended_by: datetime) -> bool:
    """Whether the search is over, and nothing was done to it since then."""
    return search.status in TERMINAL_SEARCH_STATUSES and search.updated_at <= ended_by


def drop(store: Store, found: Excess, who: str, *, keep: int) -> None:
    """Delete the epochs, the logs and the states that were found to be in excess.

    Doing so again, after it was broken off, deletes the rest.
    """
    for trial in found.trials:
        store.logs.drop_epochs(trial)
    states = found.search.model_copy(
        update={"keep_checkpoints": min(keep, found.search.keep_checkpoints)}
    )
    checkpoint_folders.sweep(store, states)
    detail = f"epochs and logs of {len(found.trials)} trials, of all but the best {keep}"
    store.logs.add_event(found.search.name, who, "epochs dropped", detail)
