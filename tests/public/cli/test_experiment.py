"""`alignsearch experiment`: the list, and options that are refused before anything is made."""

import pytest
from experiment_output import in_this_process


def test_the_list_names_every_experiment_with_its_source(shell):
    listed = shell.json("experiment")
    names = [each["name"] for each in listed]
    assert {"transfer", "noise", "importance", "symmetry", "weight-metrics"} <= set(names)
    assert {"kolen-pollack", "stability", "scalar-network", "neural-fit"} <= set(names)
    assert names[-1] == "reproduce"
    assert all(each["source"].startswith(("App.", "Table", "BioTorch")) for each in listed)
    printed = shell.ok("experiment")
    assert all(each["name"] in printed and each["source"] in printed for each in listed)


UNUSABLE = {
    "misspelt": (["stabilty"], ["'stabilty'", "'stability'"]),
    "ratios in words": (["stability", "--ratios", "0.5,two"], ["--ratios", "'0.5,two'"]),
    "a ratio below 0": (["stability", "--ratios", "-1"], ["--ratios", "positive", "'-1'"]),
    "one b": (["scalar-network", "--b", "1"], ["--b", "two numbers", "'1'"]),
    "no grid": (["scalar-network", "--grid", "1"], ["--grid", "equal to 2, not '1'"]),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_run_is_refused_before_anything_is_made(shell, case):
    asked, named = UNUSABLE[case]
    said = shell.refused("experiment", *asked)
    assert [word for word in named if word not in said] == [], said
    assert list(shell.folder.iterdir()) == []


def test_a_file_in_the_folders_place_is_left_alone(shell):
    (shell.folder / "mine").write_text("mine")
    said = shell.refused("experiment", "scalar-network", "--out", "mine")
    assert "mine can't hold an experiment" in said
    assert (shell.folder / "mine").read_text() == "mine"


NETWORK = ("symmetry", "--model", "dense", "--width", "8")
UNTRAINED = {
    "no such layer": ([*NETWORK, "--layer", "dens2"], ["'dens2'", "did you mean dense2"]),
    "no such epoch": ([*NETWORK, "--epochs", "3", "--at", "1,9"], ["no epoch 9", "have 3"]),
    "no epochs": ([*NETWORK, "--at", "first"], ["--at", "'first'"]),
    "no backward weights": ([*NETWORK, "--rules", "sa,bp"], ["leave bp out"]),
    "two networks": (["weight-metrics", "--model", "dense,convnet"], ["one network, not 2"]),
    "no such experiment": (["reproduce", "--only", "noize"], ["'noize'", "did you mean noise"]),
}


@pytest.mark.parametrize("case", UNTRAINED)
def test_what_cannot_be_trained_or_shown_is_refused_before_anything_is_made(tmp_path, case):
    asked, named = UNTRAINED[case]
    code, printed, said = in_this_process(tmp_path, "experiment", *asked)
    assert (code, printed, said.count("\n")) == (2, "", 1), said
    assert [word for word in named if word not in said] == [], said
    assert list(tmp_path.iterdir()) == []
