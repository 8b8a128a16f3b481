"""Notices on the desktop, which a real Firefox shows for a person who has turned them on."""

import uuid

import pytest
from firefox import a_firefox
from playwright.sync_api import expect

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

RECORD = """() => {
  window.told = [];
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      this.addEventListener("show", () => window.told.push(options.body));
    }
  };
}"""
"""Notes which notices the browser says that it shows: no page can list them."""
TEXT = "document.querySelector('#notices').textContent"


@pytest.fixture
def night(server_uri, tmp_path, run_dashboard, seed):
    """A dashboard over two searches that run, and one that has ended."""
    uri = f"{server_uri.rstrip('/')}/notices_{uuid.uuid4().hex}"
    with Store.connect(uri) as store, run_dashboard(uri, tmp_path) as dashboard:
        seed(store, "good", trials=3)
        seed(store, "bad", trials=3, seed=1)
        seed(store, "before", trials=3, status=SearchStatus.COMPLETED)
        dashboard.store = store
        yield dashboard


def diverge(store, name, tid):
    trial = store.trials.add(Trial(id=f"{name}/{tid}", search=name, tid=tid))
    about = {"ttl": 60.0, "host": "n", "accelerator": "cpu", "versions": {}, "slot": 0}
    lease = store.attempts.begin(trial.id, "worker", **about).lease
    store.attempts.finish(trial.id, 1, lease.token, Result(status="fail", reason="it is NaN"))


def test_ends_and_troubles_are_shown_once_to_whom_has_turned_them_on(night, tmp_path):
    with a_firefox(tmp_path / "firefox") as firefox:
        firefox.run_first(RECORD)
        firefox.open(f"{night.url}/")
        firefox.wait_for(f"{TEXT} === 'Notices: off'")
        firefox.allow(night.url, "notifications")
        firefox.click("#notices")
        firefox.wait_for(f"{TEXT} === 'Notices: on'")
        for tid in range(3, 10):
            diverge(night.store, "bad", tid)
        night.store.searches.change("good", SearchStatus.CANCELLED, "ann")
        firefox.wait_for("window.told.length === 2")
        told = firefox.evaluate("window.told")
        assert sorted(told) == [
            "bad: most of the latest 10 trials diverged",
            "good is cancelled",
        ]
        # Another page goes on from there, whichever it is, and says nothing twice.
        firefox.open(f"{night.url}/searches/bad")
        night.store.searches.change("bad", SearchStatus.COMPLETED, "driver")
        firefox.wait_for("window.told.length > 0")
        assert firefox.evaluate("window.told") == ["bad is completed"]
        firefox.click("#notices")
        firefox.wait_for(f"{TEXT} === 'Notices: off'")
        assert firefox.errors == []


def test_a_browser_that_blocks_them_is_told_where_it_is_changed(night, open_page):
    # A headless Chromium blocks all of them.
    page = open_page(night, "/")
    button = page.locator("#notices")
    expect(button).to_have_text("Notices: blocked")
    button.click()
    expect(page.locator("#announcer")).to_contain_text("settings of the site")
    expect(button).to_have_attribute("aria-pressed", "false")
