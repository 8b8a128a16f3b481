"""Takes over at once from a process of this machine that was killed while it drove a search.

Leases tell everybody that a process is gone, but only after their time. Where the store is this
folder's embedded one, all of a search's processes are of this machine, and can be looked at.
"""

import logging
import socket
from datetime import datetime

import psutil

from alignsearch.search.documents import Trial
from alignsearch.search.documents.errors import StaleAttemptError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.processes import wait_until

logger = logging.getLogger(__name__)

CRASHED = "its worker was killed"
ENDED = "its worker ended with the process that drove the search"


class LeftBehind:
    """The leases that dead processes of this machine hold on one search and its running trials."""

    def __init__(self, store: Store, name: str) -> None:
        """Read which trials run; later ones belong to processes that are looked after."""
        self._store = store
        self._search = store.searches.get(name)
        self._running = store.trials.all_readable(name, [TrialState.RUNNING])

    def free_driver(self) -> None:
        """Release the lease of a driver whose process is gone."""
        lease = self._search.driver
        if lease is not None and is_gone(lease.owner, None):
            self._store.searches.release_driver(self._search.name, lease.token)

    def crash_trials(self) -> None:
        """Record that the workers have crashed whose processes are gone; each costs an attempt."""
        for trial in self._of_the_dead():
            assert trial.lease is not None
            try:
                self._store.attempts.crash(
                    trial.id,
                    trial.lease.attempt,
                    trial.lease.token,
                    CRASHED,
                    retry=True,
                    max_attempts=self._search.max_attempts,
                )
            except StaleAttemptError as error:
                logger.info("%s", error)

    def hand_back_trials(self, seconds: float) -> None:
        """Queue the trials again whose workers this process has ended; that costs no attempt.

        seconds: longest wait for these workers to end.
        """
        wait_until(lambda: all(_is_lost(trial) for trial in self._running), seconds)
        for trial in self._of_the_dead():
            assert trial.lease is not None
            try:
                self._store.attempts.hand_back(
                    trial.id, trial.lease.attempt, trial.lease.token, ENDED
                )
            except StaleAttemptError as error:
                logger.info("%s", error)

    def _of_the_dead(self) -> list[Trial]:
        """Return the trials whose workers are gone, each once."""
        gone = [trial for trial in self._running if _is_lost(trial)]
        self._running = [trial for trial in self._running if trial not in gone]
        return gone


def _is_lost(trial: Trial) -> bool:
    attempt = trial.attempts[str(trial.attempt)]
    return trial.lease is not None and is_gone(attempt.owner, attempt.started_at)


def is_gone(owner: str, held_since: datetime | None) -> bool:
    """Return whether a lease's owner was a process of this machine that has ended.

    Args:
        owner: HOST:PID or USER@HOST:PID; another form is taken for a process elsewhere.
        held_since: when it had the lease. A process of this number that began later is another.
    """
    place, _, number = owner.rpartition(":")
    if place.rpartition("@")[2] != socket.gethostname() or not number.isdecimal():
        return False
    try:
        process = psutil.Process(int(number))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return held_since is not None and process.create_time() > held_since.timestamp()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
