"""A read-only view of a search as HyperOpt's `Trials`, for `hyperopt.fmin`, plotting and tools.

Trials that `fmin` adds are kept in this process only. Their tids lie beyond those that the search
has or will have, unless it is extended meanwhile.
"""

from collections.abc import Sequence
from typing import Any

import hyperopt
from hyperopt import base

from alignsearch.search.documents import Search, Trial, known_space_of
from alignsearch.search.documents.attachments import ATTACHMENTS, attachments_of
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store

_STATES = {
    TrialState.QUEUED: base.JOB_STATE_RUNNING,
    TrialState.RUNNING: base.JOB_STATE_RUNNING,
    TrialState.COMPLETED: base.JOB_STATE_DONE,
    TrialState.PRUNED: base.JOB_STATE_DONE,
    TrialState.FAILED: base.JOB_STATE_ERROR,
    TrialState.CANCELLED: base.JOB_STATE_CANCEL,
}
"""HyperOpt's state of a trial. A queued one isn't NEW, because `fmin` would evaluate it."""


class SearchTrials(hyperopt.Trials):  # type: ignore[misc]  # HyperOpt has no types.
    """All trials of a search; `refresh` reads the changes from the store.

    As in HyperOpt, failed and cancelled trials aren't in `trials`, and a trial without a loss has
    the status `fail`, or `running`. A dimension that isn't active in a trial has an empty list. A
    loss is minimized: that of a metric to maximize is its negative.

    Raises:
        UnknownNameError: there is no such search.
    """

    _dynamic_trials: list[dict[str, Any]]
    _history: History | None

    def __init__(self, store: Store, name: str) -> None:
        """Read the search called `name`."""
        super().__init__(refresh=False)
        self._follow(store, store.searches.get(name))
        self.refresh()

    def _follow(self, store: Store, search: Search) -> None:
        """Read a search's trials from now on."""
        self._history = History(store, search.name)
        # Each trial that fails is replaced by another one.
        self._first_own = search.trials + search.failures_allowed
        space = known_space_of(search)
        self._labels = [each.name for each in space.sampled] if space else []

    def refresh(self) -> None:
        """Add the trials that changed in the store and those that `fmin` has added."""
        known = {document["tid"]: document for document in self._dynamic_trials}
        for trial in self._history.sync() if self._history else ():
            if trial.is_confirmation:
                continue
            document = _document(trial, self._labels or list(trial.point))
            known[trial.tid] = document
            returned = trial.result.returned if trial.result else {}
            for key, value in attachments_of(returned).items():
                self.attachments[self.aname(document, key)] = value
        self._dynamic_trials = [known[tid] for tid in sorted(known)]
        super().refresh()

    def new_trial_ids(self, n: int) -> list[int]:
        """Return `n` tids that no trial of the search has or will have."""
        first = max((*self._ids, self._first_own - 1)) + 1
        numbers = list(range(first, first + n))
        self._ids.update(numbers)
        return numbers


def _document(trial: Trial, labels: Sequence[str]) -> dict[str, Any]:
    point = trial.point
    misc: dict[str, Any] = {
        "tid": trial.tid,
        "cmd": None,
        "workdir": None,
        "idxs": {label: [trial.tid] if label in point else [] for label in labels},
        "vals": {label: [point[label]] if label in point else [] for label in labels},
    }
    if trial.error is not None:
        misc["error"] = (trial.state.value, trial.error)
    return {
        "state": _STATES[trial.state],
        "tid": trial.tid,
        "spec": None,
        "result": _result(trial),
        "misc": misc,
        "exp_key": None,
        "owner": trial.lease.owner if trial.lease else None,
        "version": trial.attempt,
        "book_time": trial.timings.get("started"),
        "refresh_time": trial.timings.get("finished"),
    }


def _result(trial: Trial) -> dict[str, Any]:
    if trial.result is None:
        over = _STATES[trial.state] != base.JOB_STATE_RUNNING
        return {"status": base.STATUS_FAIL if over else base.STATUS_RUNNING}
    if trial.result.returned:
        return {key: value for key, value in trial.result.returned.items() if key != ATTACHMENTS}
    known: dict[str, Any] = {"status": trial.result.status, **trial.result.metrics}
    if trial.result.loss is not None:
        known["loss"] = trial.result.loss
    if trial.result.reason is not None:
        known["failure"] = trial.result.reason
    return known
