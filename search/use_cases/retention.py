"""Retention: deletes epochs, logs and checkpoints of old searches, but for their best trials."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.driver.state_retention import remove_surplus_states, surplus_states
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Excess:
    """The trials of an old search whose epochs, logs and checkpoints are to be deleted.

    Attributes:
        trials: ids of the trials with epochs.
        epochs: number of their epoch documents.
    """

    search: Search
    trials: tuple[str, ...]
    epochs: int


def excess(store: Store, *, days: float, keep: int) -> Iterator[Excess]:
    """Yield the excess of each search that ended `days` ago or earlier.

    The best `keep` trials of a search keep everything. The others keep their documents,
    with configuration, result and attempts.
    """
    ended_by = store.now() - timedelta(days=days)
    for search in store.searches.all():
        if is_old(search, ended_by):
            try:
                found = _excess_of(store, search, keep)
            except StoreCorruptedError as error:
                logger.warning("search %s is left out: %s", search.name, error)
                continue
            # A deletion that was broken off may have left checkpoints alone.
            if found.trials or _has_surplus(store, search, keep):
                yield found


def _excess_of(store: Store, search: Search, keep: int) -> Excess:
    kept = {trial.id for trial in store.trials.best(search.name, keep)}
    counted = {
        trial.id: store.logs.count_epochs(trial.id)
        for trial in store.trials.all(search.name)
        if trial.id not in kept
    }
    going = {trial: epochs for trial, epochs in counted.items() if epochs}
    return Excess(search, tuple(going), sum(going.values()))


def is_old(search: Search, ended_by: datetime) -> bool:
    """Return whether the search is over and unchanged since `ended_by`."""
    return search.status in TERMINAL_SEARCH_STATUSES and search.updated_at <= ended_by


def drop(store: Store, found: Excess, who: str, *, keep: int) -> None:
    """Delete the epochs, logs and checkpoints of an excess, and add an event by `who`.

    An interrupted deletion is finished by calling it again: the epochs, by which an excess is
    found, go last.
    """
    remove_surplus_states(store, _keeping(found.search, keep))
    detail = f"epochs and logs of {len(found.trials)} trials, of all but the best {keep}"
    store.logs.add_event(found.search.name, who, "epochs dropped", detail)
    for trial in found.trials:
        store.logs.drop_epochs(trial)


def _has_surplus(store: Store, search: Search, keep: int) -> bool:
    try:
        return bool(surplus_states(store, _keeping(search, keep)))
    except OSError:
        # A folder that can't be read now keeps nobody from the rest.
        return False


def _keeping(search: Search, keep: int) -> Search:
    return search.model_copy(update={"keep_checkpoints": min(keep, search.keep_checkpoints)})
