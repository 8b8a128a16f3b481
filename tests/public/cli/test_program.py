"""A program as a search's objective, from the command line: submitted, reported, refused."""

import json
import os
import subprocess
import sys

import pytest

SPACE = """
from hyperopt import hp

SPACE = {
    "lr": hp.uniform("lr", 0, 1),
    "kind": hp.choice("kind", [{"bend": hp.uniform("bend", 0, 1)}, "plain"]),
}
"""
TRAIN = """
import subprocess, sys

lr = float(sys.argv[2])
for step in range(3):
    report = ["alignsearch", "report", "--step", str(step), f"loss={lr / (step + 1)}"]
    subprocess.run(report, check=True)
"""


@pytest.fixture
def folder(shell):
    (shell.folder / "space.py").write_text(SPACE)
    (shell.folder / "train.py").write_text(TRAIN)
    return shell.folder


SUBMIT = ("submit", "space.py:SPACE", "--trials", "3", "--name", "mine")
PROGRAM = ("--", "python", "train.py", "--lr", "{lr}")

REFUSED = {
    "unknown label": ((*SUBMIT, "--", "python", "train.py", "{lrr}"), ["'lrr'", "did you mean lr"]),
    "conditional label": (
        (*SUBMIT, "--", "python", "train.py", "{bend}"),
        ["some configurations have no 'bend'", "ALIGNSEARCH_VALUE_bend"],
    ),
    "brace": ((*SUBMIT, "--", "python", "{"), ["write {{ or }}"]),
    "no dashes": ((*SUBMIT, "python", "train.py"), ["one argument too many", "comes after --"]),
    "no program": (SUBMIT, ["a space without an objective"]),
    "own process": ((*SUBMIT, "--own-process", *PROGRAM), ["a process of its own already"]),
    "part of a GPU": (
        (*SUBMIT, "--resources", "GPU=0.5", "--store", "mongodb://db", *PROGRAM),
        ["GPU=0.5", "never tried on a GPU", "--allow-gpu-fraction"],
    ),
}


@pytest.mark.parametrize(("command", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_before_a_search_exists(shell, folder, command, said):
    refusal = shell.refused(*command)
    for part in said:
        assert part in refusal
    assert not (folder / ".alignsearch").exists()


def test_a_program_is_searched_from_submit_to_result(shell, folder):
    try:
        done = shell.run_anew(*SUBMIT, "--wait", "--parallel", "2", *PROGRAM)
        assert done.returncode == 0, done.stderr
        trials = shell.json("trials", "mine")
        assert [each["state"] for each in trials] == ["completed"] * 3
        assert all(each["result"]["loss"] == each["point"]["lr"] / 3 for each in trials), trials[0]
    finally:
        shell.ok("store", "stop")


def test_report_writes_to_the_trials_folder_and_refuses_the_rest(shell, tmp_path):
    assert "belongs into a program" in shell.refused("report", "loss=1")
    shell.environment["ALIGNSEARCH_TRIAL"] = str(tmp_path)
    shell.ok("report", "--step", "3", "loss=0.25", "size=7")
    shell.ok("report", "loss=nan")
    first, second = (tmp_path / "reports.jsonl").read_text().splitlines()
    assert json.loads(first) == {"step": 3, "metrics": {"loss": 0.25, "size": 7.0}}
    assert "step" not in json.loads(second)
    assert "'loss=low' is not of the form" in shell.refused("report", "loss=low")
    assert "--step" in shell.refused("report", "--step", "-1", "loss=1")
    shell.environment["ALIGNSEARCH_TRIAL"] = str(tmp_path / "gone")
    assert "can't be written" in shell.refused("report", "loss=1")


def test_report_imports_none_of_the_heavy_packages(tmp_path):
    code = (
        "import sys; sys.argv = ['alignsearch', 'report', 'loss=1']\n"
        "from alignsearch.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'ray', 'pymongo', 'numpy', 'pandas', 'hyperopt', 'keras'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    environment = {**os.environ, "ALIGNSEARCH_TRIAL": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (tmp_path / "reports.jsonl").exists()
