"""Pages over searches that have results: shown, filtered, exported, reached by keyboard."""

import csv
import io
import math
import re
import time

import pytest
from playwright.sync_api import expect

from alignsearch.search.reports.export import read_csv
from alignsearch.search.store import Store
from alignsearch.spaces.configuration import configuration

CHARTS = (
    *("best", "slice", "contour", "rank", "importance", "categorical", "curves", "distribution"),
    *("timeline", "busy", "hours", "failures"),
)
PAGES = ("/", "/searches/first", "/searches/first/trials/3", "/compare?name=first", "/submit")
MISSING = "status of 404"
DEEPER = ("stage1/block1/conv1", "stage4/block2/conv2", "dense")


def matching(page):
    return page.locator("#matching")


def when_interactive(page):
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")


def saved(page, click):
    """The text of the file that a click saves."""
    with page.expect_download() as download:
        click()
    return download.value.path().read_text()


def show(page, panel):
    """Scroll to a panel, as a reader does, and wait for its content."""
    section = page.locator(f"#{panel}")
    # Panels above may still grow, which takes this one out of view again.
    when_interactive(page)
    section.scroll_into_view_if_needed()
    expect(section).to_have_attribute("data-shows", "content")


def drawing(page, panel):
    """The element that a panel has once its chart is drawn."""
    return page.locator(f"#{panel} .chart[data-spots]").first


def test_the_list_says_where_searches_stand_and_keeps_its_filter_in_the_address(seeded, open_page):
    page = open_page(seeded, "/")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("tr[data-name=second]")).to_contain_text("completed")
    expect(page.locator("tr[data-name=first]")).to_contain_text("ann@host")
    page.get_by_role("button", name="search", exact=True).click()
    expect(rows.first).to_contain_text("first")
    page.get_by_label("State").select_option("completed")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("second")


def settled(page):
    """The number of trials that a brush leaves, once text and lines have followed its last move."""
    drawn = page.locator("#parcoords .body canvas").nth(1)

    def shown():
        told = matching(page).inner_text().split()[0]
        return (told, page.url) if drawn.get_attribute("data-lines") == told else None

    deadline = time.monotonic() + 300.0
    before, now = None, shown()
    while now is None or now != before or "b.loss=" not in page.url:
        assert time.monotonic() < deadline, (before, now)
        page.wait_for_timeout(500)
        before, now = now, shown()
    return int(now[0])


def test_a_brush_filters_the_table_and_a_link_shows_the_same(seeded, open_page):
    page = open_page(seeded, "/searches/first?rows=50")
    when_interactive(page)
    expect(matching(page)).to_have_text("30 trials")
    # A chart that is drawn later would move the axis away from under the pointer.
    expect(drawing(page, "best")).to_be_visible()
    lines = page.locator("#parcoords .body canvas").nth(1)
    expect(lines).to_have_attribute("data-lines", re.compile("[1-9]"))
    page.get_by_role("slider", name="validation error").scroll_into_view_if_needed()
    axis = page.locator("[data-axis=loss] .hit").bounding_box()
    middle = axis["x"] + axis["width"] / 2
    page.mouse.move(middle, axis["y"] + axis["height"] - 5)
    page.mouse.down()
    page.mouse.move(middle, axis["y"] + axis["height"] * 0.6, steps=4)
    page.mouse.up()
    expect(matching(page)).to_have_text(re.compile(r"^\d+ of 30 trials$"))
    few = settled(page)
    low, high = map(float, re.search(r"b\.loss=([\d.]+?)\.\.([\d.]+)", page.url).groups())
    page.get_by_label("Mark trial").first.check()

    linked = open_page(seeded, page.url.removeprefix(seeded.url))
    expect(matching(linked)).to_have_text(f"{few} of 30 trials")
    expect(linked.locator("#trials tbody tr")).to_have_count(few)
    errors = [
        float(text) for text in linked.locator("#trials tbody td:nth-child(4)").all_inner_texts()
    ]
    assert len(errors) == few
    assert all(low - 1e-4 <= error <= high + 1e-4 for error in errors)
    expect(linked.get_by_label("Mark trial").first).to_be_checked()
    linked.get_by_role("button", name="Clear all").click()
    expect(matching(linked)).to_have_text("30 trials")


def test_a_brush_on_a_choice_keeps_the_trials_of_that_option(seeded, open_page):
    page = open_page(seeded, "/searches/first?b.fo_relu=true")
    expect(matching(page)).to_have_text(re.compile("of 30 trials"))
    text = saved(page, page.locator("#trials a", has_text="CSV").click)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert 0 < len(rows) < 30
    assert {row["fo_relu"] for row in rows} == {"True"}


def test_every_chart_is_drawn_and_has_its_data_as_a_table_and_as_a_file(seeded, open_page):
    page = open_page(seeded, "/searches/first", color_scheme="dark")
    when_interactive(page)
    for panel in CHARTS:
        show(page, panel)
        expect(drawing(page, panel)).to_be_visible()
        text = saved(page, page.locator(f"#{panel}").get_by_role("button", name="CSV").click)
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) > 1, panel
        page.locator(f"#{panel}").get_by_role("button", name="Data").click()
        expect(page.locator(f"#{panel} th").first).to_have_text(rows[0][0])
        page.locator(f"#{panel}").get_by_role("button", name="Data").click()
        expect(drawing(page, panel)).to_be_visible()


def test_axes_are_logarithmic_where_the_space_is(seeded, open_page):
    page = open_page(seeded, "/searches/first?x=beta&y=sigma&slices=all")
    show(page, "contour")
    contour = page.locator("#contour .chart")
    slices = page.locator("#slice [data-slice=beta] .chart")
    expect(contour).to_have_attribute("aria-label", re.compile("over β, logarithmic and σ;"))
    expect(slices).to_have_attribute("aria-label", re.compile("over β, logarithmic"))
    contour.scroll_into_view_if_needed()
    page.locator("#contour-x").select_option("gamma")
    expect(contour).to_have_attribute("aria-label", re.compile("over γ"))
    page.locator("#slice-colour").select_option("fo_relu")
    expect(page.locator("#slice .legend-row")).to_contain_text("True")
    assert "x=gamma" in page.url
    assert "colour=fo_relu" in page.url


@pytest.mark.parametrize("panel", ["best", "slice", "contour", "rank", "curves", "distribution"])
def test_a_chart_is_read_by_pointer_and_keyboard_and_leads_to_a_trial(seeded, open_page, panel):
    page = open_page(seeded, "/searches/first")
    show(page, panel)
    with Store.connect(seeded.uri) as store:
        best = store.totals.best("first")
    chart = page.locator(f"#{panel} .chart[data-spots]").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    tip = chart.locator(".tip")
    expect(tip).to_contain_text(f"trial {best.tid}")
    expect(page.locator("#announcer")).to_contain_text(f"trial {best.tid}")
    box, at = chart.bounding_box(), tip.bounding_box()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    # The tip stood right of its point and above or below: the pointer finds something near there.
    page.mouse.move(at["x"] - 12, at["y"] + at["height"] + 8 if at["y"] > box["y"] + 9 else at["y"])
    page.keyboard.press("ArrowRight")
    expect(tip).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trial")


def test_the_best_column_is_copied_and_saved_in_every_format(seeded, open_page):
    page = open_page(seeded, "/searches/first", permissions=["clipboard-read", "clipboard-write"])
    show(page, "table")
    panel = page.locator("#table")
    signs = {
        "markdown": "| ---",
        "latex": r"\begin{tabular}",
        "csv": "metaparameter,first",
        "json": '"columns"',
    }
    for format, sign in signs.items():
        panel.get_by_label("Format").select_option(format)
        expect(panel.get_by_role("button", name="Copy", exact=True)).to_be_visible()
        text = saved(page, panel.get_by_text("Download").click)
        assert sign in text
        panel.get_by_role("button", name="Copy").click()
        expect(panel.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("() => navigator.clipboard.readText()") == text
        if format == "csv":
            with Store.connect(seeded.uri) as store:
                best = store.totals.best("first")
            assert read_csv(text) == {"first": configuration(best.config)}


def test_a_part_that_cannot_be_read_says_so_and_is_tried_again(seeded, open_page):
    broken = {"contour", "importance"}

    def answer(route):
        if any(panel in route.request.url for panel in broken):
            route.abort()
        else:
            route.continue_()

    routes = {"**/contour.js*": answer, "**/importance": answer}
    page = open_page(seeded, "/searches/first", routes=routes, forgiven=["ERR_FAILED"])
    when_interactive(page)
    for panel in sorted(broken):
        section = page.locator(f"#{panel}")
        section.scroll_into_view_if_needed()
        expect(section.get_by_role("alert")).to_contain_text("server")
        broken.remove(panel)
        section.get_by_role("button", name="Try again").click()
        expect(section).to_have_attribute("data-shows", "content")
    show(page, "slice")


def test_a_table_that_does_not_come_holds_up_no_chart(seeded, open_page):
    held = []

    def hold(route):
        held.append(route)

    page = open_page(seeded, "/searches/first", routes={re.compile(r"/trials\?"): hold})
    page.locator("#contour").scroll_into_view_if_needed()
    expect(page.locator("#contour")).to_have_attribute("data-shows", "content")
    expect(page.locator("#trials .message")).to_contain_text("Loading")
    assert held


def test_hostile_text_is_shown_as_text(seeded, open_page, hostile):
    page = open_page(seeded, "/searches/first?sort=tid")
    expect(page.locator("tr[data-tid='3']")).to_contain_text(hostile)
    show(page, "failures")
    expect(page.locator("#failures .body + *")).to_contain_text(hostile)
    trial = open_page(seeded, "/searches/first/trials/3")
    expect(trial.locator("#error pre")).to_contain_text(hostile)
    for each in (page, trial):
        assert each.locator("body[data-hacked]").count() == 0
        assert each.locator("img").count() == 0


def test_a_trial_shows_its_layers_rates_attempts_and_metaparameters(seeded, open_page):
    page = open_page(seeded, "/searches/first/trials/2")
    for panel in ("angles", "ratios", "signs"):
        chart = page.locator(f"#{panel} .chart")
        expect(chart).to_have_attribute("aria-label", re.compile("of 4 layers over 6 epochs"))
        expect(chart).to_have_attribute("data-spots", "24")
    text = saved(page, page.locator("#angles").get_by_role("button", name="CSV").click)
    first = next(csv.DictReader(io.StringIO(text)))
    assert float(first["stem"]) == pytest.approx(90 * 2.718281828**-1)
    # The first layer's update angle wasn't measured.
    updates = page.locator("#update-angles")
    expect(updates.locator(".chart")).to_have_attribute(
        "aria-label", re.compile("update angle .* of 3 layers over 6 epochs")
    )
    first = next(
        csv.DictReader(io.StringIO(saved(page, updates.get_by_role("button", name="CSV").click)))
    )
    measured = [float(value) for name, value in first.items() if value and name in DEEPER]
    assert measured == pytest.approx([45 * math.exp(-1 / (1 + at)) for at in (1, 2, 3)])
    expect(page.locator("#rates .chart")).to_have_attribute("data-spots", "12")
    expect(page.locator("#rates .legend-row")).to_contain_text("alignment learning rate")
    expect(page.locator("#attempts")).to_contain_text("Attempt 1 on node-0: completed")
    with Store.connect(seeded.uri) as store:
        sigma = store.trials.get("first", 2).config["sigma"]
    expect(page.locator("#metaparameters tr[data-field=sigma] td")).to_have_text(f"{sigma:.4f}")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trial 3")


def test_searches_are_compared_side_by_side(seeded, open_page):
    page = open_page(seeded, "/")
    page.get_by_label("Mark first").check()
    page.get_by_label("Mark second").check()
    page.get_by_role("button", name="Compare the marked").click()
    expect(page.locator("#table thead th")).to_have_text(
        ["metaparameter", "first", "second"], ignore_case=True
    )
    expect(page.locator("#best .legend-row")).to_have_text(re.compile("first.*second", re.DOTALL))
    page.get_by_label("the paper's columns").check()
    expect(page.locator("#table thead th")).to_have_count(7)
    expect(page.locator("#table tr[data-field=sigma]")).to_contain_text("0.8176")
    page.reload()
    expect(page.locator("#table thead th")).to_have_count(7)


def test_a_search_that_is_not_there_is_named_with_a_way_on(seeded, open_page):
    page = open_page(seeded, "/searches/frist", forgiven=[MISSING])
    expect(page.get_by_text("frist")).to_be_visible()
    expect(page.get_by_text("did you mean")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="All searches").first.click()
    expect(page.get_by_role("heading", name="Searches")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_sideways_scrolling(seeded, open_page, path):
    page = open_page(seeded, path, width=400, height=800)
    when_interactive(page)
    for panel in page.locator("section.panel").all():
        if panel.is_visible():
            panel.scroll_into_view_if_needed()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 400


def test_the_keyboard_reaches_brushes_and_trials(seeded, open_page):
    page = open_page(seeded, "/searches/first")
    when_interactive(page)

    def tab_to(there):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(f"() => document.activeElement.matches({there!r})"):
                return
        raise AssertionError(f"Tab does not reach {there}")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to("[data-axis=sigma]")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    axis = page.get_by_role("slider", name="σ")
    expect(axis).to_be_focused()
    expect(axis).to_have_attribute("aria-valuetext", "0.05 to 0.3")
    expect(matching(page)).to_have_text(re.compile(r"^\d+ of 30 trials$"))
    page.keyboard.press("Delete")
    expect(matching(page)).to_have_text("30 trials")
    tab_to("#trials tbody a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trial")


def test_the_theme_is_the_systems_until_the_reader_says_otherwise(seeded, open_page):
    page = open_page(seeded, "/", color_scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Theme").click()
    light = page.evaluate(background)
    assert dark != light
    page.reload()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    assert page.evaluate(background) == light
