"""Tables of all experiments are LaTeX fragments; the page of many names every command."""

import subprocess

import numpy as np

from alignment_core.analysis.neural_fit import LayerFit
from alignment_core.analysis.recordings import Recordings
from alignsearch.experiments.figures.architectures import Row
from alignsearch.experiments.figures.architectures import make_report as architectures
from alignsearch.experiments.figures.neural_fit import make_report as neural_fit
from alignsearch.experiments.figures.noise import Curve
from alignsearch.experiments.figures.noise import make_report as noise
from alignsearch.experiments.figures.rules import make_report as rules
from alignsearch.experiments.figures.symmetry import Pairs
from alignsearch.experiments.figures.symmetry import make_report as symmetry
from alignsearch.experiments.figures.weight_metrics import layers_over_time
from alignsearch.experiments.figures.weight_metrics import make_report as weight_metrics
from alignsearch.experiments.report_page import Entry, Section, page_of_all
from alignsearch.experiments.rule_budgets import SCALES
from alignsearch.experiments.rule_results import RuleResult
from alignsearch.experiments.run_statistics import MeanAccuracy
from alignsearch.search.reports.means import Mean
from alignsearch.search.reports.text_tables import document

RULES_TABLES = (
    *("rules", "searches", "robustness", "layers", "best", "pairs"),
    *("checklist", "checklist-reasons"),
)
"""Tables of the experiment `rules` where no cost was measured."""
ACCURACY = MeanAccuracy(0.9, 0.01, 3, diverged=0, missing=0, seeds=(0, 1, 2))


def tables():
    weights = np.linspace(-1, 1, 5)
    fits = [LayerFit("stem_relu", 9, np.full((2, 3), 0.4), np.full((2, 3), 0.8))]
    recordings = Recordings(np.zeros((8, 2, 3)), np.arange(8) % 2, ("a", "b_1", "c"))
    rows = [
        Row("resnet18", "bp", ACCURACY, None),
        Row("resnet18", "my_search", ACCURACY, Mean(-0.1, 0.01, 3)),
    ]
    curves = [Curve("sa", [0.0, 1e-10], [ACCURACY] * 2, alone=True, shifted=True)]
    for report in (
        architectures(
            rows, name="transfer", title="T", source="", setting=[], seeds=(), chance=0.1
        ),
        noise(curves, [], seeds=(), chance=0.1),
        symmetry(
            [Pairs("WM ref.", 1, weights, weights, 5.0, 1.0)],
            "stage1_conv",
            [],
            shown_seed=0,
            seeds=(0,),
        ),
        weight_metrics(
            [layers_over_time("WM+AD", [(0, False, []), (1, True, [])], 2, ())], [], seeds=(0, 1)
        ),
        neural_fit(fits, recordings, 25, [], seeds=(0,)),
        rules(
            SCALES["minutes"],
            {
                SCALES["minutes"].tasks[0]: [
                    RuleResult(each, each, 3, "s", 2, [0.1, None], 1, 0.1, {"rate": 0.1}, [0.1, e])
                    for each, e in (("bp", 0.2), ("fa", 0.3))
                ]
            },
            scale="minutes",
            seed=0,
        ),
    ):
        yield from report.tables


def test_a_page_of_many_names_what_an_experiment_needed_first():
    found = {
        **{"title": "t", "source": "s", "setting": [], "figures": [], "tables": [], "seeds": []},
        **{"command": "alignsearch fit", "started_at": "now", "seconds": 1.0, "versions": {}},
    }
    for command, said in (("alignsearch fit", 0), ("alignsearch train && alignsearch fit", 1)):
        entry = Entry("fit", "s", command, "done", 1.0, Section(found, {}, {}))
        text = page_of_all(
            "all", [], [entry], script="", command="c", started_at="now", seconds=1.0, versions={}
        )
        assert (
            text.count("needed first: <code>alignsearch train &amp;&amp; alignsearch fit") == said
        )


def test_every_table_is_a_fragment_that_compiles_in_a_document_of_ones_own(tmp_path):
    r"""All in one, each by \\input, for LaTeX takes longest to begin."""
    found = list(tables())
    assert len(found) == 6 + len(RULES_TABLES)
    for at, table in enumerate(found):
        (tmp_path / f"table{at}.tex").write_text(table.latex())
        assert f"\\label{{tab:{table.name}}}" in table.latex()
    inputs = "\n".join(f"\\input{{table{at}}}" for at in range(len(found)))
    (tmp_path / "all.tex").write_text(document(f"{inputs}\n"))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
