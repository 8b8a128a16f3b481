"""The page of a search of two metrics: its front is drawn, and a drag filters the trials."""

import re
import uuid

import pytest
import several_metrics as several
from playwright.sync_api import expect

from alignsearch.search.store import Store

TRIALS = 24


@pytest.fixture(scope="module")
def served(server_uri, tmp_path_factory, run_dashboard, seed):
    uri = f"{server_uri.rstrip('/')}/several_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        several.seed_several(store, trials=TRIALS)
        seed(store, "first", trials=12)
    with run_dashboard(uri, tmp_path_factory.mktemp("several")) as dashboard:
        yield dashboard


def test_a_drag_over_the_front_filters_the_trials_of_every_chart(served, open_page):
    page = open_page(served, "/searches/several")
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    expect(page.locator("#summary")).to_contain_text("accuracy (maximized), step ms (minimized)")
    expect(page.locator("#summary")).to_contain_text("step_ms <= 80")
    panel = page.locator("#front")
    panel.scroll_into_view_if_needed()
    chart = panel.locator(".chart[data-spots]")
    broken = sum(several.measured(tid)[1] > several.LIMIT.bound for tid in range(TRIALS))
    expect(chart).to_have_attribute("data-spots", str(TRIALS))
    expect(chart).to_have_attribute(
        "aria-label",
        re.compile(f"{len(several.front())} of them on the front, {broken} break a constraint"),
    )
    expect(panel).to_contain_text("front of accuracy and step ms")
    expect(panel).to_contain_text("not step_ms <= 80")
    expect(page.locator("#matching")).to_have_text(f"{TRIALS} trials")
    box = chart.bounding_box()
    # `hover` waits until the chart has stopped moving: those above it are still being drawn.
    chart.hover(position={"x": 0.2 * box["width"], "y": 0.2 * box["height"]})
    page.mouse.down()
    chart.hover(position={"x": 0.6 * box["width"], "y": 0.7 * box["height"]})
    page.mouse.up()
    # The brushes are in the address, the table has the trials inside of both, and no page was left.
    expect(page.locator("#matching")).to_have_text(re.compile(rf"\d+ of {TRIALS} trials"))
    assert re.search(r"/searches/several\?.*b\.accuracy=.*", page.url)
    low, high = map(float, re.search(r"b\.step_ms=([\d.]+?)\.\.([\d.]+)", page.url).groups())
    least, most = map(float, re.search(r"b\.accuracy=([\d.]+?)\.\.([\d.]+)", page.url).groups())
    inside = [
        tid
        for tid, (accuracy, step) in ((tid, several.measured(tid)) for tid in range(TRIALS))
        if low <= step <= high and least <= accuracy <= most
    ]
    assert 0 < len(inside) < TRIALS
    expect(page.locator("#matching")).to_have_text(f"{len(inside)} of {TRIALS} trials")
    page.locator("#parcoords").get_by_role("button", name="Clear all").click()
    expect(page.locator("#matching")).to_have_text(f"{TRIALS} trials")


def test_the_keyboard_goes_along_the_front(served, open_page):
    page = open_page(served, "/searches/several")
    panel = page.locator("#front")
    panel.scroll_into_view_if_needed()
    chart = panel.locator(".chart[data-spots]")
    chart.focus()
    best = max(several.front(), key=lambda tid: several.measured(tid)[0])
    page.keyboard.press("ArrowRight")
    expect(chart.locator(".tip")).to_contain_text(f"trial {best}, on the front")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/searches/several/trials/{best}")


def test_importance_follows_the_chosen_metric(served, open_page):
    page = open_page(served, "/searches/several")
    panel = page.locator("#importance")
    panel.scroll_into_view_if_needed()
    with page.expect_response(re.compile(r"/importance\?metric=step_ms")):
        panel.locator("#importance-metric").select_option("step_ms")
    expect(panel).to_have_attribute("data-shows", "content")


def test_a_search_of_one_metric_has_no_such_panel(served, open_page):
    page = open_page(served, "/searches/first")
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    expect(page.locator("#front")).to_have_count(0)
    expect(page.locator("#importance-metric")).to_have_count(0)
