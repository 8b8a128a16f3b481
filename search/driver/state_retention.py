"""Removal of checkpoints that a search doesn't need any more.

A live trial keeps its checkpoints, and so do the best finished trials, as many as the search
was submitted with. Nothing outside the search's own folder is ever removed.
"""

import logging

from alignment_core import files
from alignsearch.search.attempts.checkpoint_folders import numbered
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.checkpoint_names import of_search
from alignsearch.search.documents.ranking import ranked
from alignsearch.search.documents.states import LIVE_TRIAL_STATES
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


def remove_surplus_states(store: Store, search: Search) -> None:
    """Remove the checkpoints of finished trials, except those of the best `keep_checkpoints`.

    A folder that can't be removed stays, with a warning in the log: no trial depends on it.
    """
    try:
        for folder in surplus_states(store, search):
            files.remove(folder)
    except OSError as error:
        logger.warning("checkpoints of search %s could not be removed: %s", search.name, error)


def surplus_states(store: Store, search: Search) -> list[str]:
    """Return the folders that `remove_surplus_states` removes.

    Raises:
        OSError: the search's folder can't be read.
    """
    folder = of_search(search)
    tids = set() if folder is None else numbered(folder)
    if not tids:
        return []
    # A trial that was among the best before still has its folder, so the trials with a folder
    # are all that can be among the best now.
    trials = store.trials.by_id([Trial.key(search.name, tid) for tid in sorted(tids)])
    live = {trial.tid for trial in trials if trial.state in LIVE_TRIAL_STATES}
    best = {trial.tid for trial in ranked(trials)[: search.keep_checkpoints]}
    # A checkpoint may be of use again once its trial's document is mended.
    unreadable = store.trials.unreadable(search.name)
    return [f"{folder}/{tid}" for tid in sorted(tids - live - best - unreadable)]
