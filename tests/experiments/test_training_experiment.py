"""Experiments that train, as people run them: a store, Ray's workers, figures; and what is refused.

One search of two rules and two seeds is trained for real, and looked at from all sides.
"""

import csv
import json

import numpy as np
import pytest

RUN = (
    *("experiment", "noise", "--rules", "bp,sa", "--model", "dense", "--width", "8"),
    *("--epochs", "1", "--seeds", "3,5", "--variances", "0.01", "--noisy", "both"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shell_in):
    """A shell in a folder where the experiment has been run."""
    here = shell_in(tmp_path_factory.mktemp("trained"))
    done = here.run_anew(*RUN)
    assert (done.returncode, done.stderr) == (0, "")
    here.printed = done.stdout
    (search,) = here.json("status")
    here.search = search["name"]
    yield here
    here.end_store()


def left(here, folder="runs/experiments/noise"):
    return json.loads((here.folder / folder / "experiment.json").read_text())


def test_its_runs_are_a_search_of_the_store_like_any_other(trained):
    status = trained.json("status", trained.search)
    assert (status["status"], status["trials"], status["space"]) == ("completed", 4, "runs")
    rows = list(csv.DictReader(trained.ok("trials", trained.search, "--csv").splitlines()))
    assert [(row["rule"], row["seed"], row["state"]) for row in rows] == [
        (rule, seed, "completed") for rule in ("bp", "sa") for seed in "35"
    ]
    assert {row["update_noise_variance"] for row in rows} == {"0.01"}
    shown = trained.ok("show", trained.search, "2")
    assert "dense" in shown
    # A network of width 8 may die, and then has no gradient to measure: one of the two lives.
    layers = [
        layer
        for trial in ("2", "3")
        for layer in trained.json("show", trained.search, trial)["epochs"][-1]["layers"]
    ]
    angles = [layer["gradient_angle"] for layer in layers if layer["gradient_angle"] is not None]
    assert angles
    assert all(0 <= angle <= 180 for angle in angles)


def test_its_statistics_are_numpys_over_the_trials(trained):
    trials = trained.json("trials", trained.search)
    for at, rule in ((0, "bp"), (2, "sa")):
        accuracies = [1 - each["result"]["loss"] for each in trials[at : at + 2]]
        (found,) = left(trained)["numbers"][rule]
        assert found["mean"] == pytest.approx(np.mean(accuracies))
        assert found["sem"] == pytest.approx(np.std(accuracies, ddof=1) / np.sqrt(2))
        assert (found["n"], found["seeds"], found["diverged"]) == (2, [3, 5], 0)


def test_it_leaves_figures_tables_and_its_setting(trained):
    folder = trained.folder / "runs" / "experiments" / "noise"
    suffixes = ("png", "svg", "html", "json", "md", "tex", "csv")
    expected = {f"noise.{suffix}" for suffix in suffixes}
    assert {path.name for path in folder.iterdir()} == expected | {
        *("index.html", "report.md", "experiment.json", "plotly.min.js")
    }
    run = left(trained)
    assert run["seeds"] == [3, 5]
    assert "ResNet-18 on ImageNet" in run["setting"][0]
    assert "dense of width 8 on digits, 1 epochs" in run["setting"][1]
    assert trained.search in run["setting"][-1]
    assert run["captions"]["noise"] in trained.printed


def test_the_same_command_trains_nothing_again_and_shifts_what_is_there(trained):
    again = trained.ok(*RUN, "--shift", "--out", "shifted")
    assert "search" not in again
    assert len(trained.json("status")) == 1
    before, shifted = left(trained)["numbers"], left(trained, "shifted")["numbers"]
    assert shifted["bp"] == before["bp"]
    assert shifted["sa"][0]["shown_at"] == pytest.approx(1e-6)
    assert shifted["sa"][0]["mean"] == before["sa"][0]["mean"]
    assert "SA are shifted" in left(trained, "shifted")["captions"]["noise"]


def test_what_its_search_cannot_show_is_said(trained):
    for verb in (["best"], ["export"], ["experiment", "importance"]):
        assert "list of runs" in trained.refused(*verb, trained.search)
    dumped = trained.folder / "noise.jsonl.gz"
    trained.ok("dump", trained.search, str(dumped))
    assert "already" in trained.refused("load", str(dumped))
    asked = ("experiment", "transfer", "--seeds", "2", "--rules", f"bp,{trained.search}")
    assert "no metaparameters to transfer" in trained.refused(*asked)


UNUSABLE = {
    "unknown rule": (["noise", "--rules", "bp,saa"], ["rule", "'saa'", "sa or aa"]),
    "rule without noise": (["noise", "--rules", "bp,ia"], ["'ia'", "App. B.3"]),
    "rule or search": (["transfer", "--rules", "bp,mine"], ["rule", "'mine'"]),
    "unknown model": (["kolen-pollack", "--models", "resnet19"], ["'resnet19'", "resnet18"]),
    "unknown data": (["noise", "--dataset", "digit"], ["'digit'", "did you mean digits"]),
    "one seed": (["noise", "--seeds", "1"], ["at least 2 seeds", "--seeds"]),
    "a seed twice": (["noise", "--seeds", "1,1"], ["--seeds", "'1,1'"]),
    "two networks": (["noise", "--models", "dense,convnet"], ["one network", "--model"]),
    "no baseline": (["transfer", "--rules", "sa,ia"], ["bp", "--rules"]),
    "unknown noise": (["noise", "--noisy", "both,forward"], ["--noisy", "'forward'", "backward"]),
    "no variances": (["noise", "--variances", "0,-1"], ["--variances", "'0,-1'"]),
    "too many at once": (["noise", "--parallel", "1000"], ["--parallel 1000"]),
    "no data": (["noise", "--scale", "paper"], ["ImageNet", "data folder"]),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(shell, case):
    asked, named = UNUSABLE[case]
    said = shell.refused("experiment", *asked)
    assert [word for word in named if word not in said] == [], said
    assert list(shell.folder.iterdir()) == []
