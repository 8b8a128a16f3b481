"""Who may steer and what steering asks first; a running trial's log; a form that sets out anew."""

import uuid
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from alignsearch.dashboards.web.tokens import FAILURES_A_MINUTE
from alignsearch.search.documents import LogLine, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

TOKEN = "a token of these tests"
TOO_MANY = 429
REFUSED = ("status of 401", f"status of {TOO_MANY}")


def begin_trial(store, search):
    """A trial that a worker is at."""
    config = store.trials.all(search.name)[0].config
    trial = store.trials.add(
        Trial(
            id=f"{search.name}/90",
            search=search.name,
            tid=90,
            config=config,
            resources={"CPU": 1.0},
        )
    )
    return store.attempts.begin(
        trial, "w-0", ttl=600.0, host="node-0", accelerator="cpu", versions={}, slot=0
    )


@pytest.fixture(scope="module")
def guarded(server_uri, tmp_path_factory, run_dashboard, seed):
    """A dashboard with a token, over a search that goes on and one that is over."""
    uri = f"{server_uri.rstrip('/')}/steered_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        search = seed(store, "going-on", trials=2, space="wm")
        seed(store, "over", trials=3, space="wm", seed=1, status=SearchStatus.COMPLETED)
        folder = tmp_path_factory.mktemp("guarded")
        with run_dashboard(uri, folder, ALIGNSEARCH_DASHBOARD_TOKEN=TOKEN) as dashboard:
            dashboard.store, dashboard.running = store, begin_trial(store, search)
            yield dashboard


@pytest.fixture
def log_in(open_page):
    """Open a page, log in from there, and be back on it."""

    def opened(dashboard, path, **options):
        page = open_page(dashboard, path, **options)
        page.get_by_role("link", name="Log in to steer").click()
        page.get_by_label("Your name").fill("eve")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        return page

    return opened


def test_stop_is_asked_for_twice_by_somebody_who_has_logged_in(guarded, log_in):
    page = log_in(guarded, "/searches/going-on")
    stop = page.get_by_role("button", name="Stop")
    stop.click()
    expect(page.get_by_role("dialog")).to_contain_text("final")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not guarded.store.searches.get("going-on").stop_requested
    stop.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator("#steering button")).to_have_text(["Pause", "Cancel"])
    page.locator("#events").scroll_into_view_if_needed()
    expect(page.locator("#events tr", has_text="eve (dashboard)")).to_contain_text("stop")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in to steer")).to_be_visible()
    expect(page.locator("#steering button")).to_have_count(0)


def test_a_line_that_a_running_trial_logs_arrives_without_a_reload(guarded, open_page):
    store, trial = guarded.store, guarded.running
    page = open_page(guarded, f"/searches/{trial.search}/trials/{trial.tid}")
    log = page.locator("#log")
    log.scroll_into_view_if_needed()
    expect(log).to_contain_text("begun on node-0")
    page.evaluate("() => { window.sameDocument = true; }")
    line = LogLine(at=datetime.now(UTC), level="WARNING", text="<b>the disk</b> is nearly full")
    store.logs.record_lines(trial.id, trial.attempt, [line])
    expect(log).to_contain_text("WARNING <b>the disk</b> is nearly full")
    assert page.evaluate("() => window.sameDocument")


def test_the_form_sets_out_from_a_search_that_is_over(guarded, log_in):
    page = log_in(guarded, "/submit?space=wm&dataset=rehearsal", forgiven=["status of 409"])
    page.get_by_label("trials", exact=True).fill("4")
    for section in ("Name and note", "Suggestions"):
        page.get_by_text(section, exact=True).click()
    page.get_by_label("name", exact=True).fill("warm")
    start = page.get_by_label("warm start")
    start.fill("going-on")
    expect(page.get_by_role("alert").filter(has_text="wait for its end")).to_be_visible()
    start.fill("over")
    expect(page.get_by_role("alert")).to_have_text("")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="warm")).to_be_visible()
    assert guarded.store.searches.get("warm").warm_start.search == "over"


# The last: what it provokes lasts for a minute.
def test_guesses_of_the_token_are_limited_and_the_right_one_always_passes(guarded, open_page):
    page = open_page(guarded, "/login", forgiven=REFUSED)
    page.get_by_label("Your name").fill("mallory")
    refusal = page.get_by_role("alert")
    told = 0
    while told < 100:
        page.get_by_label("Token").fill(f"guess {told}")
        with page.expect_response("**/api/login") as answered:
            page.get_by_role("button", name="Log in").click()
        if answered.value.status == TOO_MANY:
            break
        expect(refusal).to_have_text("this isn't the dashboard's token")
        told += 1
    # More of them where a busy browser takes longer than a minute for so many.
    assert FAILURES_A_MINUTE <= told < 100
    expect(refusal).to_contain_text("too many wrong tokens: try again in")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
