"""Columns of a table of trials: their names, and values where dimensions are inactive."""

import pytest
from hyperopt import hp
from nested_search import LABELS, SPACE, a_search, definition

from alignsearch.search.documents import Progress, Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.best import column_of
from alignsearch.search.reports.export import export, read_csv
from alignsearch.search.reports.trial_table import columns_of, row_of, value_of
from alignsearch.spaces.hyperopt_space import from_hyperopt

MACHINE = {"model": 0, "svm.C": 0.25, "kernel": 1, "gamma": 2.5, "scale %": -1.0}
FOREST = {"model": 1, "trees": 40.0, "depth": 1, "$deepest": 3, "scale %": 0.5}


def a_trial(tid, point, **fields):
    config = SPACE.resolve(point)
    return Trial(id=f"nested/{tid}", search="nested", tid=tid, point=point, config=config, **fields)


def test_a_dimension_that_is_inactive_has_no_value():
    search = a_search()
    done = a_trial(0, MACHINE, state=TrialState.COMPLETED, result=Result(status="ok", loss=-0.75))
    running = a_trial(1, FOREST, state=TrialState.RUNNING, progress=Progress(epoch=0, value=0.5))
    columns = columns_of(search, [done, running])
    assert columns.names[2] == "accuracy"
    assert list(columns.dimensions) == LABELS
    assert columns.renamed == {}
    first, second = (row_of(search, trial, columns) for trial in (done, running))
    assert (first["accuracy"], second["accuracy"], second["epoch"]) == (0.75, 0.5, "0")
    assert {label for label in LABELS if label in first} == set(MACHINE)
    assert {label for label in LABELS if label in second} == set(FOREST)
    assert (first["kernel"], first["svm.C"]) == (SPACE.values(MACHINE)["kernel"], 0.25)
    assert (second["trees"], type(second["trees"])) == (40, int)


@pytest.mark.parametrize(
    ("kind", "epoch", "state", "shown"),
    [
        # Its only loss is its result.
        ("program", 1, TrialState.COMPLETED, None),
        ("program", 3, TrialState.COMPLETED, "3"),
        ("program", 1, TrialState.RUNNING, "1"),
        ("function", 1, TrialState.COMPLETED, "1"),
    ],
)
def test_a_program_that_tells_one_loss_has_no_epoch(kind, epoch, state, shown):
    search = a_search()
    objective = search.definition.objective.model_copy(update={"kind": kind})
    own = search.definition.model_copy(update={"objective": objective})
    search = search.model_copy(update={"definition": own})
    result = Result(status="ok", loss=0.5) if state is TrialState.COMPLETED else None
    progress = Progress(epoch=epoch, value=0.5)
    trial = a_trial(0, MACHINE, state=state, result=result, progress=progress)
    assert row_of(search, trial, columns_of(search, [trial]))["epoch"] == shown


def test_a_trial_without_a_result_has_no_metric():
    assert value_of(a_search(), a_trial(0, MACHINE)) is None
    failed = a_trial(0, MACHINE, result=Result(status="fail", reason="NaN"))
    assert value_of(a_search(), failed) is None


@pytest.mark.parametrize(
    ("metric", "column"), [("loss", "loss"), ("seconds", "metric.seconds"), ("tid", "metric.tid")]
)
def test_columns_of_one_name_are_told_apart(metric, column):
    labels = ["loss", "state", "seconds", "dimension.state", "tid", "own"]
    space = from_hyperopt({label: hp.uniform(label, 0, 1) for label in labels}, name="clash")
    search = a_search(space=space, definition=definition(space, metric=metric))
    columns = columns_of(search, [])
    assert columns.fixed[2] == column
    assert len(set(columns.names)) == len(columns.names)
    assert columns.dimensions["own"] == "own"
    assert columns.dimensions["loss"] == ("dimension.loss" if metric == "loss" else "loss")
    assert columns.dimensions["state"].endswith(".state")
    trial = Trial(id="nested/0", search="nested", tid=0, point=dict.fromkeys(labels, 0.5))
    row = row_of(search, trial, columns)
    assert [row[name] for name in columns.dimensions.values()] == [0.5] * len(labels)
    assert (row["tid"], row["state"]) == (0, "queued")


def test_a_column_has_a_row_a_dimension_and_the_definitions_names():
    search = a_search(definition=definition(labels={"trees": "number of trees", "depth": "trees"}))
    columns = [
        column_of(search, a_trial(tid, point), title=title)
        for tid, point, title in ((0, MACHINE, "machine"), (1, FOREST, "forest"))
    ]
    names = [row.name for row in columns[0].rows]
    assert names == [{"trees": "number of trees", "depth": "trees"}.get(x, x) for x in LABELS]
    read = read_csv(export(columns, "csv"))
    assert read["machine"] == SPACE.values(MACHINE)
    assert read["forest"]["number of trees"] == 40
    assert "gamma" not in read["forest"]


def test_a_column_shows_what_was_fixed_too():
    space = SPACE.narrowed({"depth": SPACE.values(FOREST)["depth"], "scale %": "0.5"}, {})
    search = a_search(space=space, definition=definition(space))
    cells = []
    for point in (MACHINE, FOREST):
        left = {label: value for label, value in point.items() if label in space.sampled_names}
        config = space.resolve(left)
        trial = Trial(id="nested/0", search="nested", tid=0, point=left, config=config)
        column = column_of(search, trial, title="t")
        cells.append({row.name: column.cell(row) for row in column.rows})
    assert [each["scale %"] for each in cells] == ["0.5", "0.5"]
    # It is a dimension of the forests alone, fixed or not.
    assert [each["depth"] for each in cells] == ["–", SPACE.values(FOREST)["depth"]]
    whole = SPACE.narrowed({"model": SPACE.values(FOREST)["model"]}, {})
    assert whole.settled_values({}) == {"model": SPACE.values(FOREST)["model"]}


def test_two_dimensions_of_one_name_keep_their_labels():
    search = a_search(definition=definition(labels={"trees": "size", "depth": "size"}))
    names = [row.name for row in column_of(search, a_trial(0, FOREST), title="t").rows]
    assert {"size (trees)", "size (depth)"} <= set(names)


def test_a_definitions_own_table_has_its_rows_alone():
    rows = ({"name": "C", "field": "svm.C"}, {"name": "Model", "field": "model"})
    search = a_search(definition=definition(table=rows, note="Ours."))
    column = column_of(search, a_trial(0, MACHINE), title="mine")
    cells = [(row.name, column.cell(row)) for row in column.rows]
    assert cells[0] == ("C", "0.2500")
    assert [name for name, _ in cells] == ["C", "Model"]
    assert column.note.endswith("mine.py:search. Ours.")
