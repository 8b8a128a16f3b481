"""The page of compared learning rules: table and chart of each task, and how it follows a run."""

import re
import threading
import uuid

import pytest
from compared_rules import compare_three, some_diverge
from playwright.sync_api import expect

from alignsearch.search.store import Store

LONGEST_SECONDS = 300.0
WIDTHS = (400, 1280, 1800)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def empty(server_uri):
    uri = f"{server_uri.rstrip('/')}/rules_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        yield store, uri


@pytest.fixture(scope="module")
def before(empty, tmp_path_factory, run_dashboard):
    """A dashboard over a store without any search."""
    _, uri = empty
    with run_dashboard(uri, tmp_path_factory.mktemp("rules")) as dashboard:
        yield dashboard


@pytest.fixture(scope="module")
def rules(before, empty, make_driver_in, tmp_path_factory):
    """The same dashboard after the experiment: BP is done, FA diverged, WM lost a seed."""
    compare_three(*empty, make_driver_in, tmp_path_factory.mktemp("report") / "out")
    return before


def row(page, name):
    return page.locator("#tables tbody tr").filter(
        has=page.get_by_role("link", name=name, exact=True)
    )


def test_a_page_that_is_open_follows_the_experiment(
    before, empty, make_driver_in, open_page, tmp_path
):
    page = open_page(before, "/")
    expect(page.get_by_role("navigation").get_by_role("link", name="Compare")).to_be_visible()
    expect(page.get_by_role("link", name="Rules", exact=True)).to_have_count(0)
    page = open_page(before, "/rules")
    expect(page.locator("#rules")).to_contain_text("alignsearch experiment rules")
    go_on, failures = threading.Event(), []

    def held(search, trial, link):
        if search.name.startswith("rules-wm-") and "-final-" in search.name and trial.tid == 2:
            assert go_on.wait(LONGEST_SECONDS)
        return some_diverge(search, trial, link)

    def run():
        try:
            compare_three(*empty, make_driver_in, tmp_path / "out", held)
        except BaseException as error:
            failures.append(error)
            raise

    running = threading.Thread(target=run)
    running.start()
    try:
        expect(row(page, "WM")).to_contain_text("training seeds", timeout=1000 * LONGEST_SECONDS)
        expect(row(page, "WM")).to_contain_text("2 of 3")
        expect(page.locator("#tables")).to_contain_text("Not over yet: 1 of 3 rules")
        expect(row(page, "BP")).to_contain_text("done")
    finally:
        go_on.set()
        running.join(LONGEST_SECONDS)
    assert failures == []
    expect(row(page, "WM")).to_contain_text("3 of 3")
    expect(page.locator("#tables")).not_to_contain_text("Not over yet")


def test_the_table_says_how_rules_stand_and_leads_to_their_searches(rules, open_page):
    page = open_page(rules, "/rules")
    expect(page.locator("#tables tbody tr")).to_have_count(3)
    names = page.locator("#tables tbody tr td:first-child")
    expect(names).to_have_text(["BP", "WM", "FA"])
    cells = row(page, "WM").locator("td")
    expect(cells.nth(2)).to_have_text("36.67")
    expect(cells.nth(6)).to_have_text("1")
    expect(row(page, "FA")).to_contain_text("diverged everywhere")
    words = page.locator("#tables").get_by_text("BP has the lowest mean error, 10.00 %")
    expect(words).to_contain_text("not told apart from it: WM.")
    page.get_by_role("link", name="WM: seeds").click()
    expect(page).to_have_url(re.compile("/searches/rules-wm-.*-final-"))
    page.get_by_role("link", name="Rules", exact=True).click()
    row(page, "BP").get_by_role("link", name="BP", exact=True).click()
    expect(page).to_have_url(re.compile("/searches/rules-bp-[0-9a-f]{8}$"))


def test_the_keyboard_reaches_each_mean_and_each_seed(rules, open_page):
    page = open_page(rules, "/rules")
    chart = page.locator("#tables .chart[data-spots]")
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_attribute("data-spots", "8")
    expect(chart).to_have_attribute("aria-label", re.compile("^Errors of 2 rules.*BP 10.00 %"))
    chart.focus()
    told = []
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        told.append(chart.locator(".tip").inner_text())
    assert told[0].startswith("BP: mean 10.00 %, 95 % interval 10.00 to 10.00, the best")
    assert told[4].startswith("WM: mean 36.67 %, 95 % interval")
    assert told[4].endswith("not told apart from it")
    assert told[6] == "WM: 90.00 %, result 2 of 3 seeds"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_reaches_beyond_the_page_or_beyond_its_panel(rules, open_page, width, scheme):
    page = open_page(rules, "/rules", width=width, color_scheme=scheme)
    chart = page.locator("#tables .chart[data-spots]")
    chart.scroll_into_view_if_needed()
    expect(chart).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    panels = page.locator("#tables section.panel").all()
    boxes = [panel.bounding_box() for panel in panels]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    table, errors = boxes
    if width == max(WIDTHS):
        assert errors["x"] >= table["x"] + table["width"]
    else:
        assert errors["y"] >= table["y"] + table["height"]
