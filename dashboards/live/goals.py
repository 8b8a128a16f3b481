"""Columns of a search's further metrics and of its constraints, and the front among its trials."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from alignment_core.errors import UnknownNameError
from alignsearch.dashboards.live.columns import Column, Floats, distinct
from alignsearch.search.documents import Search, metrics_of, reported_names_of
from alignsearch.search.documents.constraint import in_words
from alignsearch.search.documents.front import front
from alignsearch.search.documents.plain_data import escape_key, from_stored


class GoalColumns:
    """The columns that only searches of several metrics, or with constraints, have.

    Attributes:
        columns: a column for each further metric, and the violation's where there are constraints.
        further: the column of each further metric by the metric's name.
        violation: name of the violation's column, 0 for a trial that keeps all constraints; None
            without constraints.
    """

    def __init__(self, search: Search, taken: Collection[str]) -> None:
        """Name the columns; `taken` are the names of the search's other columns."""
        self.columns: list[Column] = []
        used = set(taken)

        def add(name: str, label: str, role: Any) -> str:
            column = distinct(name, used, "metric")
            used.add(column)
            self.columns.append(Column(column, label, "number", role))
            return column

        self._keys = {
            add(name, name.replace("_", " "), "metric"): escape_key(name)
            for name in reported_names_of(search)
        }
        self._first, *self._metrics = metrics_of(search)
        self._constraints = search.constraints
        self.further = dict(zip(reported_names_of(search), self._keys, strict=True))
        self._further = [self.further[each.name] for each in self._metrics]
        self.violation = None
        if search.constraints:
            label = f"violation of {in_words(search.constraints)}"
            self.violation = add("violation", label, "violation")

    def values(self, result: Mapping[str, Any], loss: float | None) -> dict[str, float | None]:
        """Return a trial's values by column: its stored result's, or None without a loss."""
        metrics = result.get("metrics") or {}
        found = {
            column: None if loss is None else metrics.get(key) for column, key in self._keys.items()
        }
        if self.violation is not None:
            found[self.violation] = None if loss is None else result.get("violation") or 0.0
        return found

    def note(self, result: Mapping[str, Any], loss: float | None) -> str | None:
        """Return which constraints a trial's stored result breaks, in words; None for none."""
        if loss is None or not result.get("violation"):
            return None
        metrics = {**from_stored(result["metrics"]), self._first.name: self._first.value(loss)}
        broken = [each for each in self._constraints if each.violation(metrics[each.metric])]
        return f"breaks {in_words(broken)}"

    def column_of(self, metric: str) -> str | None:
        """Return the column of a further metric; None for the first one.

        metric: its name, or its column's.

        Raises:
            UnknownNameError: the search has no such metric.
        """
        if metric == self._first.name:
            return None
        if metric in self._keys:
            return metric
        if metric not in self.further:
            raise UnknownNameError("metric", metric, [self._first.name, *self.further])
        return self.further[metric]

    def front(self, table: Mapping[str, Floats] | Any) -> list[int]:
        """Return the trials of the front by number, the best by the first metric first.

        It is empty in a search of one metric. table: the columns of all trials by name.
        """
        if not self._metrics:
            return []
        losses = np.array(
            [table["loss"]]
            + [
                -table[name] if metric.direction == "maximize" else table[name]
                for name, metric in zip(self._further, self._metrics, strict=True)
            ]
        ).T
        fits = ~np.isnan(losses).any(axis=1)
        if self.violation is not None:
            fits &= table[self.violation] == 0
        tids = table["tid"][fits]
        known: Sequence[tuple[float, ...]] = [tuple(each) for each in losses[fits].tolist()]
        best = sorted((known[at], int(tids[at])) for at in front(known))
        return [tid for _, tid in best]
