"""Results of a study of Optuna's, read from the file of its RDBStorage."""

import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import optuna
import pytest
from nested_search import SPACE, a_search

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.use_cases.importing import import_file


def a_study(file, name="mirror", direction="minimize", trials=6):
    study = optuna.create_study(
        storage=f"sqlite:///{file}", study_name=name, direction=direction, load_if_exists=True
    )
    for number in range(trials):
        trial = study.ask()
        values = {
            "model": trial.suggest_categorical("model", ["machine", "forest"]),
            "scale %": trial.suggest_float("scale %", -2.0, 2.0),
        }
        if values["model"] == "forest":
            trial.suggest_int("trees", 10, 100, step=10)
            trial.suggest_categorical("depth", [None])
        else:
            trial.suggest_float("svm.C", 0.01, 100.0, log=True)
            trial.suggest_categorical("kernel", ["linear"])
        if number == 1:
            trial.report(0.75, 3)
            trial.report(0.5, 7)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif number == 2:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif number == 3:
            study.tell(trial, math.inf)
        elif number != 4:
            study.tell(trial, values["scale %"])
    return study


def test_a_study_of_optunas_is_imported_without_optuna(store, tmp_path):
    study = a_study(tmp_path / "study.db", direction="maximize")
    store.searches.create(a_search())
    done = import_file(store, "nested", tmp_path / "study.db", "optuna", "ann")
    found = store.trials.all("nested")
    chosen = [trial for trial in study.trials if trial.number in (0, 1, 3, 5)]
    assert [SPACE.values(trial.point) for trial in found] == [trial.params for trial in chosen]
    assert [trial.loss for trial in found] == [
        -chosen[0].value,
        -0.5,
        None,
        -chosen[3].value,
    ]
    assert [trial.state for trial in found] == [
        TrialState.COMPLETED,
        TrialState.PRUNED,
        TrialState.COMPLETED,
        TrialState.COMPLETED,
    ]
    assert found[0].origin.note == "trial 0 of Optuna's study mirror"
    took = chosen[0].datetime_complete - chosen[0].datetime_start
    stored = found[0].timings["finished"] - found[0].timings["started"]
    assert abs((stored - took).total_seconds()) < 0.01
    assert abs((found[0].timings["finished"] - datetime.now(UTC)).total_seconds()) < 600
    assert set(done.left_out) == {"1 without a result (fail)", "1 without a result (running)"}
    assert import_file(store, "nested", tmp_path / "study.db", "optuna", "ann").points == []


def test_what_is_no_study_of_one_objective_is_refused(store, tmp_path):
    store.searches.create(a_search())
    file = tmp_path / "study.db"

    def refused(kind, said, study=None, name="study.db"):
        with pytest.raises(kind, match=said):
            import_file(store, "nested", tmp_path / name, "optuna", "ann", study)

    (tmp_path / "text").write_text("no database")
    refused(ConfigurationError, "it is no SQLite file; optuna.copy_study writes one", name="text")
    refused(ConfigurationError, "isn't there", name="absent")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE studies (a TEXT)")
    refused(ConfigurationError, "no file of Optuna's RDBStorage: no such column", name="other.db")
    a_study(file)
    refused(ConfigurationError, "mirror was minimized, and this search's accuracy is maximized")
    a_study(file, "two", "maximize")
    refused(ConfigurationError, "has 2 studies: choose one by --study: mirror, two")
    refused(UnknownNameError, "'tow'; did you mean two", study="tow")
    assert store.points.all("nested") == []
    optuna.create_study(
        storage=f"sqlite:///{file}", study_name="both", directions=["maximize", "minimize"]
    )
    refused(ConfigurationError, "has 2 objectives, and this search 1", study="both")
    assert len(import_file(store, "nested", file, "optuna", "ann", "two").points) == 4


BROKEN = {
    "a distribution cut short": "UPDATE trial_params SET distribution_json = '{'",
    "a distribution that is a list": "UPDATE trial_params SET distribution_json = '[]'",
    "no distribution": "UPDATE trial_params SET distribution_json = NULL",
    "an option that isn't there": "UPDATE trial_params SET param_value = 7",
    "an option before the first": "UPDATE trial_params SET param_value = -1",
    "an infinite option": "UPDATE trial_params SET param_value = 9e999",
    "a parameter without a name": "UPDATE trial_params SET param_name = NULL",
    "a value in words": "UPDATE trial_values SET value = 'good'",
    "a time in words": "UPDATE trials SET datetime_start = 'soon'",
    "no values": "DROP TABLE trial_values",
}


def test_a_file_that_was_changed_is_refused_in_words(store, tmp_path):
    a_study(tmp_path / "study.db", direction="maximize")
    whole = (tmp_path / "study.db").read_bytes()
    store.searches.create(a_search())
    for damage, query in BROKEN.items():
        (tmp_path / "study.db").write_bytes(whole)
        with closing(sqlite3.connect(tmp_path / "study.db")) as database:
            database.execute(query)
            database.commit()
        with pytest.raises(ConfigurationError, match="no file of Optuna's RDBStorage: ") as refused:
            import_file(store, "nested", tmp_path / "study.db", "optuna", "ann")
        assert "\n" not in str(refused.value), damage
    assert store.points.all("nested") == []
