"""`alignsearch experiment`: what each leaves behind, and what it refuses."""

import contextlib
import csv
import html
import io
import json
import re
import shutil
import statistics
import subprocess
import sys
import threading
import uuid

import numpy as np
import pytest

from alignment_core.analysis.simulated_recordings import read_out, simulate
from alignsearch.cli import main
from alignsearch.experiments import transfer
from alignsearch.experiments.runs import Outcome
from alignsearch.experiments.training_options import Setting
from alignsearch.experiments.training_place import Trained
from alignsearch.search.documents import Result
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import configuration
from alignsearch.workers.attempt_runner import Finished
from alignsearch.workers.objectives.rehearsal import rehearse

FIGURE_FORMATS, TABLE_FORMATS = ("png", "svg", "html", "json"), ("md", "tex", "csv")


class Left:
    """What an experiment left in its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.run = json.loads((folder / "experiment.json").read_text())

    def table(self, name):
        """Rows of the CSV, by the head."""
        with (self.folder / f"{name}.csv").open() as file:
            head, *rows = csv.reader(file)
        return [dict(zip(head, row, strict=True)) for row in rows]

    def check_files(self, figures, tables):
        """Every format is there, is what it says, and asks the network for nothing."""
        for figure in figures:
            assert (self.folder / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
            assert "</svg>" in (self.folder / f"{figure}.svg").read_text()
        expected = {f"{figure}.{suffix}" for figure in figures for suffix in FIGURE_FORMATS}
        expected |= {f"{table}.{suffix}" for table in tables for suffix in TABLE_FORMATS}
        expected |= {"index.html", "experiment.json", "plotly.min.js"}
        assert {path.name for path in self.folder.iterdir()} == expected
        for page in self.folder.glob("*.html"):
            text = page.read_text()
            sources = re.findall(r'(?:src|href)="([^"]+)"', text)
            assert sources
            assert [each for each in sources if not (self.folder / each).exists()] == []
        whole = (self.folder / "index.html").read_text()
        assert [name for name in figures if f'id="figure-{name}"' not in whole] == []


def in_this_process(folder, *arguments):
    """Code, output and complaint of `alignsearch`, without the seconds that TensorFlow takes."""
    printed, said = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(said),
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["alignsearch", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code or 0, printed.getvalue(), said.getvalue()


def done(folder, *arguments):
    code, printed, said = in_this_process(folder, *arguments)
    assert (code, said) == (0, "")
    return printed


@pytest.fixture(scope="module")
def scalar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scalar")
    printed = done(folder, "experiment", "scalar-network", "--grid", "7", "--out", "sc")
    return printed, Left(folder / "sc")


def test_scalar_network_leaves_figures_tables_and_what_was_run(scalar):
    printed, left = scalar
    left.check_files(["flows", "eigenvalues-at-minima"], ["fixed-points"])
    assert "sc/index.html" in printed
    assert left.run["command"] == "alignsearch experiment scalar-network --grid 7 --out sc"
    assert left.run["source"] == "Kunin et al. 2020, App. D.2"
    assert {"python", "alignsearch", "tensorflow", "sympy"} <= left.run["versions"].keys()
    assert left.run["seconds"] > 0
    assert all(caption in printed for caption in left.run["captions"].values())
    assert left.run["numbers"]["largest_deviation_of_the_flow"] < 1e-12


def test_the_table_sets_the_algebra_beside_the_real_layers(scalar):
    _, left = scalar
    rows = left.table("fixed-points")
    assert [row["kind"] for row in rows].count("saddle") == 2
    assert all(row["its roots"] == row["real layers"] for row in rows)


def test_its_latex_compiles(scalar, tmp_path):
    _, left = scalar
    shutil.copy(left.folder / "fixed-points.tex", tmp_path)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "fixed-points.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_stability_shows_both_fates_of_a_network(tmp_path):
    options = ("--ratios", "0.5,2", "--width", "32", "--images", "128", "--steps", "200")
    done(tmp_path, "experiment", "stability", *options)
    left = Left(tmp_path / "experiments" / "stability")
    left.check_files(
        ["phase-portraits", "mirror-instability", "starting-rates"], ["eigenvalues", "network"]
    )
    assert left.run["seeds"] == [0]
    assert left.run["numbers"]["outcomes"] == {"0.5": "explodes", "2": "collapses"}
    holds = [row["printed holds"] for row in left.table("eigenvalues")]
    assert holds == ["yes", "no (1)"] * 2 + ["yes"] * 4


def test_the_list_names_every_experiment_with_its_source(shell):
    listed = shell.json("experiment")
    names = [each["name"] for each in listed]
    assert {"transfer", "noise", "importance", "symmetry", "weight-metrics"} <= set(names)
    assert {"kolen-pollack", "stability", "scalar-network", "neural-fit"} <= set(names)
    assert names[-1] == "reproduce"
    assert all(each["source"].startswith(("App.", "Table")) for each in listed)
    printed = shell.ok("experiment")
    assert all(each["name"] in printed and each["source"] in printed for each in listed)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which a network has been trained, and its recordings and features lie."""
    folder = tmp_path_factory.mktemp("trained")
    network = ("--model", "dense", "--width", "24", "--batch-size", "64", "--epochs", "2")
    done(folder, "train", "--rule", "bp", *network, "--out", "net")
    generator = np.random.default_rng(0)
    features = generator.normal(size=(80, 30))
    np.savez(folder / "features.npz", conv1=features, conv2=features[:, :5])
    variables = simulate(
        read_out(features, 5, 0.8, seed=0), np.arange(80) % 4, repetitions=4, noise=1.0, seed=0
    )
    np.savez(folder / "good.npz", **variables)
    np.savez(folder / "few.npz", **{**variables, "category": np.r_[np.zeros(77), 1, 1, 1]})
    variables["responses"][3, 2] = np.nan
    np.savez(folder / "holes.npz", **variables)
    return folder


def test_a_trained_networks_layers_are_fitted_to_simulated_recordings(trained):
    """The layer that the responses were read from comes near sqrt(0.8); it is the best."""
    options = ("--layers", "flatten,dense2,logits", "--components", "10", "--splits", "4")
    source = ("--checkpoint", "net", "--simulate", "dense2")
    printed = done(trained, "experiment", "neural-fit", *source, *options, "--out", "fit")
    left = Left(trained / "fit")
    left.check_files(["layers", "sites"], ["layers"])
    assert "The best layer is dense2" in printed
    rows = {row["layer"]: row for row in left.table("layers")}
    assert list(rows) == ["flatten", "dense2", "logits"]
    assert abs(float(rows["dense2"]["corrected"]) - 0.8**0.5) < 0.06
    assert [row["features"] for row in rows.values()] == ["64", "24", "10"]
    assert "5,120 images" in left.run["setting"][1]


def test_recordings_and_features_come_from_files(trained):
    files = ("--recordings", "good.npz", "--features", "features.npz", "--layers", "conv1")
    done(trained, "experiment", "neural-fit", *files, "--components", "10", "--out", "files")
    assert list(Left(trained / "files").run["numbers"]) == ["conv1"]


FILES = ("neural-fit", "--features", "features.npz", "--layers")
NET = ("neural-fit", "--checkpoint", "net", "--simulate")
UNFITTED = {
    "no responses": (["neural-fit", "--features", "features.npz"], ["--recordings or --simulate"]),
    "no features": (["neural-fit", "--recordings", "good.npz"], ["--features or --checkpoint"]),
    "no layers": ([*NET, "dense2"], ["--layers"]),
    "no images": (
        ["neural-fit", "--checkpoint", "net", "--recordings", "good.npz", "--layers", "a"],
        ["--images"],
    ),
    "no network": (
        ["neural-fit", "--checkpoint", "nets", "--simulate", "a", "--layers", "a"],
        ["nets holds no trained network", "alignsearch train"],
    ),
    "no such layer": ([*NET, "dense2", "--layers", "dense3"], ["'dense3'", "did you mean dense"]),
    "no such array": ([*FILES, "conv3", "--recordings", "good.npz"], ["'conv3'", "conv1"]),
    "missing trials": (
        [*FILES, "conv1", "--recordings", "holes.npz"],
        ["responses is missing", "stimulus 3, repetition 2"],
    ),
    "few images": ([*FILES, "conv1", "--recordings", "few.npz"], ["category 1.0 has 3 images"]),
    "few features": (
        [*FILES, "conv2", "--recordings", "good.npz"],
        ["conv2 has 5", "--components"],
    ),
    "no file": ([*FILES, "conv1", "--recordings", "bad.npz"], ["bad.npz can't be read"]),
}


@pytest.mark.parametrize("case", UNFITTED)
def test_what_cannot_be_fitted_is_refused_in_a_line(trained, case):
    asked, named = UNFITTED[case]
    before = sorted(trained.iterdir())
    code, printed, said = in_this_process(trained, "experiment", *asked, "--out", "never")
    assert (code, printed, said.count("\n")) == (2, "", 1), said
    assert said.startswith("alignsearch: ")
    assert [word for word in named if word not in said] == [], said
    assert sorted(trained.iterdir()) == before


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


TRIALS = 24


@pytest.fixture(scope="module")
def moved(tmp_path_factory, server_uri, make_search_in, make_driver_in):
    """A rehearsed search over `ia`, what its trials came to, and its copy in another store."""
    folder = tmp_path_factory.mktemp("moved")
    uri, other = (f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}" for _ in range(2))
    with Store.connect(uri) as store:
        make_search_in(store, "tried", "ia", trials=TRIALS, parallel=8)
        make_driver_in(store, uri, "tried").run(threading.Event())
        trials = store.trials.all("tried", [TrialState.COMPLETED])
    done(folder, "dump", "tried", "tried.jsonl", "--store", uri)
    done(folder, "load", "tried.jsonl", "--store", other)
    return folder, trials, other


@pytest.fixture(scope="module")
def tried(moved):
    folder, _, uri = moved
    printed = done(folder, "experiment", "importance", "tried", "--store", uri)
    return printed, Left(folder / "experiments" / "importance-tried")


def test_the_categorical_means_are_those_of_the_trials(moved, tried):
    _, trials, _ = moved
    printed, found = tried
    found.check_files(["importance"], ["categorical", "fanova"])
    rows = list(csv.reader((found.folder / "categorical.csv").read_text().splitlines()))[1:]
    differences = []
    for row in rows:
        label, cells = row[0], row[2:]
        field = {"A": "bo_fwl2n", "B": "sigma", "C": "delay_epochs", "D": "bo_relu"}.get(label)
        if field is None:
            continue
        for at, answer in ((0, False), (3, True)):
            scores = [1 - t.loss for t in trials if bool(t.config[field]) == answer]
            assert int(cells[at]) == len(scores)
            if len(scores) > 1:
                sem = statistics.stdev(scores) / len(scores) ** 0.5
                assert float(cells[at + 1]) == pytest.approx(statistics.mean(scores))
                assert float(cells[at + 2]) == pytest.approx(sem)
        differences.append(abs(float(cells[6] or 0)))
    assert differences == sorted(differences, reverse=True)
    assert f"{TRIALS} trials with a loss" in printed
    assert "B: one answer in all trials" in printed


def test_all_sampled_metaparameters_have_a_share_and_the_setting_is_told(tried):
    _, found = tried
    shares = found.run["numbers"]["share"]
    assert shares.keys() == get_space("ia").sampled_names
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert len(found.table("fanova")) == len(shares)
    assert "search 'tried' over ia" in found.run["setting"][0]
    assert found.run["seeds"] == [0]


def test_a_search_with_too_few_losses_is_refused_with_their_number(
    moved, server_uri, make_search_in, make_driver_in
):
    folder, _, _ = moved
    uri = f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}"

    def diverge_at_times(search, trial, link):
        if trial.tid % 4:
            return rehearse(search, trial, link)
        return Finished(Result(status="fail", reason="the loss is NaN in epoch 1"))

    with Store.connect(uri) as store:
        make_search_in(store, "few", "ia", trials=12)
        make_driver_in(store, uri, "few", objective=diverge_at_times).run(threading.Event())
    code, printed, said = in_this_process(
        folder, "experiment", "importance", "few", "--store", uri, "--out", "never"
    )
    assert (code, printed, said.count("\n")) == (2, "", 1)
    assert "needs at least 10 trials" in said
    assert "there are 9" in said
    assert not (folder / "never").exists()


def test_an_unknown_search_is_refused_with_the_nearest(moved):
    folder, _, uri = moved
    code, _, said = in_this_process(folder, "experiment", "importance", "tired", "--store", uri)
    assert (code, "did you mean tried" in said) == (2, True), said


def test_a_searchs_best_configuration_is_transferred_as_it_is(moved):
    """To every network and seed, beside backpropagation, whose accuracy the gap is from."""
    _, _, uri = moved
    asked = []
    setting = Setting(
        rules=("bp", "tried"),
        models=("resnet18", "resnet50"),
        dataset="digits",
        seeds=(2, 7),
        width=4,
        epochs=1,
        scale="minutes",
    )
    with Store.connect(uri) as store:
        search, best = store.searches.get("tried"), store.totals.best("tried")

        def train(experiment, setting, runs, weight_samples=None):
            asked.extend(runs)
            found = [
                Outcome(
                    run,
                    f"s/{tid}",
                    TrialState.COMPLETED,
                    accuracy=0.9 if run.rule == "bp" else 0.7 + run.seed / 100,
                    chance=0.1,
                    diverged=False,
                    seconds=1.0,
                )
                for tid, run in enumerate(runs)
            ]
            return Trained(search, found, {})

        report = transfer.report(transfer.TRANSFER, setting, train, store)
    searched = [run for run in asked if run.label == "tried"]
    assert [(run.model, run.seed) for run in searched] == [
        (model, seed) for model in setting.models for seed in setting.seeds
    ]
    assert {run.searched for run in searched} == {configuration(best.config)}
    assert {run.rule for run in searched} == {"ia"}
    found = report.numbers["resnet50"]["tried"]
    assert found["seeds"] == [2, 7]
    assert (found["gap"], found["gap_sem"]) == pytest.approx((-0.155, 0.025))
    assert any(
        "best configuration of the search of that name, over ia" in s for s in report.setting
    )


@pytest.fixture
def reproduced(scalar, tmp_path):
    """A report of one experiment that was done before, and of one that can't be done."""
    _, left = scalar
    done_before = tmp_path / "all" / "scalar-network"
    shutil.copytree(left.folder, done_before)
    told = left.run | {"command": "alignsearch experiment scalar-network --out all/scalar-network"}
    (done_before / "experiment.json").write_text(json.dumps(told))
    (tmp_path / "all" / "stability").write_text("in the way")
    options = ("--only", "scalar-network,stability", "--out", "all")
    code, printed, said = in_this_process(tmp_path, "experiment", "reproduce", *options)
    return tmp_path / "all", left, code, printed, said


def test_reproduce_shows_what_is_done_and_what_failed_in_one_page(reproduced):
    folder, left, code, printed, said = reproduced
    assert code == 1
    assert "failed: stability" in printed
    assert "stability can't hold an experiment: it is a file" in said
    page = html.unescape((folder / "index.html").read_text())
    assert page.count("<section") == 2
    assert [f for f in left.run["captions"] if f'id="figure-scalar-network-{f}"' not in page] == []
    assert [text for text in left.run["captions"].values() if text not in page] == []
    wanted = [each["title"] for each in left.run["tables"]]
    wanted += ["alignsearch experiment scalar-network --out all/scalar-network", "scipy", "Seeds:"]
    wanted += ["alignsearch experiment stability --out all/stability", "it is a file"]
    assert [text for text in wanted if text not in page] == []
    # One file shows everything, on paper too; what is beside it is there to be taken.
    assert "<script src" not in page
    pictures = re.findall(r'<img class="print" alt="" srcset="([^" ]+) 2.0833x">', page)
    assert [each[:22] for each in pictures] == ["data:image/png;base64,"] * len(
        left.run["captions"]
    )
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    links = re.findall(r'<a href="([^"#]+)"', text)
    assert len(links) == 2 * len(left.run["captions"]) + 3 * len(left.run["tables"])
    assert [each for each in links if not (folder / each).exists()] == []


def test_reproduce_tells_programs_what_became_of_each(reproduced):
    folder, _, _, _, _ = reproduced
    told = json.loads((folder / "reproduce.json").read_text())
    outcomes = {each["name"]: each["outcome"] for each in told["experiments"]}
    assert outcomes == {"stability": "failed", "scalar-network": "done before"}


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
