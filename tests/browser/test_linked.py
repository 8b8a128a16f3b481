"""Charts and tables of a search's page are linked: brushes, marks, the trial that is pointed at."""

import re

import pytest
from playwright.sync_api import expect

LINKED = ("best", "slice", "contour", "rank", "curves", "distribution", "timeline")


def show(page, panel):
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    section = page.locator(f"#{panel}")
    section.scroll_into_view_if_needed()
    expect(section).to_have_attribute("data-shows", "content")
    return section.locator(".chart[data-spots]").first


def lines(page):
    """The layer of the parallel coordinates with the lines of marked and pointed-at trials."""
    return page.locator("#parcoords .body canvas").nth(2)


def expect_everywhere(page, *, marked=None, pointed=None):
    """Check in each chart and in the table which trials stand out."""
    for panel in LINKED:
        chart = show(page, panel)
        if marked is not None:
            expect(chart).to_have_attribute("data-marked", ",".join(map(str, marked)))
        if pointed is not None:
            expect(chart).to_have_attribute("data-pointed", str(pointed))
    lines(page).scroll_into_view_if_needed()
    if marked is not None:
        expect(lines(page)).to_have_attribute("data-marked", ",".join(map(str, marked)))
        for tid in marked:
            expect(page.get_by_label(f"Mark trial {tid}", exact=True)).to_be_checked()
    if pointed is not None:
        expect(lines(page)).to_have_attribute("data-pointed", str(pointed))
        expect(page.locator("#trials tr[data-pointed]")).to_have_attribute("data-tid", str(pointed))


def test_marks_of_any_chart_are_everywhere_and_a_link_shows_the_same(seeded, open_page):
    page = open_page(seeded, "/searches/first?rows=50")
    for panel in ("best", "curves"):
        show(page, panel).focus()
        page.keyboard.press("ArrowRight")
        tip = page.locator(f"#{panel} .tip")
        expect(tip).to_contain_text("trial ")
        if panel == "curves":
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
    expect(page).to_have_url(re.compile(r"sel=\d+%2C\d+"))
    marked = sorted(map(int, re.search(r"sel=(\d+)%2C(\d+)", page.url).groups()))
    page.keyboard.press("Escape")
    expect_everywhere(page, marked=marked)
    linked = open_page(seeded, page.url.removeprefix(seeded.url))
    expect_everywhere(linked, marked=marked)


def test_the_trial_that_is_pointed_at_stands_out_everywhere_and_in_the_address(seeded, open_page):
    page = open_page(seeded, "/searches/first?rows=50&sort=tid")
    show(page, "best")
    for panel in LINKED:
        show(page, panel)
    page.locator("#trials tr[data-tid='12'] td").nth(3).hover()
    expect(page).to_have_url(re.compile(r"[?&]at=12\b"))
    expect(lines(page)).to_have_attribute("data-pointed", "12")
    linked = open_page(seeded, page.url.removeprefix(seeded.url))
    expect_everywhere(linked, pointed=12)
    # A line of the parallel coordinates is found by the pointer.
    lines(page).scroll_into_view_if_needed()
    frame, tip = lines(page).bounding_box(), page.locator("#parcoords .tip")
    for share in range(30, 70, 2):
        page.mouse.move(frame["x"] + 60, frame["y"] + frame["height"] * share / 100)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        if tip.is_visible():
            break
    expect(tip).to_contain_text("trial")
    tid = re.match(r"trial (\d+):", tip.inner_text())[1]
    expect(page.locator("#best .chart")).to_have_attribute("data-pointed", tid)
    expect(page.locator("#trials tr[data-pointed]")).to_have_attribute("data-tid", tid)


@pytest.mark.parametrize("panel", ["best", "slice"])
def test_a_drag_over_a_chart_filters_the_page(seeded, open_page, panel):
    page = open_page(seeded, "/searches/first")
    chart = show(page, panel)
    box = chart.bounding_box()
    chart.hover(position={"x": 0.2 * box["width"], "y": 0.45 * box["height"]})
    page.mouse.down()
    chart.hover(position={"x": 0.9 * box["width"], "y": 0.8 * box["height"]})
    page.mouse.up()
    expect(page.locator("#matching")).to_have_text(re.compile(r"^\d+ of 30 trials$"))
    expect(page).to_have_url(re.compile("b.loss="))
    # The number of this page may still be that of a moment of the drag.
    linked = open_page(seeded, page.url.removeprefix(seeded.url))
    expect(linked.locator("#matching")).to_have_text(re.compile(r"^\d+ of 30 trials$"))
    few = int(linked.locator("#matching").inner_text().split()[0])
    assert 0 < few < 30
    expect(page.locator("#matching")).to_have_text(f"{few} of 30 trials")


@pytest.mark.parametrize("panel", ["importance", "categorical"])
def test_a_bar_or_an_option_filters_the_page_and_a_second_click_no_longer(seeded, open_page, panel):
    page = open_page(seeded, "/searches/first?rows=50")
    chart = show(page, panel)
    chart.focus()
    tip = chart.locator(".tip")
    for _ in range(int(chart.get_attribute("data-spots"))):
        page.keyboard.press("ArrowRight")
        if "click: filter by" in tip.inner_text():
            break
    expect(tip).to_contain_text("click: filter by")
    what = tip.inner_text()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"[?&]b\.\w+="))
    expect(page.locator("#matching")).to_have_text(re.compile(r"^\d+ of 30 trials$"))
    few = int(page.locator("#matching").inner_text().split()[0])
    assert 0 < few < 30
    if panel == "categorical":
        # Trials that diverged or failed have the option, too, without a score.
        assert few >= int(re.search(r"(\d+) trials?", what)[1])
    linked = open_page(seeded, page.url.removeprefix(seeded.url))
    expect(linked.locator("#matching")).to_have_text(f"{few} of 30 trials")
    expect(tip).to_contain_text("click: no longer filter by it")
    page.keyboard.press("Enter")
    expect(page.locator("#matching")).to_have_text("30 trials")
    assert "b." not in page.url


def test_a_bar_is_clicked_anywhere_on_it(seeded, open_page):
    page = open_page(seeded, "/searches/first")
    chart = show(page, "importance")
    box = chart.bounding_box()
    cursor = "({x, y}) => document.elementFromPoint(x, y).closest('.chart').style.cursor"
    for down in range(8, int(box["height"]) - 40, 4):
        # A little to the right of the axis, which is far from a long bar's end.
        place = {"x": 0.5 * box["width"], "y": down}
        chart.hover(position=place)
        if page.evaluate(cursor, {"x": box["x"] + place["x"], "y": box["y"] + down}):
            break
    chart.click(position=place)
    expect(page.locator("#matching")).to_have_text(re.compile(r"^\d+ of 30 trials$"))
