"""The numbers that steer TPE, with HyperOpt's defaults."""

from dataclasses import dataclass

from hyperopt import tpe as hyperopt_tpe

FORGETTING: int = hyperopt_tpe.DEFAULT_LF
"""Number of newest trials that weigh fully; HyperOpt's linear forgetting lets older ones fade.

HyperOpt takes the same number as the largest number of trials that count as good.
"""


@dataclass(frozen=True)
class TpeSettings:
    """The settings of `hyperopt.tpe.suggest` that change its points.

    Attributes:
        candidates: points drawn a dimension, of which the best is suggested (`n_EI_candidates`).
        prior_weight: weight of a dimension's prior beside one observation.
        gamma: `ceil(gamma * sqrt(trials))` trials count as good, at most `FORGETTING`.
    """

    candidates: int = hyperopt_tpe._default_n_EI_candidates
    prior_weight: float = hyperopt_tpe._default_prior_weight
    gamma: float = hyperopt_tpe._default_gamma


DEFAULT_SETTINGS = TpeSettings()
