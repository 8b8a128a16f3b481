"""Progress in a notebook: the panel as HTML, and how a notebook is told from a script."""

from rich.panel import Panel

from alignsearch.notebook import as_html, in_notebook


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
