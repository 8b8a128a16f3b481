"""Pages over searches that have nothing of the paper's: nested, odd, maximized, diverged, runs."""

import csv
import io
import re
import uuid

import odd_search as nested
import pytest
from other_searches import seed_all_diverged, seed_runs, seed_unknown
from playwright.sync_api import expect

from alignsearch.experiments.store_place import REPORTED
from alignsearch.search.store import Store

TRIALS = 40
NO_RESULT = "No trial has finished with a result: 2 diverged."


@pytest.fixture(scope="module")
def odd(server_uri, tmp_path_factory, run_dashboard, seed):
    """A dashboard over the nested search, runs of an experiment, and a search that diverged."""
    uri = f"{server_uri.rstrip('/')}/odd_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        nested.seed_nested(store, trials=TRIALS)
        seed_runs(store)
        seed_all_diverged(store)
        seed_unknown(store)
        seed(store, "first", trials=12)
    with run_dashboard(uri, tmp_path_factory.mktemp("odd")) as dashboard:
        yield dashboard


def show(page, panel, shows="content"):
    section = page.locator(f"#{panel}")
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    section.scroll_into_view_if_needed()
    expect(section).to_have_attribute("data-shows", shows)
    return section


def data_of(page, panel):
    """The rows that a panel's CSV button saves."""
    with page.expect_download() as download:
        page.locator(f"#{panel}").get_by_role("button", name="CSV").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text())))


def test_every_panel_of_a_nested_search_is_drawn_in_its_own_words(odd, open_page):
    page = open_page(odd, "/searches/models")
    expect(page.locator("#summary")).to_contain_text(f"best {nested.LABEL}")
    expect(page.locator("#summary")).to_contain_text("calls models:fit")
    for panel in ("best", "parcoords", "slice", "contour", "importance", "categorical", "curves"):
        show(page, panel)
    for panel in ("best", "slice", "contour", "curves"):
        label = page.locator(f"#{panel} .chart[data-spots]").first.get_attribute("aria-label")
        assert nested.LABEL in label, panel
    expect(page.locator("main")).not_to_contain_text("validation error")
    best = data_of(page, "best")
    assert [float(row["best so far"]) for row in best] == [
        nested.accuracy(int(row["trial"])) for row in best
    ]


def test_a_metric_that_is_maximized_has_its_best_first(odd, open_page):
    page = open_page(odd, "/searches/models")
    first = page.locator("#trials tbody tr").first
    expect(first).to_have_attribute("data-tid", str(TRIALS - 1))
    expect(first).to_contain_text(f"{nested.accuracy(TRIALS - 1):.4f}")
    chart = page.locator("#best .chart[data-spots]")
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#best .tip")).to_contain_text(f"trial {TRIALS - 1}")


def test_a_slice_leaves_out_the_trials_without_its_metaparameter(odd, open_page):
    page = open_page(odd, "/searches/models")
    show(page, "slice")
    used = [tid for tid in range(TRIALS) if nested.GAMMA in nested.point(tid)]
    # One of them is still running.
    chart = page.locator(f'#slice [data-slice="{nested.GAMMA}"] .chart')
    expect(chart).to_have_attribute("data-spots", str(len(used) - 1))
    page.locator("#slice-colour").select_option(nested.KERNEL)
    legend = page.locator("#slice .legend-row")
    expect(legend).to_contain_text(f"{nested.KERNEL}: rbf")
    expect(legend).to_contain_text(f"without {nested.KERNEL}")
    expect(legend).to_contain_text("diverged")
    page.locator("#contour-x").select_option(nested.GAMMA)
    page.locator("#contour-y").select_option(nested.TREES)
    expect(page.locator("#contour .message")).to_have_text(
        f"No finished trial uses {nested.GAMMA} and {nested.TREES}."
    )


def test_the_axis_of_the_metric_is_first_and_stays_in_view(odd, open_page):
    page = open_page(odd, "/searches/first", width=1280)
    show(page, "parcoords")
    panel = page.locator("#parcoords").bounding_box()
    axes = page.locator("#parcoords .axis")
    expect(axes.first).to_have_attribute("data-axis", "loss")
    for _ in range(2):
        box = page.locator("[data-axis=loss] .hit").bounding_box()
        assert panel["x"] <= box["x"]
        assert box["x"] + box["width"] <= panel["x"] + panel["width"]
        page.locator("#parcoords .body > .scroll").evaluate("node => node.scrollTo(400, 0)")
    narrow = open_page(odd, "/searches/first", width=500)
    show(narrow, "parcoords")
    scroller = narrow.locator("#parcoords .body > .scroll")
    scroller.evaluate("node => node.scrollTo(300, 0)")
    covered = narrow.locator("#parcoords .axis.covered")
    expect(covered.first).to_be_attached()
    frame, box = scroller.bounding_box(), narrow.locator("[data-axis=loss] .hit").bounding_box()
    assert frame["x"] <= box["x"] < frame["x"] + 60


def test_a_brush_on_an_odd_label_survives_in_the_address(odd, open_page):
    page = open_page(odd, "/searches/models")
    show(page, "parcoords")
    axis = page.get_by_role("slider", name=nested.DEPTH)
    axis.focus()
    page.keyboard.press("ArrowUp")
    few = sum(nested.point(tid).get(nested.DEPTH) == 0 for tid in range(TRIALS))
    expect(page.locator("#matching")).to_have_text(f"{few} of {TRIALS} trials")
    linked = open_page(odd, page.url.removeprefix(odd.url))
    expect(linked.locator("#matching")).to_have_text(f"{few} of {TRIALS} trials")
    chip = linked.locator("#parcoords .chips button")
    expect(chip).to_have_text(f"{nested.DEPTH}: None ×")
    rates = page.get_by_role("slider", name=nested.RATE)
    expect(rates).to_be_attached()
    assert page.locator("b").count() == 0


def test_trials_that_diverged_have_their_own_colour_and_count(odd, open_page):
    page = open_page(odd, "/searches/models")
    expect(page.locator("#summary .tally [data-state=diverged]")).to_have_text("1 diverged")
    expect(page.locator("#summary .progress [data-state=diverged]")).to_have_count(1)
    show(page, "trials")
    page.get_by_label("State").select_option("diverged")
    expect(page.locator("#trials tbody tr")).to_have_count(1)
    expect(page.locator("#trials tbody .pill")).to_have_attribute("data-state", "diverged")
    expect(page.locator("#parcoords-legend")).to_contain_text("diverged")
    trial = open_page(odd, "/searches/models/trials/3")
    expect(trial.locator("#status")).to_have_text("diverged")
    expect(trial.locator("#summary")).to_contain_text("the accuracy is NaN")


def test_a_search_without_a_result_says_why_in_every_panel(odd, open_page):
    page = open_page(odd, "/searches/diverged")
    for panel in ("best", "parcoords", "slice", "contour", "curves"):
        section = show(page, panel, "empty")
        expect(section.locator(".message")).to_have_text(NO_RESULT)
    for panel in ("importance", "table"):
        expect(show(page, panel, "empty").locator(".message")).not_to_have_text("")
    expect(page.locator("#summary")).to_contain_text("none yet")


def test_runs_of_an_experiment_are_shown_by_rule_network_and_seed(odd, open_page):
    page = open_page(odd, "/searches/architectures-1")
    expect(page.locator("#kinds .kind")).to_have_text("experiment's runs")
    expect(page.locator("#trials tbody tr").first).to_contain_text("wm net")
    show(page, "parcoords")
    expect(page.locator("#parcoords .body canvas").nth(1)).to_have_attribute("data-lines", "6")
    for panel in ("best", "slice", "distribution"):
        show(page, panel)
    runs = show(page, "runs")
    expect(runs.locator("th")).to_have_text(
        ["rule", "name", "network", "mean validation error", "standard error"]
        + [f"seed {seed}" for seed in range(3)]
    )
    first = runs.locator("tbody tr").first
    expect(first.locator("td")).to_have_text(
        ["wm", "wm net", "resnet18", "0.1200", "0.0115", "0.1000", "0.1200", "0.1400"]
    )
    expect(runs).to_contain_text("writes its report with figures")
    where = "lab:/data/runs/<b>/index.html"
    with Store.connect(odd.uri) as store:
        store.logs.add_event("architectures-1", "ann@lab", REPORTED, where)
    expect(runs.locator("code")).to_have_text(where)
    for panel in ("importance", "categorical", "confirmation", "table"):
        expect(page.locator(f"#{panel}")).to_have_count(0)
    first.get_by_role("link").nth(1).hover()
    expect(page.locator("#trials tr[data-pointed]")).to_have_attribute("data-tid", "2")
    trial = open_page(odd, "/searches/architectures-1/trials/1")
    expect(trial.locator("#metaparameters tr[data-field=label]")).to_contain_text("kp net")
    expect(trial.locator("#kinds .kind")).to_have_text("experiment's runs")


def test_rehearsals_and_unknown_definitions_are_marked_on_every_page(odd, open_page):
    page = open_page(odd, "/")
    for name, word in (("first", "rehearsal"), ("unknown", "unknown definition")):
        row = page.locator(f"tr[data-name={name}]")
        expect(row.locator(".kind")).to_have_text(word)
        for path in (f"/searches/{name}", f"/searches/{name}/trials/1"):
            shown = open_page(odd, path)
            expect(shown.locator("#kinds .kind")).to_have_text(word)
    expect(page.locator("tr[data-name=models] .kind")).to_have_count(0)
    compared = open_page(odd, "/compare?name=first&name=unknown")
    expect(compared.locator("main")).to_contain_text("first (rehearsal)")
    unknown = open_page(odd, "/searches/unknown")
    for panel in ("best", "slice", "distribution"):
        show(unknown, panel)
    expect(unknown.locator("#summary")).to_contain_text("not known here")


def test_the_table_is_the_definitions_own(odd, open_page):
    page = open_page(odd, "/searches/models")
    panel = show(page, "table")
    expect(panel.locator("tbody th")).to_have_text(["Model", "Regularization <C>", "Trees"])
    best = nested.SPACE.values(nested.point(TRIALS - 1))
    expect(panel.locator("tbody td").first).to_have_text(str(best[nested.MODEL]))


def test_a_trial_draws_what_it_reported_and_no_layers(odd, open_page):
    page = open_page(odd, "/searches/models/trials/1")
    legend = page.locator("#learning .legend-row")
    expect(legend).to_contain_text(nested.LABEL)
    expect(legend).to_contain_text(nested.BITS)
    expect(page.locator("#learning .chart")).to_have_attribute("data-spots", "8")
    page.get_by_label("Measurement").select_option(label=nested.BITS)
    expect(page.locator("#learning .chart")).to_have_attribute("data-spots", "4")
    assert page.locator("#angles, #ratios, #rates").count() == 0
    expect(page.locator("#summary")).to_contain_text(nested.LABEL)


def test_the_curves_of_another_metric_are_chosen(odd, open_page):
    page = open_page(odd, "/searches/models")
    show(page, "curves")
    page.locator("#curves-metric").select_option(label=nested.BITS)
    chart = page.locator("#curves .chart")
    expect(chart).to_have_attribute("aria-label", re.compile(re.escape(nested.BITS)))
    rows = data_of(page, "curves")
    assert {row["step"] for row in rows} == {"0", "1", "2", "3"}
    assert "metric=" in page.url
    stale = open_page(odd, "/searches/models?metric=gone")
    show(stale, "curves")
    best = [row for row in rows if row["trial"] == str(TRIALS - 1)]
    assert float(best[-1][nested.BITS]) == pytest.approx(100 / nested.accuracy(TRIALS - 1), 1e-3)


def test_searches_of_two_metrics_are_compared_one_metric_at_a_time(odd, open_page):
    page = open_page(odd, "/compare?name=models&name=first")
    legend = page.locator("#best .legend-row")
    expect(legend).to_contain_text("models")
    expect(legend).not_to_contain_text("first")
    page.locator("#best-metric").select_option("validation error, minimized")
    expect(legend).to_contain_text("first")
    expect(page.locator("#table thead th")).to_have_text(["metaparameter", "models", "first"])


@pytest.mark.parametrize("name", ["models", "architectures-1", "diverged"])
def test_a_phone_shows_any_search_without_sideways_scrolling(odd, open_page, name):
    page = open_page(odd, f"/searches/{name}", width=400, height=800)
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    for panel in page.locator("section.panel").all():
        if panel.is_visible():
            panel.scroll_into_view_if_needed()
            expect(panel.locator(".spin")).to_have_count(0)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
