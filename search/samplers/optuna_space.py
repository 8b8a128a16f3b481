"""The dimensions of a space as Optuna's parameters.

| distribution             | Optuna's                                                             |
|--------------------------|----------------------------------------------------------------------|
| uniform, loguniform      | a float of the same range, linear or logarithmic                     |
| quniform, qloguniform    | an integer, the number of steps, linear or logarithmic               |
| qloguniform that has a 0 | a float from 0 to 1, the share of the distribution below; rounded    |
| normal, lognormal        | a float from 0 to 1, the share of the distribution below             |
| qnormal, qlognormal      | the same, then rounded                                               |
| randint                  | an integer                                                           |
| choice, pchoice          | a category; options of probability 0 are none                        |

Optuna takes all options of a choice for equally likely, and the number of steps at both ends of a
range for as likely as others. The random points of the start-up have the space's own distributions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from alignsearch.search.samplers.axes import axis_of, likely_options
from alignsearch.search.samplers.dimensions import Dimension
from alignsearch.spaces.distributions import (
    Choice,
    Distribution,
    LogUniform,
    PChoice,
    QLogUniform,
    RandInt,
    Uniform,
)
from alignsearch.spaces.distributions.families import SteppedRange

Number = float | int


@dataclass(frozen=True)
class Parameter:
    """A dimension of the space, as Optuna knows it.

    Attributes:
        dimension: the dimension.
        distribution: Optuna's distribution.
        to_optuna: from HyperOpt's value to Optuna's.
        from_optuna: from Optuna's value to HyperOpt's.
    """

    dimension: Dimension
    distribution: BaseDistribution
    to_optuna: Callable[[float], Any]
    from_optuna: Callable[[Any], Number]

    @property
    def label(self) -> str:
        """The dimension's label, by which Optuna knows it, too."""
        return self.dimension.label

    @property
    def is_number(self) -> bool:
        """True if its values are ordered, and more than one."""
        kind = self.distribution
        return isinstance(kind, FloatDistribution | IntDistribution) and not kind.single()

    def known(self, value: float) -> Any:
        """Return Optuna's value; None if its distribution doesn't have it."""
        found = self.to_optuna(value)
        try:
            internal = self.distribution.to_internal_repr(found)
        except ValueError:
            return None
        return found if self.distribution._contains(internal) else None

    def ask(self, trial: optuna.Trial) -> Number:
        """Return HyperOpt's value of what the trial's sampler suggests."""
        kind, name = self.distribution, self.label
        if isinstance(kind, FloatDistribution):
            return self.from_optuna(trial.suggest_float(name, kind.low, kind.high, log=kind.log))
        if isinstance(kind, IntDistribution):
            return self.from_optuna(trial.suggest_int(name, kind.low, kind.high, log=kind.log))
        assert isinstance(kind, CategoricalDistribution)
        return self.from_optuna(trial.suggest_categorical(name, kind.choices))


def parameter_of(dimension: Dimension, distribution: Distribution) -> Parameter:
    """Return a dimension of this distribution as Optuna knows it."""
    if isinstance(distribution, Choice | PChoice):
        options = CategoricalDistribution(likely_options(distribution))
        return Parameter(dimension, options, int, int)
    if isinstance(distribution, RandInt):
        kind = IntDistribution(distribution.low, distribution.high - 1)
        return Parameter(dimension, kind, int, int)
    if isinstance(distribution, Uniform | LogUniform):
        is_log = isinstance(distribution, LogUniform)
        floats = FloatDistribution(distribution.low, distribution.high, log=is_log)
        return Parameter(dimension, floats, distribution.nearest, float)
    if isinstance(distribution, SteppedRange):
        q = distribution.q
        low, high = (round(end / q) for end in distribution.ends)
        is_log = isinstance(distribution, QLogUniform)
        if low > 0 or not is_log:
            steps = IntDistribution(low, high, log=is_log)
            return Parameter(dimension, steps, lambda x: round(x / q), lambda n: n * q)
    axis = axis_of(distribution)
    return Parameter(
        dimension,
        FloatDistribution(0.0, 1.0),
        lambda value: float(axis.positions(np.array([value]))[0]),
        axis.value,
    )
