"""Suggestions: the next point of a space, given what is known so far.

A pure function of space, history, pending points and seed. HyperOpt does the
sampling and the density work (Bergstra et al., 2011; Kunin et al. 2020,
App. B.1); this module hands it the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import hyperopt
import numpy as np
from hyperopt import rand, tpe

from search.history import Observation, Pending, Point
from spaces.hyperopt_space import to_hyperopt
from spaces.space import SearchSpace

Algo = Literal["tpe", "random"]

HYPEROPT_STARTUP = 20
"""HyperOpt's own number of random suggestions before TPE begins."""


def default_startup(trials: int) -> int:
    """Random suggestions before TPE begins: a third of a small budget, HyperOpt's 20 at most."""
    return max(1, min(HYPEROPT_STARTUP, trials // 3))


def suggest(
    space: SearchSpace,
    history: Sequence[Observation],
    pending: Sequence[Pending],
    *,
    tid: int,
    seed: int,
    algo: Algo,
    startup: int,
) -> dict[str, float | int]:
    """Return HyperOpt's values for trial `tid`, by metaparameter (choices by index).

    The first `startup` results are of random points. Finished trials count
    towards it, not pending ones as in `hyperopt.tpe`: with 60 slots HyperOpt
    would leave its start-up before it had seen a single result. A trial
    without a loss ranks as the worst, and so does a pending one, as in
    HyperOpt.

    The point depends on `seed` and `tid` and on what is given, nothing else.
    """
    domain = _domain(space)
    trial_seed = int(np.random.SeedSequence([seed, tid]).generate_state(1)[0])
    if algo == "random" or len(history) < startup:
        documents = rand.suggest([tid], domain, hyperopt.Trials(), trial_seed)
    else:
        trials = _trials(domain, history, pending)
        documents = tpe.suggest([tid], domain, trials, trial_seed, n_startup_jobs=1, verbose=False)
    values = documents[0]["misc"]["vals"]
    return {label: _plain(value[0]) for label, value in values.items() if len(value)}


@lru_cache(maxsize=16)
def _domain(space: SearchSpace) -> Any:
    return hyperopt.base.Domain(lambda point: None, to_hyperopt(space))


def _trials(domain: Any, history: Iterable[Observation], pending: Iterable[Pending]) -> Any:
    documents = [
        _document(domain, seen.tid, seen.point, hyperopt.JOB_STATE_DONE, _result(seen.loss))
        for seen in history
    ]
    documents += [
        _document(domain, live.tid, live.point, hyperopt.JOB_STATE_RUNNING, {"status": "new"})
        for live in pending
    ]
    trials = hyperopt.Trials()
    trials.insert_trial_docs(documents)
    trials.refresh()
    return trials


def _result(loss: float | None) -> dict[str, object]:
    if loss is None:
        return {"status": hyperopt.STATUS_FAIL}
    return {"status": hyperopt.STATUS_OK, "loss": loss}


def _document(
    domain: Any, tid: int, point: Point, state: int, result: Mapping[str, object]
) -> dict[str, object]:
    labels = domain.params
    return {
        "state": state,
        "tid": tid,
        "spec": None,
        "result": dict(result),
        "misc": {
            "tid": tid,
            "cmd": domain.cmd,
            "workdir": None,
            "idxs": {label: [tid] if label in point else [] for label in labels},
            "vals": {label: [point[label]] if label in point else [] for label in labels},
        },
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


def _plain(value: Any) -> float | int:
    return int(value) if isinstance(value, int | np.integer) else float(value)
