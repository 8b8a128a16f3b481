"""HyperOpt's annealing: points around the best trials, closer to them the more trials there are.

HyperOpt 0.3.0's own algorithm draws the points (`hyperopt.anneal`); here it is given the results as
this program has them, and not as HyperOpt's documents. With the pending policy `hyperopt`, the
points are those of `hyperopt.anneal.suggest` to the last bit.
"""

import math
from collections.abc import Sequence
from typing import Any

import hyperopt
import numpy as np
from hyperopt.anneal import AnnealingAlgo

from alignsearch.search.documents import Observation, Pending, PendingPolicy, Point
from alignsearch.search.samplers.categorical import CategoricalPrior
from alignsearch.search.samplers.dimensions import Dimension
from alignsearch.search.samplers.observations import Told
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.random_search import trial_seed
from alignsearch.spaces.hyperopt_space import to_hyperopt
from alignsearch.spaces.space import SearchSpace


class Anneal(Told):
    """Suggests points by HyperOpt's annealing, which has no start-up: its first point is random."""

    def __init__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
    ) -> None:
        """Start without a result; `startup` changes nothing."""
        super().__init__(space)
        self._seed = seed
        self._policy = PENDING_POLICIES[pending]
        self._domain = hyperopt.base.Domain(None, to_hyperopt(space)) if self._dimensions else None
        self._trials: dict[int, tuple[Point, float]] = {}

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial; without a loss it ranks as the worst.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        super().tell(observation)
        loss = math.inf if observation.loss is None else observation.loss
        self._trials[observation.tid] = observation.point, loss

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the point of trial `tid`: HyperOpt's values by active dimension."""
        if self._domain is None:
            return {}
        trials = dict(self._trials)
        stand_in = self._policy.stand_in([x for _, x in trials.values() if math.isfinite(x)])
        if stand_in is not None:
            trials |= {each.tid: (each.point, stand_in) for each in pending}
        seed = trial_seed(self._seed, tid)
        return _Annealing(self._domain, self._dimensions, trials, seed).point(tid)


class _Annealing(AnnealingAlgo):
    """HyperOpt's algorithm over these results, for one suggestion."""

    def __init__(
        self,
        domain: Any,
        dimensions: Sequence[Dimension],
        trials: dict[int, tuple[Point, float]],
        seed: int,
    ) -> None:
        empty = hyperopt.Trials()
        super().__init__(domain, empty, seed)
        ordered = sorted(trials.items())
        self.tid_losses_dct = {tid: loss for tid, (_, loss) in ordered}
        for each in dimensions:
            values = [(t, p[each.label]) for t, (p, _) in ordered if each.is_active(p)]
            self.node_tids[each.label] = [tid for tid, _ in values]
            # HyperOpt counts options by whole numbers.
            as_drawn = int if isinstance(each.prior, CategoricalPrior) else float
            self.node_vals[each.label] = [as_drawn(value) for _, value in values]

    def point(self, tid: int) -> dict[str, float | int]:
        """Return the values by active dimension."""
        self.rng = np.random.default_rng(self._seed + tid)
        # A value may be 0 whose logarithm is looked at, as a rounded one.
        with np.errstate(all="ignore"):
            memo = self.eval_nodes({self.domain.s_new_ids: [tid], self.domain.s_rng: self.rng})
        _, values = memo[self.expr]
        return {
            label: drawn[0].item() if isinstance(drawn[0], np.generic) else drawn[0]
            for label, drawn in values.items()
            if len(drawn)
        }
