"""The files of docs/your-own-search.md, run as the document says, by the command itself."""

import csv
import io
import subprocess
import sys

import pytest
from document_code import shown_files, write_shown
from pytorch import other_python, put_pytorch_into, pytorch_python

from alignsearch.search.reports.export import read_json

HERE = ("--parallel", "2", "--resources", "CPU=0.5", "--wait")
PRUNED = ("--pruner", "asha", "--grace", "15")
"""With one rung among twenty epochs, the better one of two trials is never pruned."""


def submitted(shell, address, *options):
    """Submit a definition of the folder, wait for its end, and return its summary."""
    done = shell.run("submit", address, *options, *HERE, "--json")
    assert done.returncode == 0, done.stderr
    return shell.json("status", options[options.index("--name") + 1])


def rows(shell, name):
    """The search's trials as rows of CSV."""
    return list(csv.DictReader(io.StringIO(shell.ok("trials", name, "--csv"))))


def test_the_document_has_the_files_that_are_run_here():
    assert shown_files().keys() == {
        *("function.py", "sklearn_digits.py", "jax_network.py", "pytorch_network.py"),
        *("spirals_space.py", "spirals.py", "two_metrics.py"),
        *("mirror.py", "mynet.py", "mydata.py", "hyperopt_fmin.py", "ask_and_tell.py"),
        # A package's module, which test_installed.py installs.
        "neighbours.py",
    }


def test_the_function_is_narrowed_searched_and_exported(shell):
    write_shown(shell.folder, "function.py")
    narrowed = ("--fix", "schedule=decay", "--range", "rate=1e-3:1e-1", "--trials", "6")
    done = submitted(shell, "function.py:search", "--name", "narrow", *narrowed)
    assert (done["status"], done["counts"]["completed"]) == ("completed", 6)
    assert done["space"] == "function-search"
    trials = rows(shell, "narrow")
    assert all(1e-3 <= float(each["rate"]) <= 1e-1 for each in trials)
    # A fixed dimension is none any more, and its option's own dimension is always there.
    assert "schedule" not in trials[0]
    assert all(float(each["half_life"]) % 2 == 0 for each in trials)
    best = max(trials, key=lambda each: float(each["accuracy"]))
    exported = read_json(shell.ok("export", "narrow", "--format", "json"))["narrow"]
    assert exported["rate"] == float(best["rate"])
    assert exported["schedule"] == {"name": "decay", "half_life": float(best["half_life"])}
    table = shell.ok("export", "narrow")
    assert f" half_life {float(best['half_life']):g} " in " ".join(table.split())


def test_the_search_of_two_metrics_has_a_front_that_keeps_its_constraint(shell):
    write_shown(shell.folder, "two_metrics.py")
    options = ("--name", "digits", "--trials", "12", "--startup", "4")
    done = submitted(shell, "two_metrics.py:search", *options)
    assert done["metrics"] == {"error_rate": "minimize", "step_ms": "minimize"}
    assert done["constraints"] == ["step_ms <= 200"]
    measured = {
        int(each["tid"]): (float(each["error_rate"]), float(each["step_ms"]))
        for each in rows(shell, "digits")
    }
    assert len(measured) == 12
    kept = {tid: each for tid, each in measured.items() if each[1] <= 200}
    # Narrow networks keep the bound on a busy machine, too.
    assert kept, measured
    front = {
        tid
        for tid, (error, step) in kept.items()
        if not any(e <= error and s <= step and (e, s) != (error, step) for e, s in kept.values())
    }
    shown = shell.json("best", "digits")["front"]
    assert {each["tid"] for each in shown} == front
    assert all(tuple(each["metrics"].values()) == measured[each["tid"]] for each in shown)
    exported = read_json(shell.ok("export", "digits", "--format", "json"))
    assert exported.keys() == {f"digits {tid}" for tid in front}
    tight = ("--metric", "error_rate", "--metric", "step_ms=report", "--constraint", "step_ms <= 0")
    submitted(shell, "two_metrics.py:search", "--name", "none", "--trials", "2", *tight)
    nearest = min(rows(shell, "none"), key=lambda each: float(each["step_ms"]))["tid"]
    refused = shell.run("best", "none")
    assert refused.returncode != 0
    assert f"trial {nearest} comes nearest" in refused.stderr


def test_the_scikit_learn_model_is_searched(shell):
    write_shown(shell.folder, "sklearn_digits.py")
    narrowed = ("--fix", "rate=optimal", "--range", "alpha=1e-5:1e-3", "--trials", "3")
    done = submitted(shell, "sklearn_digits.py:search", "--name", "linear", *narrowed)
    assert done["counts"]["completed"] == 3
    # Guessing has the cross-entropy ln 10 = 2.3.
    assert done["best"]["loss"] < 1


def test_the_jax_network_is_searched(shell):
    write_shown(shell.folder, "jax_network.py")
    narrowed = ("--fix", "optimizer=sgd", "--range", "rate=0.1:1", "--trials", "2")
    options = ("--name", "network", *narrowed, "--own-process", *PRUNED)
    done = submitted(shell, "jax_network.py:search", *options)
    assert done["counts"]["completed"] + done["counts"]["pruned"] == 2
    assert done["best"]["loss"] < 1


def test_the_pytorch_network_is_searched(shell, tmp_path_factory):
    why = other_python()
    if why is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("pytorch")
    put_pytorch_into(folder)
    shell.environment["PYTHONPATH"] = str(folder)
    write_shown(shell.folder, "pytorch_network.py")
    narrowed = ("--fix", "momentum=0", "--range", "rate=0.1:1", "--trials", "2")
    options = ("--name", "network", *narrowed, *PRUNED, *HERE)
    done = shell.run_anew("submit", "pytorch_network.py:search", *options)
    assert done.returncode == 0, done.stderr
    summary = shell.json("status", "network")
    assert summary["counts"]["completed"] + summary["counts"]["pruned"] == 2
    assert summary["best"]["loss"] < 1


def test_the_pytorch_program_is_searched(shell):
    write_shown(shell.folder, "spirals_space.py", "spirals.py")
    narrowed = ("--range", "rate=0.01:0.1", "--range", "width=32:64", "--trials", "2")
    options = ("--name", "spirals", *narrowed, *PRUNED, *HERE, "--json")
    program = ("--", pytorch_python(), "spirals.py")
    done = shell.run("submit", "spirals_space.py:SPACE", *options, *program)
    assert done.returncode == 0, done.stderr
    summary = shell.json("status", "spirals")
    assert summary["counts"]["completed"] + summary["counts"]["pruned"] == 2
    # Guessing has the cross-entropy ln 2 = 0.69.
    assert summary["best"]["loss"] < 0.2


def test_the_rule_is_searched_with_a_network_and_data_of_ones_own(shell):
    write_shown(shell.folder, "mirror.py", "mynet.py", "mydata.py")
    parts = ("--model", "mynet.py:network", "--dataset", "mydata.py:images", "--width", "32")
    narrowed = ("--fix", "noise=None", "--fix", "batch_size=16", "--range", "sparse=0.1:1")
    options = ("--name", "sparse", "--trials", "3", "--epochs", "4", *parts, *narrowed)
    done = submitted(shell, "mirror.py:search", *options)
    assert done["counts"]["completed"] == 3, shell.ok("trials", "sparse")
    # Ten digits: guessing errs nine times of ten.
    assert done["best"]["loss"] < 0.5
    trials = rows(shell, "sparse")
    assert trials[0].keys() >= {"l1", "sparse"}
    assert trials[0].keys().isdisjoint({"noise", "deviation", "batch_size"})
    table = shell.ok("export", "sparse", "--format", "csv")
    read = dict(csv.reader(io.StringIO(table)))
    best = next(each for each in trials if each["tid"] == str(done["best"]["tid"]))
    assert list(read) == [
        *("metaparameter", "Learning Rate", "Batch Size"),
        *("Sparse output (ρ)", "Sparse kernel (λ)", "Noise (σ)"),
    ]
    assert (read["Learning Rate"], read["Batch Size"], read["Noise (σ)"]) == ("0.1", "16.0", "")
    assert float(read["Sparse kernel (λ)"]) == float(best["l1"])
    shown = shell.ok("export", "sparse")
    assert "mynet.py:network of width 32 on mydata.py:images, 4 epochs; mirror.py:search" in shown
    assert "Without noise, the layers' own inputs are mirrored." in shown
    assert "–: the configuration's choices leave this dimension out." in shown


def test_the_rule_is_refused_in_one_line_where_it_cannot_be_trained(shell):
    folder = shell.folder
    write_shown(folder, "mirror.py", "mynet.py", "mydata.py")
    text = (folder / "mirror.py").read_text()

    def refused(name, old, new, *options):
        (folder / name).write_text(text.replace(old, new))
        return shell.refused("submit", f"{name}:search", *options)

    said = refused("unknown.py", '"amp", "sparse", "l1")', '"amp", "spars", "l1")')
    assert "no primitive of SparseMirror is named 'spars'; did you mean sparse" in said
    said = refused("lacking.py", '"l1": config["l1"]}', "}")
    assert "takes weights for amp, l1, sparse, not weights for amp, sparse" in said
    said = refused("epochs.py", '"learning_rate": config', '"epochs": 3, "learning_rate": config')
    assert "returns epochs, which an option of the search decides: leave it out" in said
    said = refused("raising.py", 'config["sparse"]', 'config["sparce"]')
    assert "its function of the trainings raised KeyError: 'sparce'" in said
    said = shell.refused("submit", "mirror.py:search", "--model", "mydata.py:images")
    assert "--model mydata.py:images can't build a network" in said
    said = shell.refused("submit", "mirror.py:search", "--dataset", "mydata.py:pictures")
    assert "no object of mydata.py is named 'pictures'" in said
    said = shell.refused("submit", "mirror.py:search", "--model", "lenet")
    assert "--model lenet: lenet needs images of 32 x 32 pixels at least" in said


def run_twice(shell, script):
    """Run a script of the document, which ends well, and again; return both finished processes."""
    write_shown(shell.folder, script)
    command = [sys.executable, script]
    environment = {**shell.environment, "PYTHONWARNINGS": "ignore"}
    settings = {"cwd": shell.folder, "env": environment, "capture_output": True, "text": True}
    first = subprocess.run(command, timeout=400, check=False, **settings)
    assert first.returncode == 0, first.stderr
    return first, subprocess.run(command, timeout=400, check=False, **settings)


def test_the_loop_that_asks_and_tells_ends_its_search_and_goes_on(shell):
    first, again = run_twice(shell, "ask_and_tell.py")
    # A search that is over gives no trial any more, and has the same best one.
    assert again.stdout == first.stdout, again.stderr
    trials = rows(shell, "asked")
    assert [each["state"] for each in trials] == ["completed"] * 30
    losses = [abs(float(t["lr"]) - 0.01) + 0.1 * abs(int(t["layers"]) - 3) for t in trials]
    assert [float(each["loss"]) for each in trials] == losses


def test_fmin_moved_over_goes_on_where_it_was(shell):
    first, again = run_twice(shell, "hyperopt_fmin.py")
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]
    assert len(rows(shell, "moved")) == 60
