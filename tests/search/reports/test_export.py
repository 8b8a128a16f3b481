import csv
import io
import json
import re
import shutil
import subprocess

import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import StoredRow
from alignsearch.search.reports.export import (
    Column,
    export,
    published_columns,
    read_csv,
    read_json,
    table5_column,
)
from alignsearch.search.reports.text_tables import document
from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.table5 import PUBLISHED

# Kunin et al. 2020, Table 5, as printed.
TITLES = (
    r"$\mathcal{R}_{\text{WM}}^{\text{TPE}}$",
    r"$\mathcal{R}_{\text{WM+AD}}^{\text{TPE}}$",
    r"$\mathcal{R}_{\text{WM+AD+OPS}}^{\text{TPE}}$",
    r"$\mathcal{R}_{\text{IA}}^{\text{TPE}}$",
)
TABLE_5 = (
    ("Alternating Minimization", "True", "True", "True", "True"),
    ("Delay Epochs (de)", "2", "0", "0", "1"),
    (r"Train Batch Size ($\lvert\mathcal{B}\rvert$)", "2048", "256", "256", "256"),
    ("SGDM Learning Rate", "1.0", "0.125", "0.125", "0.125"),
    ("Alignment Optimizer", "Vanilla GD", "Adam", "Adam", "Adam"),
    ("Alignment Learning Rate (η)", "1.0", "0.0053", "0.0025", "0.0098"),
    ("σ", "0.6905", "0.9500", "0.6402", "0.8176"),
    ("α/β", "15.6607", "13.9040", "0.1344", "129.1123"),
    ("β", "0.0283", "2.8109×10^{-8}", "232.7856", "7.9990"),
    ("γ", "N/A", "N/A", "N/A", "3.1610×10^{-6}"),
    ("Forward Path Output (FO) Bias", "True", "True", "True", "True"),
    ("FO ReLU", "True", "True", "True", "True"),
    ("FO BWMC", "True", "True", "True", "True"),
    ("FO FWMC", "False", "False", "True", "True"),
    ("FO FWL2N", "False", "False", "False", "False"),
    ("Backward Path Output (BO) Bias", "False", "False", "False", "True"),
    ("BO ReLU", "False", "False", "True", "False"),
    ("BO FWMC", "False", "False", "False", "True"),
    ("BO FWL2N", "False", "False", "True", "True"),
    ("Backward Path Input (BI) BWMC", "True", "True", "True", "False"),
    ("BI FWMC", "False", "False", "False", "False"),
    ("BI FWL2N", "False", "False", "False", "False"),
)

# Values that only full precision brings back, and text that every format must guard.
AWKWARD = PUBLISHED["ia"].model_copy(
    update={"sigma": 0.1 + 0.2, "beta": 1 / 3e7, "gamma": 9_999_999.123456789, "bo_relu": True}
)
NASTY = r"50%_of {a} \ b & c # d ~ e ^ f, x|y <é>"
MINE = [
    table5_column("ia-1", AWKWARD, get_space("ia"), "best of 300 trials"),
    table5_column(NASTY, PUBLISHED["wm"], get_space("wm"), NASTY),
]


def _markdown_cells(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_published_table_comes_out_cell_by_cell():
    head, rule, *body = _markdown_cells(export(published_columns(), "markdown"))
    assert head == ["", *TITLES]
    assert all(re.fullmatch("-{3,}", cell) for cell in rule)
    assert [tuple(line) for line in body] == list(TABLE_5)


def test_readable_formats_say_that_they_are_rounded_and_where_a_column_is_from():
    for format_ in ("markdown", "latex"):
        text = export(MINE, format_)
        assert "Continuous values are rounded to 4 decimal places." in text
        assert "ia-1: best of 300 trials" in text
    published = export(published_columns(), "markdown")
    assert published.count("Kunin et al. 2020, Table 5") == 1


def test_markdown_rounds_sampled_values_and_keeps_nasty_titles_in_their_cell():
    cells = _markdown_cells(export(MINE, "markdown"))
    assert {len(line) for line in cells} == {3}
    rows = {line[0]: line[1] for line in cells}
    assert rows["σ"] == "0.3000"
    assert rows["β"] == "3.3333×10^{-8}"
    assert rows["γ"] == "1.0000×10^{7}"


@pytest.mark.parametrize(("format_", "read"), [("csv", read_csv), ("json", read_json)])
@pytest.mark.parametrize("columns", [published_columns(), MINE], ids=["published", "mine"])
def test_data_formats_bring_back_the_very_same_configurations(columns, format_, read):
    back = read(export(columns, format_))
    assert {title: one.model_dump() for title, one in back.items()} == {
        column.title: column.config for column in columns
    }


def test_csv_has_the_rows_of_table_5_for_other_programs():
    lines = list(csv.reader(io.StringIO(export(published_columns(), "csv"))))
    assert [line[0] for line in lines[1:]] == [line[0] for line in TABLE_5]
    assert lines[0][1:] == list(TITLES)
    assert float(lines[9][2]) == 2.8109e-8


def test_json_names_space_hash_and_note():
    first = json.loads(export(MINE, "json"))["columns"][0]
    assert first["space"] == "ia"
    assert first["space_hash"] == SPACES["ia"].space_hash
    assert first["note"] == "best of 300 trials"


_PAPER = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[margin=15mm]{geometry}
\usepackage{amsmath,booktabs,graphicx}
\begin{document}
Table~\ref{tab:configurations} has them.
\input{part}
\end{document}
"""


def test_text_has_the_table_without_any_markup():
    head, rule, *rows = export(published_columns(), "text").splitlines()[:24]
    assert head.split() == ["R_WM^TPE", "R_WM+AD^TPE", "R_WM+AD+OPS^TPE", "R_IA^TPE"]
    assert set(rule) == {"-", " "}
    cells = [tuple(re.split(r"\s{2,}", row)) for row in rows]
    plain = {r"$\lvert\mathcal{B}\rvert$": "|B|", "×10^{-8}": "e-8", "×10^{-6}": "e-6"}
    for row, printed in zip(cells, TABLE_5, strict=True):
        expected = " ".join(printed)
        for latex, word in plain.items():
            expected = expected.replace(latex, word)
        assert " ".join(row) == expected


# Without those that look like Latin ones.
GREEK = "αβγδεζηθικλμνξπρςστυφχψω ΓΔΘΛΞΠΣΥΦΨΩ"
NAMED = [
    Column("mine", (StoredRow(name=GREEK, field="x"),), {"x": 0.5}, frozenset("x"), {}, "mine", "0")
]


@pytest.mark.parametrize(
    "columns", [published_columns(), MINE, NAMED], ids=["published", "mine", "greek"]
)
@pytest.mark.parametrize("alone", [True, False], ids=["document", "input"])
def test_latex_compiles(columns, alone, tmp_path):
    assert shutil.which("pdflatex"), "pdflatex is missing: install texlive-latex-recommended"
    table = export(columns, "latex")
    whole = document(table) if alone else _PAPER
    (tmp_path / "part.tex").write_text(table, encoding="utf-8")
    (tmp_path / "table.tex").write_text(whole, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").read_bytes().startswith(b"%PDF")
    assert "Overfull" not in (tmp_path / "table.log").read_text(errors="replace")


def test_latex_has_the_published_cells():
    plain = export(published_columns(), "latex")
    for greek, symbol in {"alpha": "α", "beta": "β", "gamma": "γ", "sigma": "σ"}.items():
        plain = plain.replace(rf"$\{greek}$", symbol)
    plain = plain.replace(r"$\eta$", "η")
    plain = re.sub(r"\$\\times10\^(\{-?\d+\})\$", r"×10^\1", plain)
    for line in TABLE_5:
        assert f"{' & '.join(line)} \\\\" in plain


def test_a_table_needs_columns_with_titles_of_their_own():
    with pytest.raises(ConfigurationError, match="different titles"):
        export([], "csv")
    with pytest.raises(ConfigurationError, match="different titles"):
        export([MINE[0], MINE[0]], "csv")


def test_an_unknown_format_is_refused():
    with pytest.raises(UnknownNameError, match=r"no export format is named 'tex'.*latex"):
        export(MINE, "tex")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "{"])
def test_foreign_csv_is_refused(text):
    with pytest.raises(ConfigurationError, match="not a CSV export"):
        read_csv(text)


def test_a_damaged_csv_is_refused():
    text = export(MINE, "csv")
    with pytest.raises(ConfigurationError, match="differ in length"):
        read_csv(text.replace("FO ReLU,True,True", "FO ReLU,True"))
    with pytest.raises(ConfigurationError, match="fo_relu"):
        read_csv(text.replace("FO ReLU,True,True", "FO ReLU,True,perhaps"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"columns": [1]}'])
def test_foreign_json_is_refused(text):
    with pytest.raises(ConfigurationError, match="not a JSON export"):
        read_json(text)


def test_an_own_table_tells_none_from_inactive_and_has_whole_steps():
    rows = tuple(
        StoredRow(name=name, field=name) for name in ("noise", "deviation", "width", "step")
    )
    values = {"noise": None, "width": 8.0, "step": 3 * 0.1}
    stepped = frozenset({"width", "step"})
    column = Column("mine", rows, values, frozenset(values), values, "mine", "0", stepped=stepped)
    cells = {line[0]: line[1] for line in _markdown_cells(export([column], "markdown"))[2:]}
    assert cells == {"noise": "None", "deviation": "–", "width": "8", "step": "0.3"}
    assert "–: the configuration's choices leave this dimension out." in export([column], "latex")
    # Exact, and read back with its type; an inactive dimension isn't there.
    assert read_csv(export([column], "csv"))["mine"] == values
    # A row of another column's table is no inactive one.
    both = export([*MINE, column], "markdown")
    assert next(line[1:] for line in _markdown_cells(both) if line[0] == "width") == ["", "", "8"]
    assert next(line[3] for line in _markdown_cells(both) if line[0] == "γ") == ""
