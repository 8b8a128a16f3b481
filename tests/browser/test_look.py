"""The look of the pages: weight, sizes, order, rows that open, diverged trials, filters."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from alignsearch.dashboards.web.assets import FOLDER
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

MOST_BYTES = 300_000
"""Limits what the page of a search may load, all panels read and headers included."""
SPACES = ("ia", "wm", "wm_ad", "wm_ad_ops")
WIDTHS = (400, 1280)


@pytest.fixture(scope="module")
def looked_at(server_uri, tmp_path_factory, run_dashboard, seed):
    """A dashboard over a search of each of the paper's spaces, one of them archived."""
    uri = f"{server_uri.rstrip('/')}/look_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        for at, space in enumerate(SPACES):
            owner = "ann@host" if at % 2 else "bob@lab"
            seed(store, space, trials=14, seed=at, space=space, owner=owner)
        seed(store, "old", trials=3, seed=9, status=SearchStatus.COMPLETED)
        tagged = {"tags": ["archived"]}
        store.searches.edit("old", lambda _: tagged, "ann@host", "tagged", "archived")
    with run_dashboard(uri, tmp_path_factory.mktemp("look")) as dashboard:
        yield dashboard


def when_interactive(page):
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")


def look_at_all(page):
    """Scroll to every panel, as a reader does, until none is loading."""
    when_interactive(page)
    for panel in page.locator("section.panel").all():
        panel.scroll_into_view_if_needed()
        expect(panel.locator(".spin")).to_have_count(0)


def test_the_page_of_a_search_with_all_its_charts_is_light(looked_at, open_page):
    page = open_page(looked_at, "/login")
    transferred = []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda e: transferred.append(e["encodedDataLength"]))
    page.goto(f"{looked_at.url}/searches/ia")
    look_at_all(page)
    assert len(transferred) > 20
    assert sum(transferred) < MOST_BYTES


@pytest.mark.parametrize("space", SPACES)
def test_parallel_coordinates_fit_all_axes_and_diverged_trials_have_a_lane(
    looked_at, open_page, space
):
    page = open_page(looked_at, f"/searches/{space}", width=1280)
    when_interactive(page)
    chart = page.locator("#parcoords .body > .scroll")
    scrolled, shown = chart.evaluate("node => [node.scrollWidth, node.clientWidth]")
    assert scrolled <= shown
    frame = chart.bounding_box()
    places = []
    for axis in page.locator("#parcoords .axis").all():
        box = axis.locator(".hit").bounding_box()
        assert frame["x"] <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
        places.append((box["x"], axis.get_attribute("data-axis")))
    assert min(places)[1] == "loss"
    assert page.locator("#parcoords .axis.covered").count() == 0
    expect(page.locator("#parcoords .lane")).to_have_text("✖ diverged")
    worst = page.locator("[data-axis=loss] .tick:not(.lane)").first.bounding_box()
    assert page.locator("#parcoords .lane").bounding_box()["y"] < worst["y"]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_reaches_beyond_its_panel(looked_at, open_page, width):
    page = open_page(looked_at, "/searches/ia", width=width)
    look_at_all(page)
    beyond = page.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(node => {
             const panel = node.closest('section.panel');
             const hidden = '.scroll, svg, dialog, pre, .visually-hidden';
             if (!panel || node.closest(hidden)) return false;
             const { left, right, width } = node.getBoundingClientRect();
             const edge = panel.getBoundingClientRect();
             return width > 0 && (left < edge.left - 1 || right > edge.right + 1);
           }).map(node => node.outerHTML.slice(0, 120))"""
    )
    assert beyond == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_all_text_has_a_size_and_a_colour_of_the_style_sheets_lists():
    style = re.sub(r"/\*.*?\*/", "", (FOLDER / "style.css").read_text(), flags=re.DOTALL)
    lists, rest = style.split("}", 1)
    sizes = set(re.findall(r"font-size: ([^;]+);", rest))
    assert all(re.fullmatch(r"var\(--size-[a-z]+\)", size) for size in sizes)
    assert 4 <= len(re.findall(r"--size-[a-z]+:", lists)) <= 6
    # Only shadows behind dialogs have a colour of their own.
    assert set(re.findall(r"#[0-9a-f]{3,6}\b|rgb\([^)]*\)", rest)) <= {"rgb(0 0 0 / 45%)"}


def test_four_large_numbers_come_first_and_charts_before_tables(looked_at, open_page):
    page = open_page(looked_at, "/searches/ia")
    when_interactive(page)
    numbers = page.locator("#summary .numbers")
    expect(numbers.locator("dt")).to_have_text(
        ["best validation error", "done", "diverged and failed", "time left"]
    )
    expect(numbers.locator("dd").nth(1)).to_contain_text("12 of 24 trials")
    expect(numbers.locator("dd").nth(2)).to_contain_text(re.compile("1 diverged.*2 failed"))
    places = [
        page.locator(f"#{panel}").bounding_box()["y"]
        for panel in ("summary", "best", "parcoords", "trials", "slice")
    ]
    assert places == sorted(places)
    numbers.get_by_role("link", name="why").click()
    expect(page.locator("#failures")).to_contain_text("1 of 12 diverged: 1 because the loss is NaN")


def test_diverged_trials_are_counted_and_marked_in_every_view(looked_at, open_page):
    page = open_page(looked_at, "/searches/ia")
    when_interactive(page)
    expect(page.locator("#diverged .pill[data-state=diverged]")).to_have_text("1 diverged")
    bar = page.locator("#summary .progress [data-state=diverged]")
    assert bar.bounding_box()["width"] > 1
    colours = [
        page.locator(f"#summary .progress [data-state={state}]").evaluate(
            "node => getComputedStyle(node).background"
        )
        for state in ("completed", "diverged", "failed")
    ]
    assert len(set(colours)) == 3
    look_at_all(page)
    for panel in ("best", "slice", "failures"):
        expect(page.locator(f"#{panel} .legend-row")).to_contain_text("diverged")
    listed = open_page(looked_at, "/")
    row = listed.locator("tr[data-name=ia]")
    expect(row.locator(".pill[data-state=diverged]")).to_have_text("1 diverged")
    trial = open_page(looked_at, "/searches/ia/trials/7")
    expect(trial.locator("#status .pill")).to_have_attribute("data-state", "diverged")
    expect(trial.locator("#summary p.diverged")).to_have_text("the loss is NaN in epoch 2")


def test_ten_trials_a_page_and_each_row_opens_its_trial(looked_at, open_page):
    page = open_page(looked_at, "/searches/ia?sort=tid")
    rows = page.locator("#trials tbody tr")
    expect(rows).to_have_count(10)
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(4)
    box = rows.first.locator("input")
    box.check()
    expect(box).to_be_checked()
    expect(rows.first).to_have_attribute("data-tid", "10")
    rows.first.locator("td").nth(3).click()
    page.wait_for_url("**/searches/ia/trials/10")


def test_the_list_draws_the_best_so_far_and_hides_archived_searches(looked_at, open_page):
    page = open_page(looked_at, "/")
    rows = page.locator("#searches tbody tr")
    expect(rows).to_have_count(len(SPACES))
    expect(page.locator("#shown")).to_have_text("4 searches")
    for row in rows.all():
        expect(row.locator(".spark polyline")).to_have_attribute("points", re.compile(r"\d,\d"))
    page.locator("#owner").select_option("bob@lab")
    expect(rows).to_have_count(2)
    page.get_by_label("archived (1)").check()
    page.locator("#owner").select_option("any")
    expect(rows).to_have_count(len(SPACES) + 1)
    page.reload()
    expect(rows).to_have_count(len(SPACES) + 1)
    page.locator("tr[data-name=wm] td").nth(2).click()
    page.wait_for_url("**/searches/wm")
    tagged = open_page(looked_at, "/?tag=archived")
    expect(tagged.locator("#searches tbody tr")).to_have_attribute("data-name", "old")
