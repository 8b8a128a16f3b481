"""Optuna's samplers, by one adapter: each suggestion is a new sampler's over the results known.

Optuna's samplers have a random generator of their own, and some note on trials what they need at
the next one. Here a sampler lives for one suggestion, with the random seed of its trial, in a study
of the results told and the trials running (`alignsearch.search.samplers.optuna_study`). So a point
follows from these alone, as `Sampler` demands.

The random points of the start-up are this program's. A trial without a loss counts as one with an
infinite loss; among several metrics, it is left out. Broken constraints are told as one
constraint of Optuna's, the sum of all. How running trials count is up to Optuna's sampler:
TPE and the Gaussian process look at them, the others don't.
"""

import math
import warnings
from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from alignsearch.search.documents import Observation, Pending, PendingPolicy, Point
from alignsearch.search.samplers.observations import Told
from alignsearch.search.samplers.optuna_space import Number, Parameter, parameter_of
from alignsearch.search.samplers.optuna_study import frozen_trial, study_of
from alignsearch.search.samplers.random_search import random_point, trial_seed
from alignsearch.spaces.space import SearchSpace

EXTREME = 1e100
"""Largest size of a loss that a Gaussian process gets: the squares of all have to be floats."""


class OptunaSampler(Told, ABC):
    """Suggests random points during the start-up, and those of one of Optuna's samplers after it.

    A variant says which sampler that is, and which dimensions it gets.
    """

    def __init__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
    ) -> None:
        """Start without a result; the first point is random even if `startup` is 0.

        Args:
            space: the space to search.
            seed: random seed of the search.
            startup: results to wait for before Optuna's sampler is asked.
            pending: not looked at.

        Raises:
            ConfigurationError: Optuna's sampler doesn't serve the space.
        """
        super().__init__(space)
        self._seed = seed
        self._startup = max(1, startup)
        distributions = {each.name: each.distribution for each in space.sampled}
        self._parameters = [parameter_of(e, distributions[e.label]) for e in self._dimensions]
        self._served = {each.label for each in self._parameters if self.serves(each)}
        self._tids: list[int] = []
        self._trials: dict[int, FrozenTrial] = {}
        self._violations: dict[int, float] = {}
        self._metrics = 1
        self.prepare(space)

    def serves(self, parameter: Parameter) -> bool:
        """Return whether Optuna's sampler gets this dimension; others are drawn at random."""
        return True

    def prepare(self, space: SearchSpace) -> None:
        """Prepare for the space, once the dimensions are known.

        Raises:
            ConfigurationError: Optuna's sampler doesn't serve the space.
        """

    @abstractmethod
    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler for one suggestion."""

    def ask(self, told: Sequence[FrozenTrial], trials: Sequence[FrozenTrial], tid: int) -> Study:
        """Return a study of `trials`, whose sampler is to suggest the next one.

        Args:
            told: the finished trials, by number.
            trials: the finished and the running trials, by number.
            tid: number of the trial that is suggested.
        """
        return study_of(trials, self.sampler(trial_seed(self._seed, tid)), self._metrics)

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial; without a loss it ranks as the worst.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        super().tell(observation)
        tid, loss = observation.tid, observation.loss
        values = observation.losses or (math.inf if loss is None else loss,)
        self._trials[tid] = self._trial(observation.point, values)
        self._violations[tid] = observation.violation
        self._metrics = max(self._metrics, len(values))
        insort(self._tids, tid)

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, Number]:
        """Return the point of trial `tid`: HyperOpt's values by active dimension."""
        rng = np.random.default_rng(trial_seed(self._seed, tid))
        if self.seen < self._startup or not self._dimensions:
            return random_point(self._dimensions, rng)
        known = {each: self._trials[each] for each in self._tids}
        told = {each: trial for each, trial in known.items() if self._is_of_use(trial)}
        if any(self._violations.values()):
            for each, trial in told.items():
                if not trial.constraints:
                    trial.set_constraint("violation", self._violations[each])
        running = {each.tid: self._trial(each.point, None) for each in pending}
        trials = [trial for _, trial in sorted({**told, **running}.items())]
        asked = self.ask([*told.values()], trials, tid).ask()
        return self._point(asked, rng)

    def _is_of_use(self, trial: FrozenTrial) -> bool:
        """Return whether Optuna can compare the trial's values: infinite ones have no volume."""
        if self._metrics == 1:
            return True
        return len(trial.values) == self._metrics and all(map(math.isfinite, trial.values))

    def _point(self, asked: optuna.Trial, rng: np.random.Generator) -> dict[str, Number]:
        point: dict[str, Number] = {}
        for parameter in self._parameters:
            if not parameter.dimension.is_active(point):
                continue
            label = parameter.label
            served = label in self._served
            point[label] = parameter.ask(asked) if served else parameter.dimension.draw(rng)
        return point

    def _trial(self, point: Point, values: Sequence[float] | None) -> FrozenTrial:
        """A trial as Optuna knows it, with those of its values that Optuna's sampler gets."""
        active = [
            each
            for each in self._parameters
            if each.label in self._served and each.dimension.is_active(point)
        ]
        known = {each.label: each.known(float(point[each.label])) for each in active}
        params = {label: value for label, value in known.items() if value is not None}
        kinds = {each.label: each.distribution for each in active if each.label in params}
        return frozen_trial(params, kinds, values)


class OptunaTpe(OptunaSampler):
    """Optuna's TPE, as it is by default: by joint densities, with its constant liar."""

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's TPE."""
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=1)


class OptunaRandom(OptunaSampler):
    """Optuna's random points."""

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's random sampler."""
        return optuna.samplers.RandomSampler(seed=seed)


class OptunaGp(OptunaSampler):
    """Optuna's Gaussian process with the expected improvement's logarithm; needs PyTorch."""

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler by a Gaussian process."""
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=1)

    def ask(self, told: Sequence[FrozenTrial], trials: Sequence[FrozenTrial], tid: int) -> Study:
        """Return the study, its extreme losses replaced by the nearest of the others.

        Optuna does the same with infinite ones, with a warning each time.
        """
        values = [value for each in told for value in each.values]
        usual = [each for each in values if abs(each) <= EXTREME]
        low, high = min(usual, default=0.0), max(usual, default=0.0)

        def kept(trial: FrozenTrial) -> FrozenTrial:
            if trial.values is None or all(abs(each) <= EXTREME for each in trial.values):
                return trial
            near = [min(max(each, low), high) for each in trial.values]
            changed = frozen_trial(trial.params, trial.distributions, near)
            changed.system_attrs = trial.system_attrs
            return changed

        return super().ask(told, [kept(each) for each in trials], tid)


class OptunaQmc(OptunaSampler):
    """Optuna's scrambled Sobol points: the trial's number is the index in the sequence."""

    def serves(self, parameter: Parameter) -> bool:
        """Return whether the dimension is active in each trial: the sequence has no others."""
        return not parameter.dimension.gates

    def prepare(self, space: SearchSpace) -> None:
        """Make the sampler, which has no state but its seed."""
        with warnings.catch_warnings():
            # Optuna warns that the sampler's interface may change, as of version 5 still.
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._sequence = optuna.samplers.QMCSampler(seed=self._seed % 2**32, scramble=True)

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler of the search's one sequence."""
        return self._sequence

    def ask(self, told: Sequence[FrozenTrial], trials: Sequence[FrozenTrial], tid: int) -> Study:
        """Return the study, told that its sequence was used as far as the trial's number."""
        study = super().ask(told, told, tid)
        storage = study._storage
        # The sampler notes the last index on the study, by a name that it makes of the space.
        _ = study.ask().relative_params
        for name in storage.get_study_system_attrs(study._study_id):
            storage.set_study_system_attr(study._study_id, name, tid - 1)
        return study
