"""Searches that are lists of runs: driven to their end, gone on with, read as outcomes."""

import threading

import pytest

from alignsearch.experiments.runs import name_of, outcomes, submit
from alignsearch.search.documents import Recipe, Result, Search, Trial
from alignsearch.search.documents.errors import NameTakenError, StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run
from alignsearch.workers.attempt_runner import Finished


@pytest.fixture
def search():
    return Search(
        name="noise-0",
        space=RUNS.name,
        space_hash=RUNS.space_hash,
        recipe=Recipe(dataset="digits", width=4, stem="small", epochs=1),
        trials=1,
        parallel=2,
        seed=0,
        startup=0,
        created_by="a test",
    )


def runs(count=4, **fields):
    return [Run(rule="sa", width=4, epochs=1, seed=seed, **fields) for seed in range(count)]


def trained(search, trial, link):
    """Every seed its own accuracy; seed 3 diverges."""
    seed = Run.of(trial.config).seed
    metrics = {"chance_error": 0.9}
    if seed == 3:
        return Finished(Result(status="fail", metrics=metrics, reason="the loss became nan"))
    return Finished(Result(status="ok", loss=0.1 * seed, metrics=metrics))


def test_every_run_is_trained_once_and_none_is_suggested(store, search, make_driver):
    submit(store, search, runs())
    driver = make_driver("noise-0", objective=trained)
    assert driver.run(threading.Event()) is Outcome.FINISHED
    found = outcomes(store, "noise-0")
    assert [each.run for each in found] == runs()
    assert [each.accuracy for each in found] == [pytest.approx(1 - 0.1 * s) for s in range(3)] + [
        None
    ]
    assert [each.diverged for each in found] == [False, False, False, True]
    assert [each.chance for each in found] == pytest.approx([0.1] * 4)
    assert {event.what for event in store.logs.events("noise-0")} == {
        "created",
        "running",
        "completed",
    }
    assert [trial.attempt for trial in store.trials.all("noise-0")] == [1] * 4


def test_the_same_runs_are_the_same_search(store, search, make_driver):
    first = submit(store, search, runs())
    assert submit(store, search, runs()).created_at == first.created_at
    make_driver("noise-0", objective=trained).run(threading.Event())
    assert submit(store, search, runs()).status is SearchStatus.COMPLETED
    assert {trial.state for trial in store.trials.all("noise-0")} == {TrialState.COMPLETED}


def test_a_submission_that_was_broken_off_is_gone_on_with(store, search):
    """The trials come first: a search that a driver can see has all of its runs."""
    store.trials.add_many(
        [
            Trial(id=f"noise-0/{tid}", search="noise-0", tid=tid, config=run.values())
            for tid, run in enumerate(runs())
        ]
    )
    assert (store.searches.all(), len(store.trials.all("noise-0"))) == ([], 4)
    assert submit(store, search, runs()).trials == 4
    assert len(store.trials.all("noise-0")) == 4


def test_a_name_belongs_to_its_runs(store, search):
    submit(store, search, runs())
    with pytest.raises(NameTakenError, match="belongs to a search with other runs"):
        submit(store, search, runs(update_noise_variance=0.1))
    with pytest.raises(NameTakenError):
        submit(store, search, runs(count=2))


def test_the_name_tells_what_is_run(search):
    name = name_of("noise", search, runs())
    assert name == name_of("noise", search, runs())
    assert name != name_of("noise", search, runs(update_noise_variance=0.1))
    assert name.startswith("noise-")


def test_an_experiment_of_an_older_version_keeps_its_name(search):
    """The hash is of a store that was written before `update_noise_variance` was in recipes."""
    assert name_of("noise", search, runs()) == "noise-d3208dfb"
    noisy = search.training.model_copy(update={"update_noise_variance": 0.1})
    other = search.model_copy(update={"recipe": noisy})
    assert name_of("noise", other, runs()) != "noise-d3208dfb"


def test_a_search_that_is_not_over_or_was_ended_has_no_outcomes(store, search):
    submit(store, search, runs())
    with pytest.raises(StateConflictError, match="is queued; run the command again"):
        outcomes(store, "noise-0")
    store.searches.change("noise-0", SearchStatus.CANCELLED, "a test")
    with pytest.raises(StateConflictError, match="is cancelled; remove it by `alignsearch delete"):
        outcomes(store, "noise-0")
