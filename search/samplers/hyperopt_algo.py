"""Our TPE as an algorithm of `hyperopt.fmin`: the points of `hyperopt.tpe.suggest`, sooner.

from alignsearch.search.samplers import hyperopt_algo

hyperopt.fmin(objective, space, algo=hyperopt_algo.suggest, max_evals=300)
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from hyperopt import tpe as hyperopt_tpe

from alignsearch.search.documents import Observation
from alignsearch.search.samplers.dimensions import Dimension, read_dimensions
from alignsearch.search.samplers.random_search import random_point
from alignsearch.search.samplers.settings import DEFAULT_SETTINGS, TpeSettings
from alignsearch.search.samplers.tpe import Tpe

_known: WeakKeyDictionary[Any, tuple[Dimension, ...]] = WeakKeyDictionary()


def suggest(
    new_ids: Sequence[int],
    domain: Any,
    trials: Any,
    seed: int,
    prior_weight: float = DEFAULT_SETTINGS.prior_weight,
    n_startup_jobs: int = hyperopt_tpe._default_n_startup_jobs,
    n_EI_candidates: int = DEFAULT_SETTINGS.candidates,
    gamma: float = DEFAULT_SETTINGS.gamma,
    verbose: bool = True,
) -> Any:
    """Return the documents of new trials, as `hyperopt.tpe.suggest` with the same arguments does.

    Args:
        new_ids: numbers of the new trials. After the start-up only the first one is suggested.
        domain: the `hyperopt.base.Domain` of the space.
        trials: the `hyperopt.Trials` so far.
        seed: random seed of this suggestion.
        prior_weight: weight of a dimension's prior beside one observation.
        n_startup_jobs: trials before TPE begins, running ones included.
        n_EI_candidates: points drawn a dimension, of which the best is suggested.
        gamma: `ceil(gamma * sqrt(trials))` trials count as good.
        verbose: ignored; nothing is logged.

    Raises:
        ConfigurationError: the space has a distribution that HyperOpt's TPE doesn't model.
    """
    dimensions = _known.get(domain) or _known.setdefault(domain, read_dimensions(domain))
    history = _history(trials.trials)
    if len(history) < n_startup_jobs:
        rng = np.random.default_rng(seed)
        points = [random_point(dimensions, rng) for _ in new_ids]
    else:
        settings = TpeSettings(n_EI_candidates, float(prior_weight), gamma)
        tpe = Tpe(dimensions, settings)
        for observation in history:
            tpe.tell_unchecked(observation)
        points = [tpe.suggest((), seed)]
    ids = list(new_ids)[: len(points)]
    miscs = [_misc(domain, tid, point) for tid, point in zip(ids, points, strict=True)]
    results = [domain.new_result() for _ in ids]
    return trials.new_trial_docs(ids, [None] * len(ids), results, miscs)


def _history(documents: Sequence[Mapping[str, Any]]) -> list[Observation]:
    """HyperOpt's documents as observations, of which each trial number has one.

    Documents with one `from_tid` repeat that trial; the one with the least loss counts, a later
    one where losses are equal. A loss that is not a number leaves its document out.
    """
    least: dict[int, float] = {}
    counted: dict[int, Mapping[str, Any]] = {}
    for document in documents:
        tid = document["misc"].get("from_tid", document["tid"])
        loss = document["result"].get("loss")
        loss = math.inf if loss is None else float(loss)
        if loss <= least.setdefault(tid, loss):
            least[tid] = loss
            counted[tid] = document
    return [
        Observation(tid, _point(document["misc"], tid), least[tid])
        for tid, document in sorted(counted.items())
    ]


def _point(misc: Mapping[str, Any], tid: int) -> dict[str, Any]:
    """The values of a document's active labels.

    HyperOpt finds values by the document's own number; under another trial's number they are lost,
    and the loss alone counts.
    """
    if misc["tid"] != tid:
        return {}
    return {label: values[0] for label, values in misc["vals"].items() if len(values)}


def _misc(domain: Any, tid: int, point: Mapping[str, float | int]) -> dict[str, Any]:
    return {
        "tid": tid,
        "cmd": domain.cmd,
        "workdir": domain.workdir,
        "idxs": {label: [tid] if label in point else [] for label in domain.params},
        "vals": {label: [point[label]] if label in point else [] for label in domain.params},
    }
