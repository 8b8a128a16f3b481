"""The dashboard's pages in Debian's Firefox: drawn, without an error, and accessible."""

import pytest
from axe import AXE, FOUND
from firefox import a_firefox

PAGES = {
    "searches": ("/", "document.querySelectorAll('tr[data-name]').length === 2"),
    "search": (
        "/searches/first",
        "['best', 'parcoords', 'trials'].every(id => "
        "document.querySelector(`#${id}`).dataset.shows === 'content')",
    ),
    "trial": ("/searches/first/trials/1", "document.querySelectorAll('canvas, svg').length > 0"),
    "submit": ("/submit", "document.querySelectorAll('form .field').length > 5"),
}
"""Pages with a condition that holds once they are drawn."""


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    with a_firefox(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_without_an_error_and_axe_finds_nothing(seeded, firefox, name):
    path, drawn = PAGES[name]
    for width in (1280, 400):
        firefox.open(f"{seeded.url}{path}", width=width)
        firefox.wait_for(drawn)
        assert firefox.evaluate("document.documentElement.scrollWidth") <= width
    firefox.run(AXE.read_text())
    assert firefox.evaluate(f"({FOUND})()") == []
    assert firefox.errors == []
