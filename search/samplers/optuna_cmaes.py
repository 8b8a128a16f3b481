"""Optuna's CMA-ES, which goes by generations over the numbers that every trial has.

Optuna notes on each trial the generation that it was suggested for, and on one trial of each
generation its optimizer as it was then. Here both follow from the results alone: the trials with a
result, by number, fill one generation after the other. Random points of the start-up belong to
none. The notes' names are part of what Optuna stores with a study.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Observation
from alignsearch.search.samplers.optuna_sampler import OptunaSampler
from alignsearch.search.samplers.optuna_space import Parameter
from alignsearch.search.samplers.optuna_study import study_of
from alignsearch.search.samplers.random_search import random_point, trial_seed
from alignsearch.spaces.space import SearchSpace

GENERATION, OPTIMIZER = "cma:generation", "cma:optimizer"
"""Names of Optuna's notes; the optimizer's has a number after it for each of its parts."""


class OptunaCmaEs(OptunaSampler):
    """Optuna's CMA-ES; choices, and dimensions that some trials lack, are drawn at random."""

    def serves(self, parameter: Parameter) -> bool:
        """Return whether the dimension is a number that each trial has."""
        return parameter.is_number and not parameter.dimension.gates

    def prepare(self, space: SearchSpace) -> None:
        """Find the size of a generation.

        Raises:
            ConfigurationError: fewer than two numbers are there in each trial.
        """
        numbers = len(self._served)
        if self._dimensions and numbers < 2:
            raise ConfigurationError(
                f"the sampler optuna:cmaes needs two numbers that every trial has, and space "
                f"{space.name!r} has {numbers or 'none'}: choose another sampler"
            )
        # As many as CMA-ES takes by default (Hansen 2016, "The CMA evolution strategy", eq. 48).
        self._population = 4 + math.floor(3 * math.log(max(2, numbers)))
        self._random: set[int] = set()
        # The numbers of the trials of each generation that is full, and Optuna's notes after it.
        self._full: list[tuple[list[int], dict[str, Any]]] = []

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's CMA-ES."""
        return optuna.samplers.CmaEsSampler(
            seed=seed, popsize=self._population, warn_independent_sampling=False
        )

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial; without a loss it ranks as the worst.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        super().tell(observation)
        tid = observation.tid
        if tid < 0:
            # A warm start's; this search has drawn none of those.
            return
        rng = np.random.default_rng(trial_seed(self._seed, tid))
        if random_point(self._dimensions, rng) == dict(observation.point):
            self._random.add(tid)

    def ask(self, told: Sequence[FrozenTrial], trials: Sequence[FrozenTrial], tid: int) -> Study:
        """Return the study, with the generation of each finished trial and the optimizers."""
        tids = [each for each in self._tids if each not in self._random]
        size = self._population
        for at, each in enumerate(tids):
            self._trials[each].system_attrs = {GENERATION: at // size}
        for generation in range(len(tids) // size):
            members = tids[generation * size : (generation + 1) * size]
            last = self._trials[members[-1]]
            last.system_attrs = {**last.system_attrs, **self._optimizer(generation, members)}
        return super().ask(told, trials, tid)

    def _optimizer(self, generation: int, members: list[int]) -> dict[str, Any]:
        """Optuna's notes of its optimizer once a generation is full."""
        if generation < len(self._full) and self._full[generation][0] == members:
            return self._full[generation][1]
        # Where a result came late, the generations after it have other members now.
        del self._full[generation:]
        until = self._tids.index(members[-1]) + 1
        study = study_of([self._trials[each] for each in self._tids[:until]], self.sampler(0))
        asked = study.ask()
        _ = asked.relative_params
        notes = study._storage.get_trial_system_attrs(asked._trial_id)
        notes = {name: text for name, text in notes.items() if name.startswith(OPTIMIZER)}
        self._full.append((members, notes))
        return notes
