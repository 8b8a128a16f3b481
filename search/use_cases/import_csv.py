"""Results from a CSV: as `alignsearch trials --csv` writes it, or a plain one with a loss."""

import math
from pathlib import Path

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, metric_of
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.trial_table import TrialColumns, columns_of
from alignsearch.search.use_cases.outside_result import OutsideResult, OutsideResults
from alignsearch.search.use_cases.point_files import LOSS, PointRow, shown_name, table_in, text_of
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.written_values import LONGEST_SHOWN

_FINISHED = (TrialState.COMPLETED.value, TrialState.PRUNED.value)
_STATES = tuple(state.value for state in TrialState)


def read_csv(file: Path, search: Search, space: SearchSpace, study: str | None) -> OutsideResults:
    """Return the results of a CSV file.

    A column has the metric's name, as people know the metric, or is called `loss` and minimized.
    Each further metric has a column, too. A row with a state other than `completed` or `pruned` has
    no result. An empty cell of the metric is the result of a trial that diverged.

    Args:
        file: the file.
        search: the search, for its metric and its dimensions.
        space: its space.
        study: must be None; a CSV has no studies.

    Raises:
        ConfigurationError: it can't be read, or isn't one of results of this space; the message
            names row and column.
    """
    if study is not None:
        raise ConfigurationError("--study names a study of Optuna's; a CSV has none")
    return results_in(text_of(file), shown_name(file), search, space)


def results_in(text: str, name: str, search: Search, space: SearchSpace) -> OutsideResults:
    """Return the results of a CSV's text that is called `name`, as `read_csv` does."""
    rows = table_in(text, name, search, space)
    columns = columns_of(search, [])
    metric_column = columns.fixed[2]
    if rows and not {metric_column, LOSS} & rows[0].others.keys():
        wanted = " or ".join(dict.fromkeys([metric_column, LOSS]))
        raise ConfigurationError(f"{name}, row 1: it lacks the results' column {wanted}")
    lacking = [each for each in columns.further.values() if rows and each not in rows[0].others]
    if lacking:
        raise ConfigurationError(f"{name}, row 1: it lacks the column {', '.join(lacking)}")
    found, unfinished = [], 0
    for row in rows:
        state = row.others.get("state", "")
        if state and state not in _STATES:
            raise ConfigurationError(
                f"{row.place}, column 'state': {state!r} is none of {', '.join(_STATES)}"
            )
        if state and state not in _FINISHED:
            unfinished += 1
        else:
            found.append(_result(row, search, columns))
    left_out = [f"{unfinished} without a result: queued, running, failed or cancelled"]
    return OutsideResults(name, found, left_out if unfinished else [])


def _result(row: PointRow, search: Search, columns: TrialColumns) -> OutsideResult:
    metric_column = columns.fixed[2]
    further = {name: _number(row, column) for name, column in columns.further.items()}
    column = metric_column if metric_column in row.others else LOSS
    value = _number(row, column)
    if value is not None and column == metric_column:
        value = metric_of(search).loss(value)
    return OutsideResult(
        place=row.place,
        loss=value,
        values=row.values,
        identity=row.others.get("tid", ""),
        note=row.place,
        reason=row.others.get("note", "") if value is None else "",
        metrics={name: number for name, number in further.items() if number is not None},
        pruned=row.others.get("state") == TrialState.PRUNED.value,
    )


def _number(row: PointRow, column: str) -> float | None:
    cell = row.others[column]
    if not cell:
        return None
    try:
        # Python alone reads 1_000 as a number.
        number = float(cell.replace("_", "x"))
    except ValueError as error:
        shown = repr(cell[:LONGEST_SHOWN])
        raise ConfigurationError(f"{row.place}, column {column!r}: {shown} is no number") from error
    if not math.isfinite(number):
        raise ConfigurationError(
            f"{row.place}, column {column!r}: {cell} is no result; leave the cell empty for a "
            "trial that diverged"
        )
    return number
