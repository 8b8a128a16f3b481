"""Samplers under comparison, behind one face: ask for a point beside pending ones, be told losses.

All see a table through the same encoding: the positions of an ordered metaparameter's values are
integers from 0, and unordered values are options. Each runs with its own defaults.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
import optuna
from cmaes import CatCMAwM
from looked_up import Axis, Lookup

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.sampler import HYPEROPT_STARTUP, make_sampler

Point = Mapping[str, float]

SMAC_TRIALS = 250
"""Trials of a search, of which SMAC spends at most a quarter on its initial design."""


class Peer(Protocol):
    """A sampler in a simulated search."""

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        """Return the point of trial `tid`; the others are running."""

    def tell(self, tid: int, point: Point, loss: float) -> None:
        """Take a result."""


class Ours:
    """A row of this program's table of samplers."""

    def __init__(self, table: Lookup, seed: int, *, algo: str) -> None:
        self._sampler = make_sampler(
            algo, table.space, seed=seed, startup=HYPEROPT_STARTUP, pending="hyperopt"
        )

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        return self._sampler.suggest(tid, [Pending(*each) for each in pending.items()])

    def tell(self, tid: int, point: Point, loss: float) -> None:
        self._sampler.tell(Observation(tid, dict(point), loss))


class Optuna:
    """Optuna's TPE: multivariate and with a constant liar, unless its arguments say otherwise."""

    def __init__(self, table: Lookup, seed: int, **options: Any) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=seed, **options)
        self._study = optuna.create_study(sampler=sampler)
        self._axes = table.axes
        self._asked: dict[int, optuna.Trial] = {}

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        trial = self._asked[tid] = self._study.ask()
        return defined_by_run(trial, self._axes)

    def tell(self, tid: int, point: Point, loss: float) -> None:
        self._study.tell(self._asked.pop(tid), loss)


class Rustuna:
    """Rustuna's TPE, which is Optuna's without its constant liar."""

    def __init__(self, table: Lookup, seed: int, *, multivariate: bool) -> None:
        # A benchmark's dependency, which tests of the simulation do without.
        import rustuna

        sampler = rustuna.samplers.TPESampler(seed=seed, multivariate=multivariate)
        self._study = rustuna.create_study(sampler=sampler)
        self._axes = table.axes
        self._numbers: dict[int, int] = {}

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        trial = self._study.ask()
        self._numbers[tid] = trial.number
        return defined_by_run(trial, self._axes)

    def tell(self, tid: int, point: Point, loss: float) -> None:
        self._study.tell(self._numbers.pop(tid), loss)


def defined_by_run(trial: Any, axes: Sequence[Axis]) -> Point:
    """Ask a trial of Optuna's kind for each active metaparameter in turn."""
    point: dict[str, float] = {}
    for axis in axes:
        if not axis.active(point):
            continue
        if axis.ordered:
            point[axis.label] = trial.suggest_int(axis.label, 0, axis.size - 1)
        else:
            point[axis.label] = trial.suggest_categorical(axis.label, [*range(axis.size)])
    return point


class CatCma:
    """CatCMA with margin: of a tree it sees every metaparameter, also those that are inactive.

    A generation that is all running is followed by draws from the same distribution, and their
    results join the generation that is told next.
    """

    def __init__(self, table: Lookup, seed: int) -> None:
        self._ordered = [axis for axis in table.axes if axis.ordered]
        self._choices = [axis for axis in table.axes if not axis.ordered]
        self._axes = table.axes
        self._optimizer = CatCMAwM(
            z_space=[[*range(axis.size)] for axis in self._ordered] or None,
            c_space=[axis.size for axis in self._choices] or None,
            seed=seed % 2**31,
        )
        self._asked: dict[int, Any] = {}
        self._told: list[tuple[Any, float]] = []

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        solution = self._asked[tid] = self._optimizer.ask()
        values: dict[str, float] = {}
        if self._ordered:
            pairs = zip(self._ordered, solution.z, strict=True)
            values |= {axis.label: round(value) for axis, value in pairs}
        if self._choices:
            rows = zip(self._choices, solution.c, strict=True)
            values |= {axis.label: int(np.argmax(row)) for axis, row in rows}
        return {axis.label: values[axis.label] for axis in self._axes if axis.active(values)}

    def tell(self, tid: int, point: Point, loss: float) -> None:
        self._told.append((self._asked.pop(tid), loss))
        if len(self._told) == self._optimizer.population_size:
            self._optimizer.tell(self._told)
            self._told = []


class Smac:
    """SMAC 3 with its preset for metaparameters: a random forest, and conditions for trees.

    It is told that a configuration has one loss, since a repeated one would see the same again.
    """

    def __init__(self, table: Lookup, seed: int) -> None:
        # A benchmark's dependency, which tests of the simulation do without.
        import ConfigSpace
        import smac

        logging.getLogger("smac").setLevel(logging.ERROR)
        space = ConfigSpace.ConfigurationSpace(seed=seed)
        for axis in table.axes:
            if axis.ordered:
                added = ConfigSpace.Integer(axis.label, (0, axis.size - 1))
            else:
                added = ConfigSpace.Categorical(axis.label, [*range(axis.size)])
            space.add(added)
            if axis.gate is not None:
                choice, option = axis.gate
                space.add(ConfigSpace.EqualsCondition(added, space[choice], option))
        self._value = smac.runhistory.TrialValue
        # Nothing is written there as long as results are told with `save=False`.
        scenario = smac.Scenario(
            space,
            deterministic=True,
            n_trials=SMAC_TRIALS,
            seed=seed,
            output_directory=Path("build") / "smac",
        )
        preset = smac.HyperparameterOptimizationFacade
        model = preset.get_model(scenario)
        # The same trees, without room for a million leaves.
        model._rf_opts["max_leaf_nodes"] = 2 * SMAC_TRIALS
        self._smac = preset(scenario, model=model, logging_level=False, overwrite=True)
        self._asked: dict[int, Any] = {}

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        # The same points, without waiting for threads of ten small trees.
        with joblib.parallel_config("sequential"):
            asked = self._asked[tid] = self._smac.ask()
        return {label: int(value) for label, value in asked.config.items()}

    def tell(self, tid: int, point: Point, loss: float) -> None:
        self._smac.tell(self._asked.pop(tid), self._value(cost=loss), save=False)


PEERS: dict[str, Callable[[Lookup, int], Peer]] = {
    "combined": partial(Ours, algo="combined"),
    "random": partial(Ours, algo="random"),
    "hyperopt": partial(Ours, algo="tpe"),
    "optuna": Optuna,
    "optuna-univariate": partial(Optuna, multivariate=False),
    "optuna-no-liar": partial(Optuna, constant_liar=False),
    "rustuna": partial(Rustuna, multivariate=True),
    "rustuna-univariate": partial(Rustuna, multivariate=False),
    "catcma": CatCma,
    "smac": Smac,
}
"""Every sampler under comparison, by the name in the tables. `hyperopt` is our `tpe`, which gives
HyperOpt's points to the bit in a tenth of its time."""
