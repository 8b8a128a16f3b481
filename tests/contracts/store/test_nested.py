"""The store's contract for searches over nested spaces, whose labels and keys are any text."""

import uuid

import pytest
from nested_search import SPACE, a_search

from alignsearch.search.documents import Epoch, Result, Trial, metric_of, space_of
from alignsearch.search.documents.states import TrialState

CONFIG = {"model": {"kind": "machine", "$C": [1.5, None, {"a.b": True}]}, "": "x", "100%": 2**40}
POINT = {"svm.C": 1.5, "model": 0, "kernel": 0, "scale %": -0.25}
METRICS = {"accuracy": 0.75, "top.5": 1.0, "$time": 0.5}


@pytest.fixture
def search(store):
    return store.searches.create(a_search(f"nested-{uuid.uuid4().hex[:12]}"))


@pytest.fixture
def trial(store, search):
    return store.trials.add(
        Trial(
            id=f"{search.name}/0",
            search=search.name,
            tid=0,
            config=CONFIG,
            point=POINT,
            resources={"CPU": 1.0},
        )
    )


@pytest.fixture
def held(trial, begin):
    return trial.id, 1, begin(trial).lease.token


def reported(trial, step, accuracy=0.75):
    metrics = {**METRICS, "accuracy": accuracy}
    return Epoch(trial=trial.id, attempt=1, epoch=step, metrics=metrics, seconds=0.5)


def test_a_search_comes_back_with_its_space(store, search):
    stored = store.searches.get(search.name)
    assert stored == search
    assert space_of(stored) == SPACE
    assert space_of(stored).space_hash == SPACE.space_hash
    assert stored.recipe is None
    assert search in store.searches.active()
    assert [each for each in store.searches.all() if each.name == search.name] == [search]


def test_a_trial_comes_back_with_every_key_and_type(store, search, trial):
    for found in (
        store.trials.get(trial.id),
        store.trials.all(search.name)[0],
        store.trials.by_id([trial.id])[0],
        store.trials.changes(search.name, 0)[0],
    ):
        assert repr(found.config) == repr(CONFIG)
        assert repr(found.point) == repr(POINT)


def test_steps_from_0_are_recorded_with_their_metrics(store, search, trial, held):
    metric = metric_of(search)
    for step, accuracy in ((0, 0.5), (100, 0.75)):
        epoch = reported(trial, step, accuracy)
        store.attempts.record_epoch(*held, epoch, for_pruner=True, metric=metric)
        # Sent twice, as after an answer that was lost.
        store.attempts.record_epoch(*held, epoch, for_pruner=True, metric=metric)
    assert store.logs.epochs(trial.id) == [reported(trial, 0, 0.5), reported(trial, 100, 0.75)]
    running = store.trials.get(trial.id)
    assert (running.progress.epoch, running.progress.epochs, running.progress.value) == (
        100,
        None,
        0.75,
    )
    assert running.epoch_losses == {"0": -0.5, "100": -0.75}


@pytest.mark.parametrize("lost", [{"$set": {"progress": None}}, {"$unset": {"progress": ""}}])
def test_a_step_0_that_a_killed_server_has_lost_is_recorded_again(store, trial, held, lost):
    """Null or absent: a projection of a part shows both as nothing."""
    epoch = reported(trial, 0)
    store.attempts.record_epoch(*held, epoch)
    # The epoch's insert was journaled, and the progress before it was not.
    store._db.update("trials", {"_id": trial.id}, lost)
    store.attempts.record_epoch(*held, epoch)
    assert store.trials.get(trial.id).progress.epoch == 0
    assert store.logs.epochs(trial.id) == [epoch]


def test_epochs_of_a_checkpoint_are_taken_over(store, search, trial, held):
    epochs = [reported(trial, step) for step in (0, 10)]
    resumed = store.attempts.resume(*held, epochs, metric_of(search))
    assert resumed.attempts["1"].resumed == 2
    assert store.logs.epochs(trial.id) == epochs


def test_the_lowest_loss_is_the_highest_metric(store, search, begin):
    for tid, accuracy in enumerate((0.5, 0.9, 0.7)):
        added = store.trials.add(
            Trial(id=f"{search.name}/{tid}", search=search.name, tid=tid, point={"model": 1})
        )
        token = begin(added).lease.token
        result = Result(status="ok", loss=-accuracy, metrics={**METRICS})
        ended = store.attempts.finish(added.id, 1, token, result)
        assert ended.result.metrics == METRICS
    assert [trial.tid for trial in store.trials.best(search.name, 3)] == [1, 2, 0]
    assert store.totals.best(search.name).tid == 1
    store.totals.update(search.name)
    assert store.totals.standing(search.name).best.result == Result(
        status="ok", loss=-0.9, metrics=METRICS
    )
    assert store.totals.counts(search.name)[TrialState.COMPLETED] == 3


def test_a_pruned_trial_keeps_what_it_reported(store, trial, held):
    store.attempts.record_epoch(*held, reported(trial, 0), for_pruner=True)
    assert store.attempts.request_prune(*held, "too slow")
    result = Result(status="ok", loss=-0.75, metrics=METRICS, reason="too slow")
    assert store.attempts.prune(*held, result).result == result
    assert store.trials.get(trial.id).result == result
