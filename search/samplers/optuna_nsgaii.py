"""Optuna's NSGA-II, a genetic algorithm that goes by generations.

Optuna notes on each trial the generation that it was suggested for. Here generations follow from
the results alone: the trials with a result, by number, fill one after the other. The note's name is
part of what Optuna stores with a study.
"""

from collections.abc import Sequence

import optuna
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from alignsearch.search.samplers.optuna_sampler import OptunaSampler

GENERATION = "NSGAIISampler:generation"
"""Name of Optuna's note."""

POPULATION = 50
"""Trials of a generation, as many as Optuna has by default."""


class OptunaNsgaII(OptunaSampler):
    """Optuna's NSGA-II; its first generation is random."""

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's NSGA-II."""
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)

    def ask(self, told: Sequence[FrozenTrial], trials: Sequence[FrozenTrial], tid: int) -> Study:
        """Return the study, with the generation of each finished trial."""
        for at, trial in enumerate(told):
            trial.system_attrs = {GENERATION: at // POPULATION}
        return super().ask(told, trials, tid)
