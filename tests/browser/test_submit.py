"""The form for a new search: five fields, errors at theirs, the command, the space's scales."""

import shlex
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from alignsearch.dashboards.models.forms import MAIN

REFUSED = ["status of 422", "status of 409"]


def field(page, name):
    return page.get_by_label(name, exact=True)


def test_five_fields_are_shown_and_the_others_are_folded(seeded, open_page):
    page = open_page(seeded, "/submit")
    expect(field(page, "trials")).to_be_visible()
    shown = page.locator("form [name]:visible").evaluate_all("all => all.map(each => each.name)")
    assert shown == list(MAIN)
    page.get_by_text("Pruning").click()
    expect(field(page, "pruner")).to_be_visible()
    # A field that a link sets is not hidden from its reader.
    linked = open_page(seeded, "/submit?pruner=asha")
    expect(field(linked, "pruner")).to_have_value("asha")
    expect(field(linked, "pruner")).to_be_visible()
    expect(field(linked, "note")).to_be_hidden()


def test_errors_stand_at_their_field_in_the_words_of_the_form(seeded, open_page):
    page = open_page(seeded, "/submit", forgiven=REFUSED)
    page.get_by_label("dataset").select_option("rehearsal")
    field(page, "trials").fill("0")
    problem = page.locator("#field-trials-problem")
    expect(problem).to_have_text("trials must be at least 1, not 0")
    expect(field(page, "trials")).to_have_attribute("aria-invalid", "true")
    field(page, "trials").fill("5")
    expect(problem).to_be_hidden()
    expect(page.locator("#planned")).to_contain_text("5 trials")
    page.get_by_text("Slots and workers").click()
    field(page, "max attempts").fill("0")
    page.get_by_text("Slots and workers").click()
    problem = page.locator("#field-max_attempts-problem")
    # Its section opens again, for the reader has to see it.
    expect(problem).to_be_visible()
    expect(problem).to_have_text("max attempts must be at least 1, not 0")
    field(page, "max attempts").fill("2")
    page.get_by_text("Name and note").click()
    field(page, "name").fill("first")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert").filter(has_text="first")).to_be_visible()


def test_the_command_submits_the_same(seeded, open_page):
    page = open_page(seeded, "/submit", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("space", exact=True).select_option("wm_ad")
    page.get_by_label("dataset").select_option("rehearsal")
    field(page, "trials").fill("7")
    page.get_by_text("Name and note").click()
    field(page, "note").fill("what's new")
    command = page.locator("#command")
    wanted = "alignsearch submit wm_ad --trials 7 --dataset rehearsal --note"
    expect(command).to_contain_text(wanted)
    page.locator("#form").get_by_role("button", name="Copy").click()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert shlex.split(copied) == [*wanted.split(), "what's new"]


@pytest.mark.parametrize("width", [400, 1280])
def test_every_dimension_is_drawn_on_its_own_scale(seeded, open_page, width):
    page = open_page(seeded, "/submit?space=wm_ad", width=width)
    space = page.locator("#space")
    expect(space).to_contain_text("7 metaparameters are searched")
    row = space.locator("tr", has=page.locator("th", has_text="β")).last
    drawn = row.locator("svg.dimension")
    expect(drawn).to_have_attribute("aria-label", "logarithmic from 1e-11 to 1e7")
    # The labels that are drawn are every fourth power, so equal distances are equal factors.
    places = drawn.locator("text").evaluate_all("all => all.map(t => Number(t.getAttribute('x')))")
    powers = sorted(places)
    steps = [after - before for before, after in pairwise(powers)]
    assert max(steps) - min(steps) < 0.5, "powers of ten lie at equal distances"
    expect(space.locator(".options").first).to_be_visible()
    expect(space.get_by_text("more are the same in every trial")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
