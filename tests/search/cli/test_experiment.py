"""`alignsearch experiment`: what each leaves behind, and what it refuses."""

import contextlib
import csv
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from alignment_core.analysis.simulated_recordings import read_out, simulate
from search.cli import main

FIGURE_FORMATS, TABLE_FORMATS = ("png", "svg", "html"), ("md", "tex", "csv")


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
    assert [each["name"] for each in listed] == ["stability", "scalar-network", "neural-fit"]
    assert all(each["source"].startswith("App.") for each in listed)
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
