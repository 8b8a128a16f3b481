"""One command runs a search as a user runs it: real images, real Ray, a real store."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from alignsearch.search.reports.export import read_csv
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import configuration, contains

ALIGNSEARCH = str(Path(sys.executable).parent / "alignsearch")
TRIALS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder in which a small search over `ia` on digits has run to its end."""
    folder = tmp_path_factory.mktemp("main-job")
    try:
        ended = run(
            folder,
            *("submit", "ia", "--name", "small", "--dataset", "digits", "--width", "4"),
            *("--trials", str(TRIALS), "--parallel", "2", "--epochs", "2", "--wait", "--json"),
        )
        assert json.loads(ended)["status"] == "completed"
        yield folder
    finally:
        run(folder, "store", "stop")


@pytest.fixture(scope="module")
def trials(folder):
    """Return the search's trials, as the command line prints them for programs."""
    return json.loads(run(folder, "trials", "small", "--json"))


@pytest.fixture(scope="module")
def best(folder):
    """Return the search's best trial, as the command line prints it for programs."""
    return json.loads(run(folder, "best", "small", "--json"))


def run(folder, *arguments):
    ended = subprocess.run(
        [ALIGNSEARCH, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_trial_is_trained_and_the_best_beats_chance(trials, best):
    assert [trial["state"] for trial in trials] == ["completed"] * TRIALS
    losses = [trial["result"]["loss"] for trial in trials if trial["result"]["status"] == "ok"]
    assert best["loss"] == min(losses)
    assert best["loss"] < best["chance"] - 0.3


def test_every_configuration_lies_in_its_space(trials):
    for trial in trials:
        assert contains(get_space("ia"), configuration(trial["config"])) == []


def test_workers_are_warm_and_say_where_the_time_went(trials):
    owners = [trial["attempts"]["1"]["owner"] for trial in trials]
    assert len(set(owners)) == 2
    for trial in trials:
        assert trial["result"]["metrics"]["seconds_train"] > 0


def test_each_epoch_is_in_the_store_with_the_alignment_of_every_layer(folder):
    shown = json.loads(run(folder, "show", "small", "0", "--json"))
    assert [epoch["epoch"] for epoch in shown["epochs"]] == [1, 2]
    last = shown["epochs"][-1]
    # ResNet-18: 17 convolutions and 3 projections, and the dense layer.
    assert len(last["layers"]) == 21
    assert all(0 <= layer["angle"] <= 180 for layer in last["layers"])
    final_error = 1 - last["validation_accuracy"]
    assert final_error == pytest.approx(shown["trial"]["result"]["loss"])


def test_the_export_is_the_best_configuration(folder, best):
    exported = read_csv(run(folder, "export", "small", "--format", "csv"))
    assert exported == {"small": configuration(best["configuration"])}
