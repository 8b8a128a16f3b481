"""Writes a search's trials into a tracking tool, as the store has them, while the search runs.

The store knows up to which change of a trial the tool has everything. Whatever process gets the
lease of the tool next goes on from there, and each tool knows which points of a run it has: so a
process that is killed loses nothing, and writes nothing twice.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import datetime

from alignment_core.errors import AlignSearchError
from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.lease import DEFAULT_LEASE_SECONDS
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.store import Store
from alignsearch.search.trackers.runs import (
    Run,
    RunGroup,
    Tracker,
    TrackerAwayError,
    TrackerRefusedError,
    group_of,
    run_of,
)
from alignsearch.search.trackers.table import TRACKERS
from alignsearch.search.use_cases.watched_searches import KEPT, Pause

TRIALS_AT_ONCE = 50
"""Trials that are read together: after so many, the store is told how far the tool is."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds until a tool that is away is tried again: the pauses double up to a minute."""
MOST_REFUSALS = 10
"""Events about refused runs of one search by one process: each says the same in other words."""

logger = logging.getLogger(__name__)


class _LostError(Exception):
    """Another process may write into the tool, or the search is another one."""


def wants_tracking(search: Search, now: datetime) -> bool:
    """Return whether a search has tools that may lack something; `now` is the store's time."""
    over = search.status in TERMINAL_SEARCH_STATUSES
    return bool(search.trackers) and not (over and now - search.updated_at > KEPT)


def lacking(store: Store, search: Search, tool: str) -> int:
    """Return how many changes of trials a tool may lack."""
    tracked = search.trackers.get(tool)
    if tracked is None:
        return 0
    return max(0, store.trials.last_change(search.name) - tracked.written)


class Follower:
    """Follows one search for one tool.

    Attributes:
        moved: how often it has written something, by which others see that it goes on.
    """

    def __init__(self, store: Store, search: Search, tool: str, owner: str) -> None:
        """Prepare; nothing is read yet, and the tool isn't asked.

        Args:
            store: holds the search.
            search: as the store has it.
            tool: a name of `TRACKERS` that the search has.
            owner: this process, for people.
        """
        self.moved = 0
        self._store = store
        self._search = search
        self._tool = tool
        self._owner = owner
        self._label = TRACKERS[tool].label
        self._written = 0
        self._done: set[int] = set()
        self._refused: set[int] = set()
        self._held = ExitStack()
        self._lease: str | None = None
        self._beat: Heartbeat | None = None
        self._tracker: Tracker | None = None
        self._group: RunGroup | None = None
        self._since = search.created_at
        self._away = Pause(FIRST_PAUSE, LONGEST_PAUSE)

    def round(self, search: Search) -> int:
        """Write what has changed; return how many changes the tool still lacks.

        search: the search as it is now; it is the one that was given first.

        Raises:
            AlignSearchError: the store doesn't answer.
        """
        self._search = search
        behind = lacking(self._store, search, self._tool)
        if not behind:
            if search.status in TERMINAL_SEARCH_STATUSES:
                self.close()
            return 0
        if not self._away.is_over or not self._holds():
            return behind
        last = self._store.trials.last_change(search.name)
        try:
            self._catch_up(last)
        except TrackerAwayError as error:
            self._note_away(str(error), behind)
        except _LostError:
            self.close()
        else:
            self._note_back()
        return max(0, last - self._written)

    def _holds(self) -> bool:
        """Return whether this process may write into the tool now."""
        if self._beat is not None and not self._beat.lost.is_set():
            return True
        self.close()
        name, token = self._search.name, self._search.token
        ttl = DEFAULT_LEASE_SECONDS
        lease = self._store.tracking.acquire(name, token, self._tool, self._owner, ttl)
        if lease is None:
            return False
        self._lease = lease
        self._since = self._store.now()
        self._beat = Heartbeat(
            lambda: self._store.tracking.renew(name, self._tool, lease, ttl),
            ttl / RENEWALS,
            f"of {self._label} of {name}",
            lasts=ttl / 2,
        )
        self._held.enter_context(self._beat)
        self._written = self._now().trackers[self._tool].written
        return True

    def _now(self) -> Search:
        """Return the search; raise _LostError if it is gone, or another one has its name."""
        found = self._store.searches.named([self._search.name])
        if not found or found[0].token != self._search.token:
            raise _LostError
        return found[0]

    def _catch_up(self, last: int) -> None:
        if self._tracker is None:
            self._open()
        name = self._search.name
        for page in self._store.trials.numbered(name, self._written, last):
            for first in range(0, len(page), TRIALS_AT_ONCE):
                self._write_all(page[first : first + TRIALS_AT_ONCE])
        self._note_written(last)

    def _open(self) -> None:
        try:
            self._group = group_of(self._search, self._search.identity)
        except StateConflictError as error:
            raise TrackerAwayError(str(error)) from error
        place = self._search.trackers[self._tool].place
        try:
            self._tracker = TRACKERS[self._tool].open(place, self._group)
        except TrackerAwayError:
            raise
        except Exception as error:
            logger.warning("opening %s failed", self._label, exc_info=True)
            raise TrackerAwayError(f"{type(error).__name__}: {error}") from error

    def _write_all(self, trials: Sequence[Trial]) -> None:
        runs = [self._run(trial) for trial in trials if self._has_news(trial)]
        # Trials and epochs are known by the search's name alone: they are this search's if it is
        # still there now.
        self._now()
        for run in runs:
            if self._beat is None or not self._beat.is_held():
                raise _LostError
            self._write(run)
            self.moved += 1
        if trials:
            self._note_written(trials[-1].seq)

    def _has_news(self, trial: Trial) -> bool:
        waits = trial.state is TrialState.QUEUED and not trial.attempts
        return not waits and trial.tid not in self._done

    def _run(self, trial: Trial) -> Run:
        assert self._group is not None
        epochs = self._store.logs.epochs(trial.id) if trial.attempts else []
        # A trial that was made after this process began to write can be in the tool by it alone.
        made = trial.timings.get("queued")
        may_exist = made is None or made <= self._since
        return run_of(self._search, self._group, trial, epochs, may_exist=may_exist)

    def _write(self, run: Run) -> None:
        assert self._tracker is not None
        try:
            self._tracker.write(run)
        except TrackerAwayError:
            raise
        except TrackerRefusedError as error:
            self._note_refused(run, str(error))
        except Exception as error:
            logger.warning("%s: writing %s failed", self._label, run.name, exc_info=True)
            self._note_refused(run, f"{type(error).__name__}: {error}")
        if run.ended:
            self._done.add(run.tid)

    def _note_written(self, number: int) -> None:
        if number > self._written and self._lease is not None:
            name = self._search.name
            self._store.tracking.note(name, self._tool, self._lease, number)
            self._written = number

    def _note_refused(self, run: Run, why: str) -> None:
        if run.tid in self._refused:
            return
        self._refused.add(run.tid)
        if len(self._refused) <= MOST_REFUSALS:
            self._event("refuses a trial", f"trial {run.tid}: {why}; it goes on without it")
        logger.warning("%s refuses %s: %s", self._label, run.name, why)

    def _note_away(self, why: str, behind: int) -> None:
        if not self._away.count:
            self._event("is away", f"{why}; {behind} changes wait, and it is tried again")
        logger.warning("%s of %s is away: %s", self._label, self._search.name, why)
        self._away.note()
        self._close_tracker()
        # A run may have been made by a request whose answer was lost.
        self._since = self._store.now()

    def _note_back(self) -> None:
        if self._away.count:
            self._event("is back", "nothing of what it missed is lost")
            self._away = Pause(FIRST_PAUSE, LONGEST_PAUSE)

    def note_left(self, behind: int) -> None:
        """Add an event that this process ends before the tool has everything."""
        self._event("lacks trials", f"{behind} changes wait for the next `alignsearch serve`")

    def _event(self, what: str, detail: str) -> None:
        self._store.logs.add_event(self._search.name, self._owner, f"{self._label} {what}", detail)

    def _close_tracker(self) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            with suppress(Exception):
                tracker.close()

    def close(self) -> None:
        """Close the tool, and let another process write into it."""
        self._close_tracker()
        self._held.close()
        lease, self._lease = self._lease, None
        if self._beat is not None and lease is not None and not self._beat.lost.is_set():
            with suppress(AlignSearchError):
                self._store.tracking.release(self._search.name, self._tool, lease)
        self._beat = None
