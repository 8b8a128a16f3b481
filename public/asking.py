"""Ask and tell: trials of a search for programs that evaluate them by themselves.

A trial that is asked for is leased to the process that asked. A thread renews the lease while this
process lives. After its death the lease expires, and the trial is given to the next that asks. A
result is recorded once, by the lease's holder.
"""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents import (
    Attempt,
    Result,
    Search,
    Trial,
    judged,
    metric_of,
    metrics_of,
    reported_names_of,
    space_of,
)
from alignsearch.search.documents.definition import ASKED
from alignsearch.search.documents.errors import (
    ForeignSearchError,
    StaleAttemptError,
    StateConflictError,
)
from alignsearch.search.documents.event import SUGGESTION_FAILED
from alignsearch.search.documents.identity import check_same
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.states import (
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
    TrialState,
)
from alignsearch.search.documents.transitions import begun
from alignsearch.search.driver.closing import Closing
from alignsearch.search.driver.confirmation_queue import ConfirmationQueue
from alignsearch.search.driver.driven_time import DrivenTime
from alignsearch.search.driver.history import History
from alignsearch.search.driver.suggestion_queue import SuggestionQueue
from alignsearch.search.driver.warm_start import earlier_results
from alignsearch.search.store import Store
from alignsearch.workers.returned import result_of
from alignsearch.workers.seeds import seed_of
from alignsearch.workers.versions import versions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskedTrial:
    """A trial that this process is to evaluate.

    Attributes:
        number: number of the trial in its search, from 0.
        config: the configuration, as the space's expression resolves it.
        point: HyperOpt's value of each active dimension by its label.
        seed: random seed of the trial, the same each time that the trial is given.
        attempt: number of the attempt, from 1; more where a process died that had the trial.
        id: the trial's id in the store.
        token: proof that this process holds the trial.
    """

    number: int
    config: Any
    point: Mapping[str, Any]
    seed: int
    attempt: int
    id: str
    token: str


class Asker:
    """Gives out the trials of one search, and records their results.

    Several processes may do so with one search at once.
    """

    def __init__(self, store: Store, name: str, who: str) -> None:
        """Read the search; nothing is suggested yet.

        Args:
            store: holds the search.
            name: the search's name.
            who: named in events, as USER@HOST.

        Raises:
            StateConflictError: the search has an objective, which workers evaluate.
        """
        self._store = store
        self._who = who
        search = store.searches.get(name)
        kind = None if search.definition is None else search.definition.objective.kind
        if kind != ASKED:
            raise StateConflictError(
                f"search {name!r} has an objective, which workers evaluate: ask and tell is for "
                "searches that are submitted without one, by alignsearch.Search(space)"
            )
        self._search = search
        self._space = space_of(search)
        self._history = History(store, name, metrics_of(search))
        self._suggestions = SuggestionQueue(search, self._space, self._history, self._note_failure)
        self._suggestions.learn(earlier_results(store, search))
        self._confirmations = ConfirmationQueue(store, self._history)
        # Nobody drives such a search, so no time counts; and its trials have no workers to end.
        self._closing = Closing(store, self._history, DrivenTime(), who, lambda trial_id: None)
        self._worker = Attempt(
            number=1,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            token="",
            host=socket.gethostname(),
            accelerator="",
            versions=versions(),
            started_at=store.now(),
        )
        self._held: dict[str, tuple[AskedTrial, Heartbeat]] = {}

    def ask(self) -> AskedTrial | None:
        """Return a trial to evaluate; None if there is none to give now.

        Trials whose processes have died come first, then new ones. There is none if the budget is
        given out, if another of its rules ends the search, or if it is paused, stopped or over.
        """
        search = self._begun()
        if search is None:
            return None
        self._search = search
        self._suggestions.follow(search)
        self._history.sync()
        self._history.given.read(search.enqueued)
        self._expire()
        ended = self._closing.ended(search)
        self._confirmations.allowed = self._closing.may_repeat(search)
        if ended is not None and not self._confirmations.allowed:
            self._end_if_over()
            return None
        for trial in self._history.in_state(TrialState.QUEUED):
            if ended is not None and not trial.is_confirmation:
                continue
            again = self._store.attempts.begin(
                trial,
                self._worker.owner,
                ttl=search.lease_seconds,
                host=self._worker.host,
                accelerator="",
                versions=self._worker.versions,
            )
            if again is not None:
                return self._given(again)
        while ended is None and (new := self._suggestions.next_trials(1)):
            given = self._added(search, new[0], self._suggestions.remove)
            if given is not None:
                return given
        left = 0 if ended is not None else max(0, self._suggestions.left)
        while repetitions := self._confirmations.next_trials(search, 1, left):
            given = self._added(search, repetitions[0], self._confirmations.remove)
            if given is not None:
                return given
        self._end_if_over()
        return None

    def _added(
        self, search: Search, new: Trial, remove: Callable[[int], None]
    ) -> AskedTrial | None:
        """Add a trial and return it; None if another process has added one of its number first.

        remove: called with 1 once the store has the trial.
        """
        token = secrets.token_hex(8)
        now = self._store.now()
        mine = begun(new, self._worker, now=now, ttl=search.lease_seconds, token=token, slot=None)
        (stored,) = self._store.trials.add_many([mine])
        remove(1)
        self._history.update(stored)
        if stored.lease is not None and stored.lease.token == token:
            return self._given(stored)
        self._history.sync()
        return None

    def tell(self, asked: AskedTrial, returned: Any) -> Trial:
        """Record the result of a trial; telling the same again is no error.

        Args:
            asked: the trial, as `ask` returned it.
            returned: the metric's value, or HyperOpt's dictionary with `loss` or the metric, and
                `status`; a dictionary with each of several metrics. A value that is NaN or infinite
                records that the trial failed.

        Raises:
            ConfigurationError: it is neither a number nor such a dictionary, it lacks one of
                several metrics, or there is no trial but a number or the like.
            ForeignSearchError: the trial is another search's.
            StateConflictError: the trial has another result already, which is kept.
            StaleAttemptError: this process no longer holds the trial; then nothing is recorded.
        """
        self._check_own(asked)
        metric = metric_of(self._search)
        further = reported_names_of(self._search)
        result = judged(self._search, result_of(returned, metric, "tell", further), "tell")
        trial = self._store.attempts.finish(asked.id, asked.attempt, asked.token, result)
        self._release(asked)
        if not _is_same(trial.result, result):
            raise StateConflictError(
                f"trial {asked.number} of search {self._search.name!r} was told another result "
                f"before, {_described(trial.result, metric)}, which is kept: "
                f"{_described(result, metric)} is not recorded"
            )
        self._history.update(trial)
        self._end_if_over()
        return trial

    def _check_own(self, asked: AskedTrial) -> None:
        """Refuse what isn't a trial of this search: its metric may have the other direction."""
        if not isinstance(asked, AskedTrial):
            shown = repr(asked)[:100]
            raise ConfigurationError(
                f"tell needs the trial that ask has returned, not {type(asked).__name__} {shown}"
            )
        if asked.id != Trial.key(self._search.name, asked.number):
            raise ForeignSearchError(
                f"trial {asked.id} is none of search {self._search.name!r}: tell it to the search "
                "that gave it out"
            )

    def close(self) -> None:
        """Give the trials back that this process holds, for others to ask for."""
        given = [asked for asked, _ in self._held.values()]
        for asked in given:
            self._release(asked)
        for asked in given:
            try:
                self._store.attempts.hand_back(
                    asked.id, asked.attempt, asked.token, "its process has closed the search"
                )
            except StaleAttemptError as error:
                logger.info("%s", error)

    def _begun(self) -> Search | None:
        """Return the search as it is now; None if no trial of it may begin."""
        name = self._search.name
        search = self._store.searches.get(name)
        check_same(search.identity, self._search.identity)
        if search.status is SearchStatus.QUEUED and not search.stop_requested:
            try:
                search = self._store.searches.change(name, SearchStatus.RUNNING, self._who)
            except StateConflictError:
                # Another process that asks was quicker, or somebody has paused it.
                search = self._store.searches.get(name)
        running = search.status is SearchStatus.RUNNING and not search.stop_requested
        return search if running else None

    def _expire(self) -> None:
        """Queue the trials again whose processes have died, which costs an attempt."""
        now = self._store.now()
        # A renewal doesn't mark a trial as changed, so what is known here may be outdated.
        suspects = [
            trial.id
            for trial in self._history.in_state(TrialState.RUNNING)
            if trial.lease is not None
            and (trial.lease.has_passed(now) or trial.lease.is_ahead(now))
        ]
        for trial in self._store.trials.by_id(suspects) if suspects else ():
            self._store.attempts.pull_back(trial)
            expired = self._store.attempts.expire(
                trial.id,
                trial.attempt,
                max_attempts=self._search.max_attempts,
                reason="its lease expired: the process that asked for it is gone",
            )
            self._history.update(expired or trial)

    def _given(self, trial: Trial) -> AskedTrial:
        """Return a trial whose lease this process has, and renew the lease from now on."""
        assert trial.lease is not None
        asked = AskedTrial(
            number=trial.tid,
            config=self._space.resolve(trial.point),
            point=dict(trial.point),
            seed=seed_of(self._search, trial),
            attempt=trial.lease.attempt,
            id=trial.id,
            token=trial.lease.token,
        )
        lease = self._search.lease_seconds
        heartbeat = Heartbeat(lambda: self._renew(asked, lease), lease / RENEWALS, f"of {asked.id}")
        # This process may have had the trial before, and have let its lease pass.
        self._release(asked)
        self._held[asked.id] = (asked, heartbeat.__enter__())
        return asked

    def _renew(self, asked: AskedTrial, seconds: float) -> bool:
        try:
            self._store.attempts.renew(asked.id, asked.attempt, asked.token, seconds)
        except StaleAttemptError:
            return False
        return True

    def _release(self, asked: AskedTrial) -> None:
        """End the thread that renews the trial's lease, if this process has it."""
        _, heartbeat = self._held.pop(asked.id, (asked, None))
        if heartbeat is not None:
            heartbeat.__exit__(None, None, None)

    def _is_confirmed(self, search: Search) -> bool:
        """Return whether no repetition of the best trials is left to make."""
        return self._confirmations.plan(search, 0).settled

    def _end_if_over(self) -> None:
        """End the search if one of its rules says so and no trial runs."""
        name = self._search.name
        search = self._store.searches.get(name)
        if search.status in TERMINAL_SEARCH_STATUSES:
            return
        self._history.sync()
        self._history.given.read(search.enqueued)
        ended = self._closing.ended(search)
        if ended is None or self._history.in_state(TrialState.RUNNING):
            return
        self._confirmations.allowed = self._closing.may_repeat(search)
        if not self._is_confirmed(search):
            return
        self._closing.withdraw(ended, (), repetitions=False)
        # A trial that is still live has just been begun by another process.
        if not self._history.live:
            # Without effect if another process has told the last result, or a rule was changed.
            self._closing.close(name, self._is_confirmed, takes_results=False)
            self._store.totals.update(name)

    def _note_failure(self, detail: str) -> None:
        self._store.logs.add_event(self._search.name, self._who, SUGGESTION_FAILED, detail)


def _is_same(recorded: Result | None, told: Result) -> bool:
    """Return whether two results have the same numbers and words; NaN is NaN here."""
    return recorded is not None and repr(recorded.model_dump()) == repr(told.model_dump())


def _described(result: Result | None, metric: ObjectiveMetric) -> str:
    if result is None:
        return "none"
    number = "a failure" if result.loss is None else f"{metric.name} {metric.value(result.loss)}"
    more = [f"{name} {value}" for name, value in result.metrics.items()]
    return ", ".join([number, *more, *([result.reason] if result.reason else [])])
