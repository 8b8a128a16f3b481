"""`train --from`: a search's best, trained for longer as a search of its own."""

import json
from statistics import fmean, stdev

import pytest
from digits_search import finished_training
from numbers_shown import shows

from alignsearch.search.store import Store
from alignsearch.search.use_cases.longer_training import longer_training
from alignsearch.spaces.trained import training_of


@pytest.fixture
def training_shell(shell):
    """A shell with a store of its own and a finished search in it, whose best is trial 1."""
    shell.ok("submit", "wm", "--dataset", "rehearsal", "--name", "other", "--trials", "1")
    from alignsearch.search.store.embedded import EmbeddedStore

    uri = EmbeddedStore(shell.folder / ".alignsearch").ensure()
    with Store.connect(uri) as store:
        finished_training(store)
        yield shell, store


def test_the_best_is_trained_for_longer_and_the_same_command_trains_nothing_again(training_shell):
    shell, store = training_shell
    step = shell.ok("best", "trained").splitlines()[-1]
    assert "`alignsearch train --from trained --epochs 100 --seeds 5`" in step
    asked = ("train", "--from", "trained", "--epochs", "2", "--seeds", "2,7")
    said = shell.ok(*asked)
    (found,) = (each for each in store.searches.all() if "longer" in each.name)
    folder = shell.folder / "runs" / found.name
    left = json.loads((folder / "results.json").read_text())
    trials = store.trials.all(found.name)
    losses = [trial.loss for trial in trials]
    assert left["mean"] == pytest.approx(fmean(losses))
    assert left["standard_error"] == pytest.approx(stdev(losses) / 2**0.5)
    assert [run["seed"] for run in left["runs"]] == [2, 7]
    assert [len(run["epochs"]) for run in left["runs"]] == [2, 2]
    assert shows(said, fmean(losses), "validation error ")
    # The trained networks are there, one a seed.
    assert len(list(folder.glob(f"{found.name}@*/*/*/epoch-2"))) == 2
    attempts = [trial.attempts for trial in trials]
    again = shell.ok(*asked)
    assert again.splitlines()[-4:] == said.splitlines()[-4:]
    assert [trial.attempts for trial in store.trials.all(found.name)] == attempts
    assert "list of runs" in shell.refused("best", found.name)
    assert "trained:1" in shell.ok("show", found.name, "0")


@pytest.mark.parametrize("definition", ["stored", None])
def test_a_run_trains_what_its_trial_trained_but_for_epochs_and_seed(store, definition):
    from alignsearch.spaces.definitions import SHIPPED
    from alignsearch.workers.objectives.training import _training_config

    fields = {} if definition else {"definition": None}
    search = finished_training(store, **fields)
    made = longer_training(store, "trained", epochs=7, seeds=(11,), who="ann")
    (run,) = store.trials.all(made.name)
    config = _training_config(made, run, print)
    trial = store.trials.get("trained", 1)
    recipe = search.recipe.model_copy(update={"epochs": 7, "schedule_epochs": 100.0})
    assert config == training_of(SHIPPED["ia"], trial.config, recipe, seed=11)
