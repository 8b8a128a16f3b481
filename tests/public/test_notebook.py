"""Progress in a notebook: the panel as HTML, and how a notebook is told from a script."""

import xml.etree.ElementTree as ET

from rich.panel import Panel

from alignsearch.notebook import as_html, in_notebook
from alignsearch.notebook_view import NotebookView
from alignsearch.search.documents import Result, Search, Trial
from alignsearch.search.documents.states import TrialState


def a_search():
    about = {"trials": 40, "parallel": 2, "seed": 0, "startup": 3, "created_by": "ann"}
    return Search(name="mine", space="gone", space_hash="0", **about)


def a_trial(tid, loss):
    result = {"status": "fail", "reason": "NaN"} if loss is None else {"status": "ok", "loss": loss}
    return Trial(
        id=f"mine/{tid}",
        search="mine",
        tid=tid,
        state=TrialState.COMPLETED,
        config={"<b>net": "<script>alert(1)</script>", "lr": 0.1 * tid},
        point={"<b>net": 0, "lr": 0.1 * tid},
        result=Result(**result),
    )


def test_a_search_is_a_chart_and_a_table_whose_texts_are_no_markup():
    view = NotebookView()
    losses = [0.5, 0.3, None, 0.4, 0.1, *(0.6,) * 30, 1e12]
    view.note(a_trial(tid, loss) for tid, loss in enumerate(losses))
    html = view.html(a_search(), Panel("so far"))
    assert "so far" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert "http" not in html
    svg = html[html.index("<svg") : html.index("</svg>") + 6]
    drawn = ET.fromstring(svg)
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in drawn.iter("circle")]
    assert len(dots) == len(losses) - 1
    # One that is far worse than all others lies at the edge, and the others are told apart.
    assert all(0 <= y <= 180 for _, y in dots)
    assert dots[0][1] - dots[1][1] < -5
    assert len(list(drawn.iter("path"))) == 2
    table = ET.fromstring(html[html.index("<table") : html.index("</table>") + 8])
    rows = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    assert rows[0] == ["trial", "validation error", "<b>net", "lr"]
    assert [row[0] for row in rows[1:]] == ["4", "1", "3", "0", "5"]
    assert rows[1][2] == "<script>alert(1)</script>"


def test_a_search_without_a_result_is_its_panel_alone():
    html = NotebookView().html(a_search(), Panel("nothing yet"))
    assert "nothing yet" in html
    assert "<svg" not in html


def test_a_panel_is_html_with_its_colours_and_nothing_of_its_text_is_markup():
    html = as_html(Panel("3 < 4 [red]busy[/red] & more", title="mine"))
    assert html.startswith("<pre")
    assert "mine" in html
    assert "3 &lt; 4" in html
    assert "&amp; more" in html
    assert "color: #800000" in html
    assert "[red]" not in html


def test_a_script_is_no_notebook():
    assert not in_notebook()
