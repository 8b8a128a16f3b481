"""Where the states of a search's trials are, and which of them stay.

A finished trial's folder stays if it is one of
the best. Only what is in the search's own folder is ever removed.
"""

import logging
import re

from alignment_core import files
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.checkpoint_names import of_search
from alignsearch.search.documents.ranking import ranked
from alignsearch.search.documents.states import LIVE_TRIAL_STATES
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

_NUMBER = re.compile(r"\d+")


def of_earlier_attempts(search: Search, trial: Trial, attempt: int) -> list[str]:
    """The folders from which an attempt may go on, the latest attempt last.

    Raises:
        OSError: the trial's folder can't be read.
    """
    folder = of_search(search)
    if folder is None:
        return []
    numbers = sorted(_numbers(f"{folder}/{trial.tid}"))
    return [f"{folder}/{trial.tid}/{number}" for number in numbers if number < attempt]


def sweep(store: Store, search: Search) -> None:
    """Remove the states of finished trials, but for the best ones that the search keeps.

    What can't be removed stays, with a warning in the log: no trial depends on it.
    """
    folder = of_search(search)
    if folder is None:
        return
    try:
        tids = _numbers(folder)
        if not tids:
            return
        # Whoever was among the best still has its folder: nobody has to look at all trials.
        trials = store.trials.by_id([Trial.key(search.name, tid) for tid in sorted(tids)])
        live = {trial.tid for trial in trials if trial.state in LIVE_TRIAL_STATES}
        best = {trial.tid for trial in ranked(trials)[: search.keep_checkpoints]}
        for tid in tids - live - best:
            files.remove(f"{folder}/{tid}")
    except OSError as error:
        logger.warning("states of search %s that are needed no more stay: %s", search.name, error)


def _numbers(folder: str) -> set[int]:
    return {int(name) for name in files.names(folder) if _NUMBER.fullmatch(name)}
