"""`alignsearch experiment`: what each leaves behind, and what it refuses."""

import contextlib
import csv
import io
import json
import re
import shutil
import subprocess
import sys

import pytest

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
    """What `alignsearch ARGUMENTS` prints, without the seconds that TensorFlow takes to start."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["alignsearch", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
    return printed.getvalue()


@pytest.fixture(scope="module")
def scalar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scalar")
    printed = in_this_process(folder, "experiment", "scalar-network", "--grid", "7", "--out", "sc")
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
    in_this_process(tmp_path, "experiment", "stability", *options)
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
    assert [each["name"] for each in listed] == ["stability", "scalar-network"]
    assert all(each["source"].startswith("App.") for each in listed)
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
