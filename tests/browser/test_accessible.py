"""Pages that everybody can use: axe finds nothing on them, and the keyboard reaches every mark."""

import uuid

import pytest
from axe import AXE, FOUND
from compared_rules import compare_three
from other_searches import seed_runs
from playwright.sync_api import expect

from alignsearch.search.store import Store

SCHEMES = ("light", "dark")
PAGES = {
    "searches": "/",
    "search": "/searches/first",
    "marked": "/searches/first?sel=1,2&at=4&b.loss=0.3..0.5&slices=all",
    "runs": "/searches/architectures-1",
    "trial": "/searches/first/trials/2",
    "failed": "/searches/first/trials/3",
    "diverged": "/searches/first/trials/7",
    "compare": "/compare?name=first&name=architectures-1",
    "rules": "/rules",
    "submit": "/submit?max_attempts=0&trials=0&pruner=asha",
    "docs": "/docs",
    "login": "/login",
    "missing": "/searches/frist",
}
FORGIVEN = ["status of 404", "status of 422"]
CHARTS = (
    *("best", "slice", "contour", "rank", "importance", "categorical", "curves", "distribution"),
    *("timeline", "busy", "hours", "failures"),
)

OF_TRIALS = ("best", "slice", "contour", "rank", "distribution", "timeline")
MOST_KEYS = 60


@pytest.fixture(scope="module")
def pages(server_uri, tmp_path_factory, run_dashboard, seed, make_driver_in):
    """A dashboard over a search, over an experiment's runs, and over three compared rules."""
    uri = f"{server_uri.rstrip('/')}/axe_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        seed(store, "first", trials=24)
        seed_runs(store)
        compare_three(store, uri, make_driver_in, tmp_path_factory.mktemp("rules") / "out")
    with run_dashboard(uri, tmp_path_factory.mktemp("axe")) as dashboard:
        yield dashboard


def look_at_all(page):
    """Scroll to every panel, as a reader does, until none is loading."""
    for panel in page.locator("section.panel").all():
        if panel.is_visible():
            panel.scroll_into_view_if_needed()
            expect(panel.locator(".spin")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(pages, open_page, name):
    for scheme in SCHEMES:
        page = open_page(
            pages, PAGES[name], color_scheme=scheme, forgiven=FORGIVEN, bypass_csp=True
        )
        page.wait_for_load_state()
        if name == "rules":
            # The panel with the page's message leaves once its tables are there.
            expect(page.locator("#rules")).to_be_hidden()
        look_at_all(page)
        page.evaluate(AXE.read_text())
        assert page.evaluate(FOUND) == [], scheme


def test_the_keyboard_reaches_every_mark_of_every_chart(pages, open_page):
    page = open_page(pages, "/searches/first")
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    look_at_all(page)
    for panel in CHARTS:
        chart = page.locator(f"#{panel} .chart[data-spots]").first
        chart.scroll_into_view_if_needed()
        chart.focus()
        spots = int(chart.get_attribute("data-spots"))
        assert spots > 0, panel
        told = set()
        for _ in range(min(spots, MOST_KEYS)):
            page.keyboard.press("ArrowUp")
            told.add(chart.locator(".tip").inner_text())
        assert all(told), panel
        if panel in OF_TRIALS:
            # Two of these 24 trials failed, and some diverged.
            assert len(told) >= 18, (panel, told)
