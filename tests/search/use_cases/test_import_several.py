"""Results of several metrics from elsewhere: Optuna's study of two objectives, and its refusals."""

import optuna
import pytest
import several_metrics as several

from alignment_core.errors import ConfigurationError
from alignsearch.search.reports.best import front_of_search
from alignsearch.search.use_cases.importing import import_file


def a_study(file, directions, trials=8):
    study = optuna.create_study(
        storage=f"sqlite:///{file}", study_name="two", directions=directions
    )
    for tid in range(trials):
        trial = study.ask()
        for label, value in several.point(tid).items():
            trial.suggest_float(label, value, value)
        study.tell(trial, several.measured(tid))


def test_a_study_of_two_objectives_is_imported_with_its_front(store, tmp_path):
    several.seed_several(store, "own", trials=0)
    file = tmp_path / "study.db"
    a_study(file, ["maximize", "minimize"])
    assert len(import_file(store, "own", file, "optuna", "ann").points) == 8
    search, front = front_of_search(store, "own")
    assert {trial.tid for trial in front} == several.front(8)
    broken = {trial.tid for trial in store.trials.all("own") if trial.violation}
    assert broken == {tid for tid in range(8) if several.measured(tid)[1] > 80}
    assert search.constraints == (several.LIMIT,)


def test_a_study_with_another_direction_is_refused(store, tmp_path):
    several.seed_several(store, "own", trials=0)
    a_study(tmp_path / "study.db", ["maximize", "maximize"])
    with pytest.raises(ConfigurationError, match="was maximized, and this search's step ms is mi"):
        import_file(store, "own", tmp_path / "study.db", "optuna", "ann")
