"""`alignsearch train`: what it leaves behind, and that nothing but time is lost by a kill."""

import contextlib
import json
import math
import os
import re
import shutil
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from numbers_shown import shows

TINY = ("--dataset", "digits", "--model", "convnet", "--width", "2", "--batch-size", "64")
NOISE = ("--update-noise-variance", "1e-4", "--alignment-update-noise-variance", "1e-6")
IA = ("train", "--rule", "ia", *TINY, "--seed", "7", "--epochs", "4", "--preset", "table5", *NOISE)


class Left:
    """The files that a training left in its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.results = json.loads((folder / "results.json").read_text())
        self.checkpoints = folder / "checkpoints"

    def curve(self):
        """Every epoch's values, without the clock's."""
        return [{**epoch, "seconds": None} for epoch in self.results["epochs"]]

    def end(self):
        """How it ended, without the clock's part."""
        return {**self.results["final"], "timings": None}

    def weights(self):
        """Every variable of the last state: the network's and the optimizers'."""
        state = tf.train.load_checkpoint(str(self.checkpoints / "epoch-4" / "state"))
        names = [name for name in state.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
        return {name: state.get_tensor(name) for name in names}

    def scalars(self):
        """TensorBoard's values by tag and epoch; a value told twice is the same twice."""
        found = {}
        for file in sorted((self.folder / "tensorboard").iterdir()):
            for record in tf.data.TFRecordDataset(str(file)):
                event = tf.compat.v1.Event.FromString(record.numpy())
                for value in event.summary.value:
                    assert value.metadata.plugin_data.plugin_name == "scalars"
                    key, number = (value.tag, event.step), float(tf.make_ndarray(value.tensor))
                    assert found.setdefault(key, number) == number
        return found


MOST_TRIES = 20
"""Trainings that are begun until one is killed in time."""


def assert_same_end(one, other):
    assert one.curve() == other.curve()
    assert one.end() == other.end()
    mine, theirs = one.weights(), other.weights()
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


@pytest.fixture(scope="module")
def trained(shell_in, tmp_path_factory):
    """An uninterrupted training: the shell, what was printed, what was left."""
    shell = shell_in(tmp_path_factory.mktemp("trained"))
    done = shell.run_anew(*IA, "--out", "whole")
    assert (done.returncode, done.stderr) == (0, "")
    return shell, done.stdout, Left(shell.folder / "whole")


def test_it_prints_a_line_an_epoch_and_how_it_ended(trained):
    _, printed, left = trained
    first, *epochs, last, times = printed.splitlines()
    for word in ("information_alignment", "table5", "convnet of width 2", "schedule of 100"):
        assert word in first
    assert [line.split(":")[0] for line in epochs] == [f"epoch {n}/4" for n in (1, 2, 3, 4)]
    error = left.results["final"]["validation_error"]
    assert shows(epochs[-1], error, "validation error ")
    assert shows(last, error, "validation error ")
    assert "chance 0.8972" in last
    once, shares = times.split("; ")
    assert re.fullmatch(r"once: build [\d.]+ s, trace [\d.]+ s", once)
    parts = re.findall(r"(\w+) ([\d.]+)%", shares)
    assert [name for name, _ in parts] == ["input", "train", "validate", "measure", "save"]
    assert sum(float(share) for _, share in parts) == pytest.approx(100, abs=0.3)


def test_the_results_are_complete(trained):
    _, _, left = trained
    results = left.results
    assert (results["rule"], results["preset"], results["status"]) == ("ia", "table5", "ok")
    assert results["config"]["learning_rule"] == "information_alignment"
    assert results["config"]["schedule_epochs"] == 100
    assert results["config"]["noise_stddev"] == 0.8176
    assert results["config"]["update_noise_variance"] == 1e-4
    assert results["config"]["alignment_update_noise_variance"] == 1e-6
    (attempt,) = results["attempts"]
    assert {"python", "alignsearch", "tensorflow", "keras", "numpy"} <= attempt["versions"].keys()
    assert [epoch["epoch"] for epoch in results["epochs"]] == [1, 2, 3, 4]
    layers = [layer["name"] for layer in results["epochs"][-1]["layers"]]
    assert layers == ["conv1", "conv2", "conv3", "logits"]
    final = results["final"]
    assert final["validation_error"] == 1 - results["epochs"][-1]["validation_accuracy"]
    assert final["epochs_done"] == 4


def test_tensorboard_shows_what_the_results_hold(trained):
    _, _, left = trained
    expected = {}
    for epoch in left.results["epochs"]:
        for name, value in epoch.items():
            if isinstance(value, float) and name != "seconds":
                expected[name, epoch["epoch"]] = value
        for layer in epoch["layers"]:
            for name in ("angle", "norm_ratio", "gradient_angle", "sign_agreement"):
                if layer[name] is not None:
                    expected[f"{name}/{layer['name']}", epoch["epoch"]] = layer[name]
    found = left.scalars()
    assert found.keys() == expected.keys()
    assert {"validation_accuracy", "alignment_loss", "learning_rate"} < {tag for tag, _ in found}
    for key, value in expected.items():
        assert math.isclose(found[key], value, rel_tol=1e-6), key


def killed_when(shell, folder, ready):
    """Start the command and kill it, as the kernel would, once `ready` says so.

    Where a busy machine looked too late, and the training had ended, it is begun anew.
    """
    before = shell.folder / f"{folder}-before"
    shutil.rmtree(before, ignore_errors=True)
    if (shell.folder / folder).exists():
        shutil.copytree(shell.folder / folder, before)
    for _ in range(MOST_TRIES):
        process = shell.start_forked(*IA, "--out", folder, log=shell.folder / "killed.log")
        deadline = time.monotonic() + 300.0
        while not ready(shell.folder / folder) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.kill(shell.commands.pid, signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            return
        assert process.returncode == 0, (shell.folder / "killed.log").read_text()
        shutil.rmtree(shell.folder / folder)
        if before.exists():
            shutil.copytree(before, shell.folder / folder)
    raise AssertionError("each training ended before it could be killed")


def told(count):
    """Return whether so many epochs are in the results: the next is under way, or being saved."""

    def ready(folder):
        try:
            return len(json.loads((folder / "results.json").read_text())["epochs"]) >= count
        except FileNotFoundError:
            return False

    return ready


def saving(folder):
    """Return whether a checkpoint is being written."""
    return (folder / "checkpoints" / "unfinished").exists()


def test_a_killed_training_ends_as_if_it_had_lived(trained):
    """SIGKILL while a checkpoint is written and while an epoch runs; the weights bit by bit."""
    shell, _, whole = trained
    for ready in (saving, told(2)):
        killed_when(shell, "killed", ready)
    shell.ok(*IA, "--out", "killed")
    resumed = Left(shell.folder / "killed")
    assert_same_end(resumed, whole)
    assert len(resumed.results["attempts"]) == 3
    assert resumed.scalars() == whole.scalars()


def test_a_truncated_checkpoint_falls_back_to_the_one_before_and_says_so(trained):
    shell, _, whole = trained
    shutil.copytree(whole.folder, shell.folder / "truncated")
    state = shell.folder / "truncated" / "checkpoints" / "epoch-4" / "state.data-00000-of-00001"
    os.truncate(state, state.stat().st_size // 2)
    done = shell.run(*IA, "--out", "truncated")
    assert done.returncode == 0
    (said,) = done.stderr.splitlines()
    assert "epoch-4" in said
    assert "is damaged" in said
    assert "resuming from epoch-3 instead" in said
    epochs = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    assert [line.split(":")[0] for line in epochs] == ["epoch 4/4"]
    assert_same_end(Left(shell.folder / "truncated"), whole)


def test_a_finished_training_is_not_repeated(trained):
    shell, _, whole = trained
    printed = shell.ok(*IA, "--out", "whole")
    assert "which has 4 of 4 epochs" in printed
    assert not any(line.startswith("epoch ") for line in printed.splitlines())
    assert_same_end(Left(whole.folder), whole)


def test_a_folder_of_another_training_is_refused(trained):
    shell, _, whole = trained
    before = (whole.folder / "results.json").read_text()
    said = shell.refused(*IA, "--out", "whole", "--seed", "8")
    assert "whole holds the results of another training: seed differ" in said
    assert "--out" in said
    assert (whole.folder / "results.json").read_text() == before


def test_ctrl_c_ends_it_and_until_then_nobody_else_trains_there(shell):
    log, command = shell.folder / "log", ("train", "--rule", "bp", *TINY, "--out", "stopped")
    process = shell.start(*command, "--epochs", "100000", log=log)
    try:
        deadline = time.monotonic() + 300.0
        while not told(1)(shell.folder / "stopped"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        said = shell.refused(*command, "--epochs", "100000")
        assert "another process is training in stopped" in said
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=300.0) == 130
    finally:
        process.kill()
        process.wait()
    said = log.read_text()
    assert "stopping at the next step; once more ends at once" in said
    *_, last = said.splitlines()
    assert "interrupted; the same command goes on" in last
    assert Left(shell.folder / "stopped").results["status"] == "interrupted"


def test_a_loss_that_is_no_number_is_said_with_its_epoch(shell):
    command = ("train", "--rule", "bp", "--model", "dense", "--dataset", "digits", "--epochs", "2")
    done = shell.run(*command, "--weight-decay", "1e30", "--out", "diverged")
    assert done.returncode == 1
    assert "diverged after 0 epochs: the loss became nan in epoch 1" in done.stdout
    results = Left(shell.folder / "diverged").results
    assert results["status"] == "diverged"
    assert results["final"]["reason"] == "the loss became nan in epoch 1"


@pytest.mark.parametrize(
    ("model", "seen"), [("resnet18", "v1, 224 pixels"), ("resnet50v2", "v2, 299 pixels")]
)
def test_photographs_are_trained_on_as_the_network_sees_them(shell, imagenet, model, seen):
    """The real command, the real sizes; in bfloat16 for the second one."""
    command = ("train", "--rule", "bp", "--dataset", "imagenet", "--data-dir", str(imagenet))
    small = ("--model", model, "--width", "4", "--batch-size", "8", "--epochs", "1")
    precision = "bfloat16" if model == "resnet50v2" else "float32"
    printed = shell.ok(*command, *small, "--precision", precision, "--out", "trained")
    assert f"{model} of width 4 on imagenet ({seen})" in printed
    results = Left(shell.folder / "trained").results
    assert results["status"] == "ok"
    assert results["config"]["precision"] == precision
    assert results["attempts"][0]["strategy"] == "one device"
    assert math.isfinite(results["epochs"][0]["validation_loss"])


def test_help_names_every_rule(shell):
    from alignsearch.spaces.presets import RULES

    printed = shell.ok("train", "--help")
    assert [rule for rule in RULES if rule not in printed] == []


UNUSABLE = {
    "no rule": ([], ["--rule is missing", "--from"]),
    "unknown rule": (["--rule", "iaa"], ["no rule is named 'iaa'", "did you mean ia"]),
    "unknown preset": (["--rule", "ia", "--preset", "table"], ["'table'", "did you mean table5"]),
    "a preset of others": (["--rule", "sa", "--preset", "table5"], ["preset of sa", "b2"]),
    "unknown model": (["--rule", "ia", "--model", "resnet19"], ["'resnet19'", "resnet18"]),
    "unknown data": (["--rule", "ia", "--dataset", "digit"], ["'digit'", "did you mean digits"]),
    "unknown order": (["--rule", "ia", "--weights-order", "pap"], ["'pap'", "paper"]),
    "an order too many": (["--rule", "sa", "--weights-order", "paper"], ["leave", "order out"]),
    "no epochs": (["--rule", "ia", "--epochs", "0"], ["--epochs", "equal to 1, not '0'"]),
    "noise on nothing": (
        ["--rule", "bp", "--alignment-update-noise-variance", "1"],
        ["alignment_update_noise_variance to 0"],
    ),
    "seed in words": (["--rule", "ia", "--seed", "abc"], ["--seed", "'abc'"]),
    "decay of nothing": (["--rule", "bp", "--weight-decay", "nan"], ["--weight-decay", "nan"]),
    "unknown precision": (["--rule", "ia", "--precision", "bf16"], ["'bf16'", "bfloat16"]),
    "unknown strategy": (["--rule", "ia", "--strategy", "tpus"], ["'tpus'", "did you mean tpu"]),
    "sized digits": (["--rule", "ia", "--image-size", "32"], ["digits", "imagenet only"]),
    "large batch": (["--rule", "ia", "--batch-size", "1438"], ["1438", "1,437", "batch"]),
    "odd parts": (["--rule", "ia", "--minibatches", "3"], ["batch of 8", "3 equal parts"]),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(shell, case):
    asked, named = UNUSABLE[case]
    said = shell.refused("train", *asked)
    assert [word for word in named if word not in said] == [], said
    assert len(said.splitlines()) == 1
    assert list(shell.folder.iterdir()) == []


def test_one_device_mirrors_nothing(shell):
    said = shell.refused("train", "--rule", "ia", "--strategy", "mirrored")
    assert "several GPUs" in said
    assert "choose the strategy auto" in said
    assert list(shell.folder.iterdir()) == []


def test_a_file_in_the_folders_place_is_left_alone(shell):
    file = shell.folder / "mine"
    file.write_text("mine")
    said = shell.refused("train", "--rule", "bp", "--out", "mine")
    assert "mine can't hold results" in said
    assert file.read_text() == "mine"


def test_a_file_that_holds_no_results_is_left_alone(shell):
    (shell.folder / "mine").mkdir()
    file = shell.folder / "mine" / "results.json"
    file.write_text("[1, 2]")
    said = shell.refused("train", "--rule", "bp", "--out", "mine")
    assert "mine/results.json is no file of results" in said
    assert file.read_text() == "[1, 2]"
