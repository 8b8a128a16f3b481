"""`alignsearch experiment scalar-network`: its files, and algebra beside real layers."""

import subprocess

from alignsearch.search.reports.text_tables import document


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
    fragment = (left.folder / "fixed-points.tex").read_text()
    (tmp_path / "whole.tex").write_text(document(fragment))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "whole.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
