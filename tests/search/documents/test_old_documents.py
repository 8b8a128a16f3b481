"""Documents as the store held them before definitions: written out here as they were."""

from datetime import UTC, datetime

import pytest

from alignsearch.search.documents import (
    Epoch,
    Search,
    Trial,
    known_space_of,
    label_of,
    metric_of,
    space_of,
    values_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.reports.best import column_of
from alignsearch.search.reports.trial_table import columns_of, row_of
from alignsearch.spaces.catalog import RUNS, get_space
from alignsearch.spaces.table5 import ROWS

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def stored_search(**fields):
    return {
        "_id": "old",
        "space": "wm",
        "space_hash": get_space("wm").space_hash,
        "recipe": {
            "dataset": "digits",
            "data_dir": None,
            "epochs": 4,
            "width": 8,
            "weights_order": "paper",
            "image_size": None,
            "on_corrupt": "refuse",
            "precision": "float32",
            "strategy": "auto",
            "model": "resnet18",
            "stem": "small",
            "epoch_seconds": 0.1,
            "schedule_epochs": 45.0,
            "batch_divisor": 32,
            "metric": "validation_error",
            "weight_samples": None,
        },
        "trials": 10,
        "parallel": 2,
        "seed": 0,
        "algo": "tpe",
        "startup": 3,
        "pending": "hyperopt",
        "warm_start": None,
        "resources": {"CPU": 1.0},
        "priority": 0,
        "max_attempts": 3,
        "checkpoints": None,
        "keep_checkpoints": 1,
        "lease_seconds": 30.0,
        "stall_seconds": 300.0,
        "pruning": None,
        "status": "running",
        "stop_requested": False,
        "driver": None,
        "created_by": "ann@host",
        "created_at": NOW,
        "updated_at": NOW,
        "versions": {"alignsearch": "0.1.0"},
        "error": None,
        **fields,
    }


CONFIG = {
    "alternating_minimization": True,
    "delay_epochs": 2,
    "train_batch_size": 2048,
    "sgdm_learning_rate": 1.0,
    "alignment_optimizer": "Vanilla GD",
    "alignment_learning_rate": 1.0,
    "sigma": 0.5,
    "alpha_over_beta": 15.25,
    "beta": 0.03125,
    "gamma": None,
    **dict.fromkeys(("fo_bias", "fo_relu", "fo_bwmc", "bi_bwmc"), True),
    **dict.fromkeys(("fo_fwmc", "fo_fwl2n", "bo_bias", "bo_relu", "bo_fwmc", "bo_fwl2n"), False),
    **dict.fromkeys(("bi_fwmc", "bi_fwl2n"), False),
}


def stored_trial(**fields):
    return {
        "_id": "old/3",
        "search": "old",
        "tid": 3,
        "seq": 17,
        "state": "running",
        "config": CONFIG,
        "point": {"sigma": 0.5, "alpha_over_beta": 15.25, "beta": 0.03125},
        "seen": 2,
        "lease": {"owner": "h:1", "attempt": 1, "token": "t", "expires_at": NOW},
        "attempt": 1,
        "attempts": {
            "1": {
                "number": 1,
                "owner": "h:1",
                "token": "t",
                "host": "h",
                "accelerator": "CPU: 1",
                "versions": {"tensorflow": "2.21.0"},
                "slot": 0,
                "resumed": 0,
                "started_at": NOW,
                "ended_at": None,
                "outcome": None,
                "error": None,
            }
        },
        "progress": {"epoch": 2, "epochs": 4, "loss": 1.5, "validation_error": 0.25},
        "epoch_losses": {},
        "prune_reason": None,
        "result": None,
        "best_epoch": None,
        "resources": {"CPU": 1.0},
        "timings": {"queued": NOW, "started": NOW},
        "error": None,
        **fields,
    }


STORED_EPOCH = {
    "_id": "old/3/1/2",
    "trial": "old/3",
    "attempt": 1,
    "epoch": 2,
    "epochs": 4,
    "loss": 1.5,
    "train_accuracy": 0.5,
    "validation_loss": 1.25,
    "validation_accuracy": 0.75,
    "learning_rate": 0.1,
    "alignment_learning_rate": 1.0,
    "alignment_loss": -2.0,
    "layers": [{"name": "c", "angle": 60.0, "norm_ratio": 1.0, "gradient_angle": None}],
    "weight_samples": [],
    "seconds": 3.0,
}


def test_a_search_has_the_space_of_its_name_and_the_metric_of_its_recipe():
    search = Search.from_bson(stored_search())
    assert search.definition is None
    assert space_of(search) is get_space("wm")
    assert metric_of(search).label == "validation error"
    assert (search.training.width, search.epochs) == (8, 4)
    assert label_of(search, "alpha_over_beta") == "α/β"


def test_a_running_trial_shows_its_last_epochs_error():
    search, trial = Search.from_bson(stored_search()), Trial.from_bson(stored_trial())
    assert trial.progress.value == 0.25
    row = row_of(search, trial, columns_of(search, [trial]))
    assert row["validation_error"] == 0.25
    assert (row["epoch"], row["sigma"], row["host"]) == ("2/4", 0.5, "h")


def test_an_epoch_is_read_as_it_was():
    epoch = Epoch.from_bson(STORED_EPOCH)
    assert (epoch.epoch, epoch.epochs, epoch.metrics) == (2, 4, {})
    assert epoch.layers[0].angle == 60.0
    assert epoch.layers[0].sign_agreement is None


def test_a_trial_is_a_column_of_table_5():
    done = stored_trial(state="completed", result={"status": "ok", "loss": 0.25, "metrics": {}})
    column = column_of(Search.from_bson(stored_search()), Trial.from_bson(done), title="old 3")
    assert [row.name for row in column.rows] == [row.name for row in ROWS]
    cells = {row.field: column.cell(row) for row in column.rows}
    assert (cells["sigma"], cells["train_batch_size"], cells["gamma"]) == ("0.5000", "2048", "N/A")
    assert column.note.startswith("trial 3, validation error 0.2500; resnet18 of width 8 on digits")


def test_an_experiments_list_of_runs_is_read():
    search = Search.from_bson(stored_search(space="runs", space_hash=RUNS.space_hash))
    trial = Trial.from_bson(stored_trial(config={"rule": "bp", "seed": 1}, point={}))
    assert space_of(search) is RUNS
    assert values_of(search, trial) == {"rule": "bp", "seed": 1}
    assert columns_of(search, [trial]).names[-2:] == ["rule", "seed"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"space": "gone"}, "over a space 'gone' that this program doesn't know"),
        ({"space_hash": "0" * 64}, "over another version of space 'wm'"),
    ],
)
def test_a_space_that_nobody_knows_hides_no_stored_value(fields, why):
    search, trial = Search.from_bson(stored_search(**fields)), Trial.from_bson(stored_trial())
    assert known_space_of(search) is None
    with pytest.raises(StateConflictError, match=why):
        space_of(search)
    columns = columns_of(search, [trial])
    assert list(columns.dimensions) == ["sigma", "alpha_over_beta", "beta"]
    assert row_of(search, trial, columns)["beta"] == 0.03125
    column = column_of(search, trial, title="old 3")
    assert [(row.name, column.cell(row)) for row in column.rows][2] == ("β", "0.0312")
