"""The best trial of a search, as a list of longer trainings."""

import pytest
from digits_search import finished_training

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.use_cases.longer_training import longer_training
from alignsearch.search.use_cases.next_steps import next_step
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run


def test_the_best_is_listed_once_for_each_seed(store):
    origin = finished_training(store)
    seeds, folder = (3, 8), "/runs/{}".format
    made = longer_training(store, "trained", epochs=30, seeds=seeds, who="ann", folder=folder)
    assert (made.space, made.trials, made.parallel) == (RUNS.name, 2, 2)
    assert made.name.startswith("trained-1-longer-")
    assert made.checkpoints == f"/runs/{made.name}"
    assert (made.recipe.epochs, made.recipe.schedule_epochs) == (30, 100.0)
    assert made.recipe.model_copy(update={"epochs": 2, "schedule_epochs": 45.0}) == origin.recipe
    best = store.trials.get("trained", 1)
    for trial, seed in zip(store.trials.all(made.name), (3, 8), strict=True):
        assert trial.state is TrialState.QUEUED
        assert trial.point == best.point
        assert trial.config["seed"] == seed
        assert trial.config["label"] == "trained:1"
        assert {key: trial.config[key] for key in best.config} == best.config
    assert "trial 1 of trained, trained for 30 epochs" in made.note


def test_the_same_again_is_the_same_search(store):
    finished_training(store)
    one, same = (longer_training(store, "trained", who="ann") for _ in range(2))
    assert one == same
    assert (one.recipe.epochs, one.trials) == (100, 5)
    other = longer_training(store, "trained", 0, who="ann")
    assert other.name != one.name
    assert len(store.searches.all()) == 3


def test_what_a_killed_submission_left_is_used(store):
    finished_training(store)
    made = longer_training(store, "trained", who="ann")
    store._db.delete("searches", {"_id": made.name})
    again = longer_training(store, "trained", who="ann")
    assert again.name == made.name
    assert len(store.trials.all(made.name)) == 5


def test_a_schedule_of_ones_own_keeps_its_proportion(store):
    finished_training(store, recipe={"epochs": 10, "schedule_epochs": 20.0})
    made = longer_training(store, "trained", epochs=30, who="ann")
    assert made.recipe.schedule_epochs == 60.0


def test_a_search_of_an_older_version_is_trained_as_a_run(store):
    finished_training(store, definition=None)
    made = longer_training(store, "trained", epochs=30, seeds=(0,), who="ann")
    assert made.definition is None
    run = Run.of(store.trials.all(made.name)[0].config)
    assert (run.rule, run.seed, run.epochs, run.name) == ("ia", 0, 30, "trained:1")
    assert run.searched.model_dump() == store.trials.get("trained", 1).config


def test_what_cannot_be_trained_is_refused(store, make_search):
    make_search("rehearsed")
    finished_training(store)
    for name, tid, error, words in (
        ("rehearsed", None, ConfigurationError, "trains no network"),
        ("none", None, UnknownNameError, "'none'"),
        ("trained", 9, UnknownNameError, "'9'"),
    ):
        with pytest.raises(error, match=words):
            longer_training(store, name, tid, who="ann")
    for epochs, seeds, words in ((0, (0,), "epochs"), (1, (), "seeds")):
        with pytest.raises(ConfigurationError, match=words):
            longer_training(store, "trained", epochs=epochs, seeds=seeds, who="ann")
    longer = longer_training(store, "trained", who="ann")
    with pytest.raises(ConfigurationError, match="is a list of runs"):
        longer_training(store, longer.name, 0, who="ann")
    assert len(store.searches.all()) == 3


def test_the_next_step_is_a_training_where_something_is_trained(store, make_search):
    assert next_step(make_search("rehearsed")) is None
    trained = finished_training(store)
    assert next_step(trained) == "alignsearch train --from trained --epochs 100 --seeds 5"
    assert next_step(longer_training(store, "trained", who="ann")) is None


def test_a_session_defined_training_is_not_found_again(store):
    trained = finished_training(store)
    source = trained.definition.source.model_copy(update={"kind": "session"})
    session = trained.definition.model_copy(update={"source": source})
    store._db.update("searches", {"_id": "trained"}, {"$set": {"definition": session.to_bson()}})
    with pytest.raises(StateConflictError, match="Python session"):
        longer_training(store, "trained", who="ann")
