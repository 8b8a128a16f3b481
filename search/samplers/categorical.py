"""TPE over options: choices with equal or given probabilities, and random integers.

The numbers are HyperOpt's to the last bit: options count with its forgetting weights, and
candidates are drawn by the same calls on the random generator.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from numpy.typing import NDArray

from alignsearch.search.samplers.settings import FORGETTING, TpeSettings

Floats = NDArray[np.float64]


class OptionModel(NamedTuple):
    """How likely each option is among some trials: probabilities and their logarithms."""

    probabilities: Floats
    logs: Floats


@dataclass(frozen=True)
class CategoricalPrior:
    """The prior of a dimension whose values are the whole numbers from `first` on.

    Attributes:
        options: number of values.
        first: the lowest value; 0 for a choice, whose values are its options' indices.
        probabilities: probability of each value; None where all are equal, as HyperOpt counts
            these differently.
    """

    options: int
    first: int = 0
    probabilities: tuple[float, ...] | None = None

    def fit(self, values: Floats, settings: TpeSettings) -> OptionModel:
        """Return the probability of each option among observed values and the prior.

        Args:
            values: observed values, shape `[observations]`, ordered by trial number.
            settings: the weight of the prior.
        """
        options = values.astype(np.int64) - self.first
        return self.fit_weighted(options, forgetting(len(values)), settings)

    def fit_weighted(
        self, options: NDArray[np.int64], weights: Floats, settings: TpeSettings
    ) -> OptionModel:
        """Return the probability of each option among the prior and trials that weigh so much.

        Args:
            options: numbers of the trials' options from 0 on, shape `[trials]`, by trial number: a
                sum's last bit depends on their order.
            weights: shape `[trials]`; trials of weight 0 don't count.
            settings: the weight of the prior.
        """
        counts = np.bincount(options, weights, self.options)
        if self.probabilities is None:
            weighted = counts + settings.prior_weight
        else:
            prior = np.asarray(self.probabilities)
            weighted = counts + prior.size * (settings.prior_weight * prior)
        probabilities = weighted / np.sum(weighted)
        return OptionModel(probabilities, np.log(probabilities))

    def best(
        self, good: OptionModel, bad: OptionModel, settings: TpeSettings, rng: np.random.Generator
    ) -> int:
        """Draw candidates from the good trials' model; return the one with the best score."""
        drawn = rng.multinomial(1, good.probabilities, settings.candidates).argmax(axis=1)
        scores = (good.logs - bad.logs)[drawn]
        return int(drawn[scores.argmax()]) + self.first


# All unconditional choices ask for the weights of the good trials and of the bad ones in turn.
@lru_cache(maxsize=64)
def forgetting(observations: int) -> Floats:
    """Return what so many trials weigh, by trial number: older ones less."""
    weights: Floats = hyperopt_tpe.linear_forgetting_weights(observations, FORGETTING)
    return weights
