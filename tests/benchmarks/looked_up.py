"""Configurations of a space with their losses and run times, which simulated searches look up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from alignsearch.spaces.space import SearchSpace

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A metaparameter of a table.

    Attributes:
        label: its name in the space.
        size: number of its values; a point has their positions, from 0.
        ordered: whether the values are numbers, so that positions have an order.
        gate: the label of the choice and the option that it belongs to, where the space is nested.
    """

    label: str
    size: int
    ordered: bool
    gate: tuple[str, int] | None = None

    def active(self, point: Mapping[str, float]) -> bool:
        """Return whether a point has this metaparameter."""
        return self.gate is None or round(point[self.gate[0]]) == self.gate[1]


class Losses:
    """Losses and seconds of every configuration of a space, by seed.

    Args:
        losses: of each configuration, the lowest being the best; seeds of it that are missing are
            NaN.
        seconds: of the same trainings.
    """

    def __init__(self, keys: Sequence[str], losses: Array, seconds: Array) -> None:
        self.losses = losses
        self.seconds = seconds
        self.at = {key: number for number, key in enumerate(keys)}
        self.means = np.nanmean(losses, axis=1)
        self.most = losses.shape[1]
        self._sorted = np.sort(self.means)

    def of(self, key: str) -> tuple[Array, Array]:
        """Return a configuration's losses and seconds."""
        row = self.losses[self.at[key]]
        known = ~np.isnan(row)
        return row[known], self.seconds[self.at[key]][known]

    def mean(self, key: str) -> float:
        """Return the mean of all losses of a configuration."""
        return float(self.means[self.at[key]])

    def percentile(self, key: str) -> float:
        """Return how many percent of the configurations have a lower mean loss."""
        below = np.searchsorted(self._sorted, self.means[self.at[key]], side="left")
        return 100 * float(below) / len(self._sorted)

    def regret(self, key: str) -> float:
        """Return how far a mean loss is above the lowest one, in parts of the median's distance."""
        return float((self.mean(key) - self.lowest) / self.spread)

    @property
    def lowest(self) -> float:
        """The lowest mean loss."""
        return float(self._sorted[0])

    @property
    def spread(self) -> float:
        """The distance from the lowest mean loss to the median one."""
        return float(np.median(self._sorted) - self._sorted[0])


class Lookup(Protocol):
    """A space whose configurations' losses and seconds are known: a `Losses` with its axes."""

    name: str
    axes: Sequence[Axis]
    space: SearchSpace
    losses: Array

    def key_of(self, point: Mapping[str, float]) -> str:
        """Return the configuration's name."""

    def of(self, key: str) -> tuple[Array, Array]:
        """Return a configuration's losses and seconds."""

    def mean(self, key: str) -> float:
        """Return the mean of all losses of a configuration."""

    def percentile(self, key: str) -> float:
        """Return how many percent of the configurations have a lower mean loss."""

    def regret(self, key: str) -> float:
        """Return how far a mean loss is above the lowest one."""

    @property
    def spread(self) -> float:
        """The distance from the lowest mean loss to the median one."""


class Draws:
    """Which losses of each configuration a search with this seed sees, in which order."""

    def __init__(self, table: Lookup, seed: int) -> None:
        self._table = table
        self._seed = seed

    def of(self, key: str, number: int) -> tuple[float, float]:
        """Return loss and seconds of an evaluation: 0 for the search's, 1 for the next one."""
        losses, seconds = self._table.of(key)
        order = np.random.default_rng([self._seed, int(key)]).permutation(len(losses))
        at = order[min(number, len(losses) - 1)]
        return float(losses[at]), float(seconds[at])
