"""Suggestions: the next point of a space, given what is known so far.

HyperOpt does the sampling and the density work (Bergstra et al., 2011; Kunin et al. 2020,
App. B.1); what is known and which trials are pending is decided here.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from statistics import fmean
from typing import Any, Literal

import hyperopt
import numpy as np
from hyperopt import rand

from alignsearch.search.documents import DEFAULT_PENDING, Observation, Pending, PendingPolicy
from alignsearch.search.driver.prometheus import SUGGEST_SECONDS
from alignsearch.search.samplers.tpe import Tpe
from alignsearch.spaces.hyperopt_space import to_hyperopt
from alignsearch.spaces.space import SearchSpace

Algo = Literal["tpe", "random"]

HYPEROPT_STARTUP = 20
"""HyperOpt's own number of random suggestions before TPE begins."""


def default_startup(trials: int) -> int:
    """Random suggestions before TPE begins: a third of a small budget, HyperOpt's 20 at most."""
    return max(1, min(HYPEROPT_STARTUP, trials // 3))


class Suggester:
    """Suggests the points of one search, and takes in each result once.

    A point depends on `seed` and `tid`, on the results told and the trials pending, and on
    nothing else, the order of telling included.

    The first `startup` results are of random points, one at least. A trial without a loss ranks
    as the worst. What becomes of a pending trial, `pending` says:

    - hyperopt: it ranks as the worst, and counts towards the start-up, as in `hyperopt.tpe`.
      With 60 slots HyperOpt leaves its start-up before it has seen a single result.
    - ignore: it is left out.
    - liar-mean, liar-worst: it ranks as if it had the mean, or the highest, of the losses so far
      (Ginsbourger et al., 2010, "Kriging is well-suited to parallelize optimization").

    With all but the first, the start-up counts finished trials only.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        algo: Algo,
        startup: int,
        pending: PendingPolicy = DEFAULT_PENDING,
    ) -> None:
        """Start without a result."""
        self._space = space
        self._seed = seed
        self._algo = algo
        self._startup = max(1, startup)
        self._policy = pending
        self._tpe = Tpe(space)

    @property
    def seen(self) -> int:
        """Results told so far."""
        return len(self._tpe)

    def tell(self, observation: Observation) -> None:
        """Take in the result of a trial; for the next suggestion, whatever its tid.

        Raises:
            ValueError: the result was told before, or its loss is not a number.
        """
        self._tpe.tell(observation.tid, observation.point, observation.loss)

    @SUGGEST_SECONDS.time()
    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return HyperOpt's values for trial `tid`, by metaparameter (choices by index)."""
        trial_seed = int(np.random.SeedSequence([self._seed, tid]).generate_state(1)[0])
        counted = self.seen + (len(pending) if self._policy == "hyperopt" else 0)
        if self._algo == "random" or counted < self._startup:
            return _random_point(self._space, trial_seed)
        ranked = () if self._policy == "ignore" else pending
        return self._tpe.suggest(ranked, trial_seed, pending_loss=self._pending_loss())

    def _pending_loss(self) -> float:
        if self._policy not in _LIARS:
            return math.inf
        losses = self._tpe.losses[np.isfinite(self._tpe.losses)]
        return _LIARS[self._policy](losses) if len(losses) else math.inf


_LIARS: dict[str, Callable[[Any], float]] = {"liar-mean": fmean, "liar-worst": max}


def suggest(
    space: SearchSpace,
    history: Iterable[Observation],
    pending: Sequence[Pending],
    *,
    tid: int,
    seed: int,
    algo: Algo,
    startup: int,
    policy: PendingPolicy = DEFAULT_PENDING,
) -> dict[str, float | int]:
    """Return what a `Suggester` returns for trial `tid` that was told all of `history`."""
    suggester = Suggester(space, seed=seed, algo=algo, startup=startup, pending=policy)
    for observation in history:
        suggester.tell(observation)
    return suggester.suggest(tid, pending)


def _random_point(space: SearchSpace, seed: int) -> dict[str, float | int]:
    documents = rand.suggest([0], _domain(space), hyperopt.Trials(), seed)
    return {label: value[0].item() for label, value in documents[0]["misc"]["vals"].items()}


@lru_cache(maxsize=16)
def _domain(space: SearchSpace) -> Any:
    return hyperopt.base.Domain(lambda point: None, to_hyperopt(space))
