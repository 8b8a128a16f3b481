"""Searches that go on while somebody looks: over Ray, through a restart, through an outage."""

import random
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.use_cases.whole_search import delete

COMMAND = Path(sys.executable).with_name("alignsearch")
AWAY = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET", "ERR_EMPTY")
REFUSED = "status of 503"
LOOKED_AT = """seen => {
  Object.defineProperty(document, 'hidden', { value: !seen, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture(scope="module")
def live(server_uri, tmp_path_factory, run_dashboard):
    """A dashboard over a store whose searches are driven over a Ray of their own."""
    uri = f"{server_uri.rstrip('/')}/live_{uuid.uuid4().hex}"
    folder = tmp_path_factory.mktemp("live")
    with (folder / "serve.log").open("w") as log:
        serve = subprocess.Popen(
            [COMMAND, "serve", "--store", uri],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with run_dashboard(uri, folder) as dashboard:
            yield dashboard
    finally:
        serve.send_signal(signal.SIGINT)
        serve.wait(timeout=300.0)


@pytest.fixture
def away(tmp_path, run_dashboard, seed):
    """A dashboard and its store, either of which can go away."""
    embedded = EmbeddedStore(tmp_path / ".alignsearch")
    uri = f"{embedded.ensure().rstrip('/')}/away"
    with Store.connect(uri) as store:
        search = seed(store, "a-search", trials=4)
    with run_dashboard(uri, tmp_path) as dashboard:
        dashboard.embedded, dashboard.search = embedded, search
        yield dashboard
    embedded.stop()


def test_a_search_is_submitted_watched_and_steered(live, open_page):
    page = open_page(live, "/submit")
    page.get_by_label("space", exact=True).select_option("wm")
    page.get_by_label("dataset").select_option("rehearsal")
    page.get_by_text("Name and note").click()
    page.get_by_label("name", exact=True).fill("watched")
    # It goes on until it is cancelled, however slow the browser is.
    page.get_by_label("trials", exact=True).fill("100000")
    page.get_by_label("epochs", exact=True).fill("3")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="watched")).to_be_visible()

    # Nothing is reloaded from here on: all that changes has come over the stream.
    page.evaluate("() => { window.sameDocument = true; }")
    page.locator("#trials").scroll_into_view_if_needed()
    done = page.locator("#trials tbody .pill[data-state=completed]")
    expect(done.nth(2)).to_be_visible()
    expect(page.locator("#best")).to_have_attribute("data-shows", "content")
    expect(page.locator("#parcoords .body canvas")).to_have_count(3)
    expect(page.locator("#summary")).to_contain_text(re.compile(r"trial \d+"))

    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.locator("#status")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.locator("#status")).to_have_text("running")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.locator("#steering button")).to_have_count(0)
    page.locator("#events").scroll_into_view_if_needed()
    for what in ("paused", "running", "cancelled"):
        expect(page.locator("#events tr", has_text=what).first).to_contain_text("@")
    assert page.evaluate("() => window.sameDocument")
    with Store.connect(live.uri) as store:
        assert store.searches.get("watched").status is SearchStatus.CANCELLED


def test_what_happened_while_the_server_was_away_is_not_missed(away, open_page, finish_trial):
    page = open_page(away, "/searches/a-search", forgiven=AWAY)
    expect(page.locator("#matching")).to_have_text("4 trials")
    page.locator("#trials").scroll_into_view_if_needed()
    page.evaluate("() => { window.sameDocument = true; }")
    away.stop()
    expect(page.get_by_text(re.compile(r"last update .* ago, reconnecting"))).to_be_visible()
    with Store.connect(away.uri) as store:
        finish_trial(store, away.search, 4, random.Random(4))
        finish_trial(store, away.search, 5, random.Random(5))
    away.start()
    expect(page.locator("#matching")).to_have_text("6 trials")
    expect(page.locator("#stale")).to_be_hidden()
    page.locator("#best").scroll_into_view_if_needed()
    chart = page.get_by_role("application").first
    expect(chart).to_have_attribute("aria-label", re.compile("after 5 results"))
    page.locator("#trials").scroll_into_view_if_needed()

    # Nor is what happens while nobody looks, when the page gives its connection back.
    with page.expect_event("requestfailed", lambda request: "/stream" in request.url):
        page.evaluate(LOOKED_AT, False)
    with Store.connect(away.uri) as store:
        finish_trial(store, away.search, 6, random.Random(6))
    page.evaluate(LOOKED_AT, True)
    expect(page.locator("#matching")).to_have_text("7 trials")
    expect(page.locator("#stale")).to_be_hidden()
    assert page.evaluate("() => window.sameDocument")


def test_a_store_that_goes_away_is_said_and_waited_for(away, open_page, finish_trial):
    page = open_page(away, "/searches/a-search", forgiven=[REFUSED])
    expect(page.locator("#matching")).to_have_text("4 trials")
    page.locator("#trials").scroll_into_view_if_needed()
    away.embedded.stop()
    expect(page.locator("#stale")).to_contain_text("store")
    late = open_page(away, "/", forgiven=[REFUSED])
    expect(late.get_by_role("alert").first).to_be_visible()
    away.embedded.ensure()
    expect(page.locator("#stale")).to_be_hidden()
    with Store.connect(away.uri) as store:
        finish_trial(store, away.search, 4, random.Random(4))
    expect(page.locator("#matching")).to_have_text("5 trials")
    expect(late.locator("tr[data-name=a-search]")).to_be_visible()


def test_a_search_that_is_deleted_elsewhere_leaves_the_open_list(away, open_page, seed):
    page = open_page(away, "/searches/a-search")
    listed = open_page(away, "/")
    row = listed.locator("#searches tr[data-name=a-search]")
    expect(row).to_be_visible()
    expect(page.locator("#matching")).to_have_text("4 trials")
    with Store.connect(away.uri) as store:
        seed(store, "another", trials=2)
        store.searches.change("a-search", SearchStatus.CANCELLED, "ann@lab")
        delete(store, "a-search", "ann@lab")
    expect(row).to_have_count(0)
    expect(listed.locator("#searches tr[data-name=another]")).to_be_visible()
    expect(page.locator("#stale")).to_contain_text("deleted or renamed")
    expect(page.locator("#matching")).to_have_text("4 trials")
