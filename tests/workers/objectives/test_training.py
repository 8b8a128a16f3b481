"""An attempt that trains for real, without a cluster around it."""

import subprocess
import threading
from contextlib import suppress

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.training.disturbances import DISTURBANCES
from alignsearch.experiments.runs import submit
from alignsearch.search.documents import Recipe, Search, Trial, WeightSampling
from alignsearch.search.documents.states import TrialState
from alignsearch.search.use_cases.defined import objective_of, stored_definition
from alignsearch.spaces.catalog import RUNS, get_space
from alignsearch.spaces.definitions import find_definition
from alignsearch.spaces.feedback import FEEDBACK_SPACES
from alignsearch.spaces.runs import Run
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.workers.attempt_runner import Outcome, Worker, run_attempt
from alignsearch.workers.objectives import Link
from alignsearch.workers.objectives.rehearsal import rehearse
from alignsearch.workers.objectives.training import train

pytestmark = pytest.mark.usefixtures("small_resnet")

WORKER = Worker(owner="a test", host="here", accelerator="CPU")


@pytest.fixture
def make_trial(store):
    """A queued trial of the paper's own IA column on digits, with some values changed."""

    def make(data_dir=None, dataset="digits", recipe=None, checkpoints=None, **values):
        search = store.searches.create(
            Search(
                name="a-search",
                space="ia",
                space_hash=get_space("ia").space_hash,
                recipe=Recipe(
                    dataset=dataset,
                    data_dir=data_dir,
                    width=2,
                    stem="small",
                    epochs=2,
                    schedule_epochs=2.0,
                    batch_divisor=32,
                    **(recipe or {}),
                ),
                trials=1,
                parallel=1,
                seed=0,
                startup=0,
                checkpoints=checkpoints,
                created_by="a test",
            )
        )
        configuration = PUBLISHED["ia"].model_dump() | {"train_batch_size": 4096} | values
        return store.trials.add(
            Trial(id="a-search/0", search=search.name, tid=0, config=configuration)
        )

    return make


def attempt(store, trial, interrupt=None, objective=train):
    search = store.searches.get(trial.search)
    interrupt = interrupt or threading.Event()
    return run_attempt(store, search, trial, objective, WORKER, interrupt).outcome


def test_a_trial_whose_first_epoch_is_all_delay_is_recorded(store, make_trial):
    trial = make_trial(delay_epochs=1)
    assert attempt(store, trial) == Outcome.COMPLETED
    first, second = store.logs.epochs(trial.id)
    assert (first.loss, first.learning_rate) == (None, 0.0)
    assert first.alignment_learning_rate == pytest.approx(trial.config["alignment_learning_rate"])
    assert second.loss is not None
    assert second.learning_rate > 0


def test_a_diverging_trial_completes_with_its_reason(store, make_trial):
    trial = make_trial(delay_epochs=0, sgdm_learning_rate=1e30)
    attempt(store, trial)
    ended = store.trials.get(trial.id)
    assert ended.state == TrialState.COMPLETED
    assert (ended.result.status, ended.result.loss) == ("fail", None)
    assert "epoch 1" in ended.result.reason


def test_images_that_are_missing_on_the_worker_fail_the_trial_at_once(store, make_trial, tmp_path):
    trial = make_trial(dataset="fashion_mnist", data_dir=str(tmp_path))
    assert attempt(store, trial) == Outcome.CRASHED
    ended = store.trials.get(trial.id)
    assert (ended.state, ended.attempt) == (TrialState.FAILED, 1)
    assert str(tmp_path) in ended.error
    assert "Traceback" not in ended.error


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"image_size": 32}, "can be chosen for imagenet only"),
        ({"precision": "half"}, "no precision is named 'half'"),
        ({"strategy": "tpu"}, "needs a TPU that is attached to this host"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_recipe_that_this_host_cannot_follow_fails_the_trial_at_once(
    store, make_trial, recipe, said
):
    trial = make_trial(recipe=recipe)
    assert attempt(store, trial) == Outcome.CRASHED
    ended = store.trials.get(trial.id)
    assert (ended.state, ended.attempt) == (TrialState.FAILED, 1)
    assert said in ended.error


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of so few bytes that no state fits."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_disk_that_is_full_costs_the_state_and_not_the_trial(store, make_trial, small_disk):
    trial = make_trial(checkpoints=str(small_disk))
    assert attempt(store, trial) == Outcome.COMPLETED
    ended = store.trials.get(trial.id)
    assert (ended.result.status, ended.attempt) == ("ok", 1)
    assert [epoch.epoch for epoch in store.logs.epochs(trial.id)] == [1, 2]
    (warned,) = [
        event.detail for event in store.logs.events(trial.search) if "warned" in event.what
    ]
    assert "training goes on without a checkpoint" in warned
    assert "No space left on device" in warned
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_a_rehearsal_goes_on_without_a_state_too(store, make_trial, small_disk):
    with suppress(OSError), (small_disk / "full").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    trial = make_trial(dataset="rehearsal", checkpoints=str(small_disk))
    assert attempt(store, trial, objective=rehearse) == Outcome.COMPLETED
    (warned,) = [
        event.detail for event in store.logs.events(trial.search) if "warned" in event.what
    ]
    assert "No space left on device" in warned


def test_an_interrupt_hands_a_training_back(store, make_trial):
    trial = make_trial()
    interrupt = threading.Event()
    interrupt.set()
    assert attempt(store, trial, interrupt) == Outcome.HANDED_BACK
    assert store.trials.get(trial.id).state == TrialState.QUEUED


def test_robustness_is_measured_for_a_search_that_asks_for_it(store, make_trial):
    trial = make_trial(delay_epochs=0, recipe={"robustness": True})
    assert attempt(store, trial) == Outcome.COMPLETED
    ended = store.trials.get(trial.id)
    names = {each.name for each in DISTURBANCES} | {"seconds_robustness"}
    assert names <= ended.result.metrics.keys()
    assert all(0 <= ended.result.metrics[each.name] <= 1 for each in DISTURBANCES)
    # The loss is that of the network itself.
    *_, last = store.logs.epochs(trial.id)
    assert ended.result.loss == pytest.approx(1 - last.validation_accuracy)


def test_robustness_is_not_measured_unasked(store, make_trial):
    trial = make_trial(delay_epochs=0)
    assert attempt(store, trial) == Outcome.COMPLETED
    metrics = store.trials.get(trial.id).result.metrics
    assert not any("noise" in name or "fgsm" in name for name in metrics)


def test_a_trial_that_is_stopped_while_it_is_measured_goes_on_from_its_last_epoch(
    store, make_trial, tmp_path
):
    trial = make_trial(delay_epochs=0, recipe={"robustness": True})
    search = store.searches.get(trial.search)
    epochs = []

    def made(number, should_stop, resume_from=()):
        folder = str(tmp_path / number)
        on_epoch = epochs.append
        ignored = lambda _: None  # noqa: E731
        return train(
            search, trial, Link(on_epoch, ignored, ignored, should_stop, folder, resume_from)
        )

    first = made("1", lambda: len(epochs) == search.epochs)
    assert first.result is None
    second = made("2", lambda: False, [str(tmp_path / "1")])
    assert [each.epoch for each in epochs] == [1, 2]
    assert {each.name for each in DISTURBANCES} <= second.result.metrics.keys()


def test_a_rehearsal_makes_robustness_up(store, make_trial):
    trial = make_trial(dataset="rehearsal", recipe={"robustness": True, "epoch_seconds": 0})
    assert attempt(store, trial, objective=rehearse) == Outcome.COMPLETED
    result = store.trials.get(trial.id).result
    assert all(result.loss <= result.metrics[each.name] <= 0.9 for each in DISTURBANCES)


def test_a_state_of_another_version_is_done_without_and_that_is_said(store, make_trial, tmp_path):
    trial = make_trial(delay_epochs=1)
    search = store.searches.get(trial.search)

    def trained(folder, resume_from=()):
        epochs, said = [], []
        link = Link(
            on_epoch=epochs.append,
            on_resume=epochs.extend,
            on_warning=said.append,
            should_stop=lambda: False,
            checkpoints=str(tmp_path / folder),
            resume_from=resume_from,
        )
        return train(search, trial, link).result.loss, [epoch.epoch for epoch in epochs], said

    loss, epochs, said = trained("1")
    assert (epochs, said) == ([1, 2], [])
    for epoch in epochs:
        other = tf.train.Checkpoint(value=tf.Variable(0.0))
        other.write(str(tmp_path / "1" / f"epoch-{epoch}" / "state"))
    again, epochs, (said,) = trained("2", [str(tmp_path / "1")])
    assert (again, epochs) == (loss, [1, 2])
    assert said.startswith("training from the start: ")
    assert "from another version of alignsearch" in said


@pytest.fixture
def make_run(store):
    """A queued trial that is a run of a small dense network on digits."""

    def make(layers, rule="sa"):
        search = Search(
            name="symmetry-0",
            space=RUNS.name,
            space_hash=RUNS.space_hash,
            recipe=Recipe(
                dataset="digits",
                width=8,
                stem="small",
                epochs=2,
                weight_samples=WeightSampling(layers=layers, epochs=(2,), pairs=50),
            ),
            trials=1,
            parallel=1,
            seed=0,
            startup=0,
            created_by="a test",
        )
        submit(store, search, [Run(rule=rule, seed=5, model="dense", width=8, epochs=2)])
        return store.trials.get("symmetry-0/0")

    return make


def test_a_run_leaves_pairs_of_weights_of_the_chosen_layer_and_epoch(store, make_run):
    trial = make_run(("dense2",))
    assert attempt(store, trial) == Outcome.COMPLETED
    first, second = store.logs.epochs(trial.id)
    assert first.weight_samples == ()
    (sample,) = second.weight_samples
    assert (sample.layer, len(sample.forward), len(sample.backward)) == ("dense2", 50, 50)
    # The angle is known of the whole layer's weights, and roughly of a sample of 50 of 64.
    cosine = np.dot(sample.forward, sample.backward) / (
        np.linalg.norm(sample.forward) * np.linalg.norm(sample.backward)
    )
    (whole,) = (layer for layer in second.layers if layer.name == "dense2")
    assert np.degrees(np.arccos(cosine)) == pytest.approx(whole.angle, abs=10)


def test_a_layer_that_does_not_exist_fails_the_run_at_once(store, make_run):
    trial = make_run(("dense3",))
    assert attempt(store, trial) == Outcome.CRASHED
    ended = store.trials.get(trial.id)
    assert (ended.state, ended.attempt) == (TrialState.FAILED, 1)
    assert "'dense3'" in ended.error
    assert "dense2" in ended.error


def test_backpropagation_has_no_backward_weights_to_leave(store, make_run):
    trial = make_run(("dense2",), rule="bp")
    assert attempt(store, trial) == Outcome.COMPLETED
    assert [each.weight_samples for each in store.logs.epochs(trial.id)] == [(), ()]


@pytest.mark.parametrize("name", ["dfa", "pfa"])
def test_a_search_over_a_rule_without_an_r_trains_it(store, name):
    space = FEEDBACK_SPACES[name]
    definition = find_definition(name)
    objective = objective_of(definition, name, space, dataset="digits")
    search = store.searches.create(
        Search(
            name="a-search",
            space=space.name,
            space_hash=space.space_hash,
            definition=stored_definition(definition, space, objective),
            recipe=Recipe(dataset="digits", width=2, stem="small", epochs=1, batch_divisor=32),
            trials=1,
            parallel=1,
            seed=0,
            startup=0,
            created_by="a test",
        )
    )
    values = {"learning_rate": 0.1, "weight_decay": 1e-3, "batch_size": 256}
    trial = store.trials.add(Trial(id="a-search/0", search=search.name, tid=0, config=values))
    assert attempt(store, trial) == Outcome.COMPLETED
    (epoch,) = store.logs.epochs(trial.id)
    assert epoch.layers[0].gradient_angle is not None
    assert store.trials.get(trial.id).result.status == "ok"
