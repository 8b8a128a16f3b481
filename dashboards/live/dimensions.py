"""Columns of a search's dimensions: those of its space, or those that its trials have."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from alignsearch.dashboards.live.columns import Column, distinct, of_metaparameter
from alignsearch.search.documents import Search, is_list_of_runs, known_space_of, label_of
from alignsearch.search.documents.plain_data import escape_key, from_stored
from alignsearch.spaces.describe import condition_text
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import LABELS

Document = Mapping[str, Any]
"""A trial as the store has it."""

PREFIX = "dimension"
"""Prefix of a dimension's column whose label another column has already."""


class Dimensions(Protocol):
    """The columns of the dimensions, and a trial's numbers in them."""

    columns: list[Column]

    def numbers(self, document: Document) -> list[float]:
        """Return the number in each column; NaN where the trial doesn't use the dimension.

        Columns that come or change with this trial are in `columns` afterwards.
        """


def dimensions_of(search: Search, taken: Collection[str]) -> Dimensions:
    """Return the dimensions of a search; `taken` are the names of its other columns."""
    space = sampled_space_of(search)
    return (
        FoundDimensions(search, taken) if space is None else SpaceDimensions(search, space, taken)
    )


def sampled_space_of(search: Search) -> SearchSpace | None:
    """Return the space that a search samples; None if it isn't known, or the search lists runs."""
    return None if is_list_of_runs(search) else known_space_of(search)


def title_of(search: Search, dimension: str) -> str:
    """Return a dimension's name for people."""
    if search.definition is None:
        # Searches of older versions are over the paper's spaces, or list runs.
        return LABELS.get(dimension, dimension.replace("_", " "))
    return label_of(search, dimension)


class SpaceDimensions:
    """The dimensions of a known space."""

    def __init__(self, search: Search, space: SearchSpace, taken: Collection[str]) -> None:
        used = set(taken)
        self.columns = []
        for each in space.sampled:
            name = distinct(each.name, used, PREFIX)
            used.add(name)
            label = title_of(search, each.name)
            when = condition_text(space, each) or None
            self.columns.append(of_metaparameter(each, name, label, when))
        self.labels = [each.name for each in space.sampled]
        self._keys = [escape_key(label) for label in self.labels]

    def numbers(self, document: Document) -> list[float]:
        """Return HyperOpt's value in each column; NaN where the trial doesn't use the dimension."""
        point = document["point"]
        if point:
            return [np.nan if point.get(key) is None else float(point[key]) for key in self._keys]
        # A trial without a point, as other programs add one, names each dimension's value.
        config = document["config"]
        known = config if isinstance(config, Mapping) else {}
        return [
            column.code(known.get(key))
            for column, key in zip(self.columns, self._keys, strict=True)
        ]


class FoundDimensions:
    """Dimensions that are found in the trials, because no space says what they are.

    A value is a number until a trial has a text, True or False there: then it is one of a category.
    """

    def __init__(self, search: Search, taken: Collection[str]) -> None:
        self.columns: list[Column] = []
        self._search = search
        self._used = set(taken)
        self._of: dict[str, Column] = {}

    def numbers(self, document: Document) -> list[float]:
        """Return the number in each column, with those that this trial is the first to have."""
        values = dict(_values(document, listed=is_list_of_runs(self._search)))
        for label, value in values.items():
            if label not in self._of:
                self._add(label)
            _widen(self._of[label], value)
        return [_encoded(column, values.get(label)) for label, column in self._of.items()]

    def _add(self, label: str) -> None:
        name = distinct(label, self._used, PREFIX)
        self._used.add(name)
        self._of[label] = Column(name, title_of(self._search, label), "integer", "metaparameter")
        self.columns.append(self._of[label])


def _values(document: Document, *, listed: bool) -> Iterator[tuple[str, Value]]:
    """A trial's scalar values by label: those of its point, or else of its configuration.

    listed: whether the search lists runs, which differ in more than a point.
    """
    config, point = from_stored(document["config"]), from_stored(document["point"])
    named = config if isinstance(config, dict) else {}
    # A point has the index of an option, which the configuration may call by its name.
    values = {label: named.get(label, number) for label, number in point.items()}
    if listed or not values:
        values = named
    for label, value in values.items():
        if value is not None and isinstance(value, bool | int | float | str):
            yield str(label), value


def _widen(column: Column, value: Value) -> None:
    if column.kind == "category":
        return
    if not _is_number(value):
        column.kind = "category"
    elif isinstance(value, float):
        column.kind = "number"


def _encoded(column: Column, value: Value) -> float:
    return column.code_of_new(value) if column.kind == "category" else column.code(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
