"""Runs of `alignsearch` in the test's own process, and what an experiment leaves in its folder."""

import contextlib
import csv
import io
import json
import re
import sys

import pytest

from alignsearch.cli import main

FIGURE_FORMATS, TABLE_FORMATS = ("png", "svg", "html", "json"), ("md", "tex", "csv")


class Output:
    """The files of one experiment."""

    def __init__(self, folder):
        self.folder = folder
        self.run = json.loads((folder / "experiment.json").read_text())

    def table(self, name):
        """Rows of the CSV, by the head."""
        with (self.folder / f"{name}.csv").open() as file:
            head, *rows = csv.reader(file)
        return [dict(zip(head, row, strict=True)) for row in rows]

    def check_files(self, figures=None, tables=None):
        """Every format is there, is what it says, and asks the network for nothing."""
        figures = figures or [each["name"] for each in self.run["figures"]]
        tables = tables or [each["name"] for each in self.run["tables"]]
        assert figures
        assert tables
        for figure in figures:
            assert (self.folder / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
            assert "</svg>" in (self.folder / f"{figure}.svg").read_text()
        expected = {f"{figure}.{suffix}" for figure in figures for suffix in FIGURE_FORMATS}
        expected |= {f"{table}.{suffix}" for table in tables for suffix in TABLE_FORMATS}
        expected |= {"index.html", "report.md", "experiment.json", "plotly.min.js"}
        assert {path.name for path in self.folder.iterdir()} == expected
        for page in self.folder.glob("*.html"):
            text = page.read_text()
            sources = re.findall(r'(?:src|href)="([^"]+)"', text)
            assert sources
            assert [each for each in sources if not (self.folder / each).exists()] == []
        text = (self.folder / "report.md").read_text()
        assert [name for name in figures if f"({name}.png)" not in text] == []
        assert [
            name for name in tables if (self.folder / f"{name}.md").read_text() not in text
        ] == []
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
    """Output of a command that succeeds and has nothing to complain of."""
    code, printed, said = in_this_process(folder, *arguments)
    assert (code, said) == (0, "")
    return printed
