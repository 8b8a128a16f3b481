"""One call of HyperOpt's `fmin` on a stored search: its algorithm, its seeds, and when it ends."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import hyperopt
import numpy as np
from hyperopt.base import SONify

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES
from alignsearch.search.driver.history import History
from alignsearch.search.samplers.sampler import AlgorithmError
from alignsearch.workers.objectives.hyperopt_domain import document_of_point

Algorithm = Callable[[Sequence[int], Any, hyperopt.Trials, int], Sequence[Mapping[str, Any]]]
"""`algo(new_ids, domain, trials, seed)`, like `hyperopt.tpe.suggest`."""
EarlyStop = Callable[..., tuple[bool, Sequence[Any]]]
"""`early_stop_fn(trials, *state)` returns whether to stop, and its next state."""


class Seeds:
    """A seed for each suggestion, drawn from `rstate` in the order of the trials' numbers.

    `fmin` draws one seed a suggestion, in this order. A script that runs again draws those of the
    trials that exist again, so that the next one follows.
    """

    def __init__(self, rstate: np.random.Generator, first: int) -> None:
        """Draw nothing yet; trial `first` is the first that is suggested."""
        self._rstate = rstate
        self._first = first
        self._drawn: list[int] = []

    def of(self, tid: int) -> int:
        """Return the seed of trial `tid`."""
        while len(self._drawn) <= tid - self._first:
            self._drawn.append(int(self._rstate.integers(2**31 - 1)))
        return self._drawn[tid - self._first]


class AlgorithmSampler:
    """HyperOpt's algorithm as the sampler of a driver."""

    def __init__(self, algo: Algorithm, domain: Any, trials: hyperopt.Trials, seeds: Seeds) -> None:
        """Suggest from what `trials` holds once it is refreshed."""
        self._algo = algo
        self._domain = domain
        self._trials = trials
        self._seeds = seeds
        self.seen = 0

    def tell(self, observation: Observation) -> None:
        """Count the result; the algorithm reads it from `trials`."""
        self.seen += 1

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the algorithm's point for trial `tid`.

        Raises:
            AlgorithmError: the algorithm raises an error, or suggests nothing.
        """
        trials, seed = self._with(pending), self._seeds.of(tid)
        try:
            (document,) = self._algo([tid], self._domain, trials, seed)
            values = SONify(document["misc"]["vals"])
        except Exception as error:
            raise AlgorithmError from error
        return {label: value[0] for label, value in values.items() if value}

    def _with(self, pending: Sequence[Pending]) -> hyperopt.Trials:
        """Return the trials with the suggestions that the store doesn't have yet."""
        self._trials.refresh()
        known = {document["tid"] for document in self._trials._dynamic_trials}
        new = [each for each in pending if each.tid not in known]
        if not new:
            return self._trials
        labels = list(self._domain.params)
        view = hyperopt.Trials(refresh=False)
        view._dynamic_trials = [
            *self._trials._dynamic_trials,
            *(document_of_point(each.tid, each.point, labels) for each in new),
        ]
        view.refresh()
        return view


@dataclass
class Rules:
    """When a call of `fmin` ends, beside its number of trials.

    Attributes:
        timeout: seconds after which no trial begins; None for no limit.
        loss_threshold: no trial begins once a loss is below it; None for no limit.
        early_stop: HyperOpt's `early_stop_fn`; None for none.
        catch_eval_exceptions: whether the call goes on after a trial that raised an error.
    """

    timeout: float | None = None
    loss_threshold: float | None = None
    early_stop: EarlyStop | None = None
    catch_eval_exceptions: bool = False
    started: float = field(default_factory=time.monotonic)


class Watch:
    """Follows the ends of a call's trials, and says when no further one may begin.

    `early_stop_fn` is called once for each trial that has ended, in the order of ends, with the
    trials that had ended by then: as `fmin` calls it, also after the script is run again.
    """

    def __init__(self, trials: hyperopt.Trials, rules: Rules) -> None:
        """Learn from the trials that ended before."""
        self._trials = trials
        self._rules = rules
        self._ended = hyperopt.Trials(refresh=False)
        self._ended.refresh()
        self._known: set[int] = set()
        self._state: Sequence[Any] = []
        self._stopped = False
        self.failed: dict[str, Any] | None = None
        """The first trial of this call that raised an error, where that ends the call."""
        self.best = math.inf
        """The lowest loss so far."""
        self.learn()
        self.failed = None

    @property
    def ended(self) -> int:
        """Number of trials that have ended."""
        return len(self._known)

    def learn(self) -> None:
        """Read which trials have ended since the last call."""
        self._trials.refresh()
        new = [
            each
            for each in self._trials._dynamic_trials
            if each["tid"] not in self._known and each["state"] in _OVER
        ]
        for document in sorted(new, key=_end):
            self._note(document)

    def _note(self, document: dict[str, Any]) -> None:
        self._known.add(document["tid"])
        self._ended._dynamic_trials.append(document)
        self._ended.refresh()
        loss = document["result"].get("loss")
        if document["state"] == hyperopt.JOB_STATE_DONE and loss is not None:
            # NaN is no minimum.
            self.best = min(self.best, math.inf if math.isnan(loss) else loss)
        raised = document["state"] == hyperopt.JOB_STATE_ERROR
        if raised and self.failed is None and not self._rules.catch_eval_exceptions:
            self.failed = document
        if self._rules.early_stop is not None:
            stop, self._state = self._rules.early_stop(self._ended, *self._state)
            self._stopped = self._stopped or stop

    @property
    def is_over(self) -> bool:
        """True if no further trial may begin."""
        rules = self._rules
        late = rules.timeout is not None and time.monotonic() - rules.started >= rules.timeout
        good = rules.loss_threshold is not None and self.best < rules.loss_threshold
        return self._stopped or late or good or self.failed is not None


_OVER = (hyperopt.JOB_STATE_DONE, hyperopt.JOB_STATE_ERROR)


def _end(document: Mapping[str, Any]) -> tuple[bool, Any, int]:
    at = document["refresh_time"]
    return at is not None, at, document["tid"]


def ended_in(history: History) -> int:
    """Return how many trials have ended, as a driver's history knows."""
    return sum(history.count(state) for state in TERMINAL_TRIAL_STATES)
