"""The verbs of a search's life on its page and on its trials' pages, clicked over a real store."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from confirmed_search import fill
from playwright.sync_api import expect

from alignsearch.names import whoami
from alignsearch.search.documents import Recipe, Trial
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.dump import dump

AUTHOR = f"{whoami()} (dashboard)"
"""Who clicks on a dashboard of this machine, as events name them."""
REFUSED = ("status of 409", "status of 422")


@pytest.fixture(scope="module")
def lived_in(server_uri, tmp_path_factory, run_dashboard, seed, finish_trial):
    """A dashboard over an empty store; `searched(name)` adds a search with 8 trials, one failed."""
    uri = f"{server_uri.rstrip('/')}/verbs_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        seed(store, "other", trials=5, space="wm", seed=9)

        def searched(name, **options):
            return seed(store, name, trials=8, space="wm", **options)

        with run_dashboard(uri, tmp_path_factory.mktemp("verbs")) as dashboard:
            dashboard.store, dashboard.searched = store, searched
            yield dashboard


def asked(page, verb):
    """Click a verb of the page and return the dialog that it opens."""
    page.get_by_role("button", name=verb, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def agree(page, action):
    """Send an open dialog, and wait until the server has agreed."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def refuse(page, action):
    """Send an open dialog, and return the sentence with which the server refuses."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=action, exact=True).click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    return dialog.get_by_role("alert").inner_text()


def is_by(dashboard, name, what, who=AUTHOR):
    """Assert that the search's last event of a kind names the person who clicked."""
    found = [each for each in dashboard.store.logs.events(name) if each.what == what]
    assert found, what
    assert found[-1].who == who


def said(page):
    return page.locator("#summary > p[role=status]")


def test_settings_change_while_a_search_runs(lived_in, open_page):
    lived_in.searched("set")
    page = open_page(lived_in, "/searches/set", forgiven=REFUSED)
    dialog = asked(page, "Settings")
    expect(dialog.get_by_label("trials", exact=True)).to_have_value("18")
    dialog.get_by_label("trials", exact=True).fill("3")
    assert "have a result" in refuse(page, "Set")
    dialog.get_by_label("trials", exact=True).fill("40")
    dialog.get_by_label("patience").fill("9")
    dialog.get_by_label("timeout").fill("12h")
    until = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
    dialog.get_by_label("until").fill(page.evaluate(LOCAL, until.isoformat()))
    agree(page, "Set")
    expect(said(page)).to_contain_text("set goes on to 40 trials")
    search = lived_in.store.searches.get("set")
    assert (search.trials, search.patience, search.timeout) == (40, 9, 12 * 3600)
    assert search.until == until
    dialog = asked(page, "Settings")
    expect(dialog.get_by_label("timeout")).to_have_value("12h")
    dialog.get_by_label("patience").fill("")
    agree(page, "Set")
    changed = lived_in.store.searches.get("set")
    assert (changed.patience, changed.timeout, changed.until) == (None, 12 * 3600, until)
    is_by(lived_in, "set", "set")
    dialog = asked(page, "Settings")
    dialog.get_by_label("webhook").fill("ftp://example.org")
    assert "http" in refuse(page, "Set")
    dialog.get_by_label("webhook").fill("https://example.org/hook")
    agree(page, "Set")
    assert lived_in.store.searches.get("set").notify == "https://example.org/hook"
    dialog = asked(page, "Settings")
    expect(dialog.get_by_label("webhook")).to_have_value("")
    dialog.get_by_label("webhook").fill("none")
    agree(page, "Set")
    assert lived_in.store.searches.get("set").notify is None


LOCAL = """iso => {
  const at = new Date(iso);
  const two = number => String(number).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}"""
"""A time as a field for local times takes it."""


def test_a_search_that_is_over_is_extended(lived_in, open_page):
    lived_in.searched("extended", status=SearchStatus.COMPLETED)
    page = open_page(lived_in, "/searches/extended", forgiven=REFUSED)
    expect(page.get_by_role("button", name="Settings")).to_have_count(0)
    dialog = asked(page, "Extend")
    dialog.get_by_label("trials", exact=True).fill("")
    assert "missing" in refuse(page, "Extend")
    dialog.get_by_label("trials", exact=True).fill("50")
    agree(page, "Extend")
    search = lived_in.store.searches.get("extended")
    assert (search.status, search.trials) == (SearchStatus.QUEUED, 50)
    expect(page.locator("#status")).to_have_text("queued")
    is_by(lived_in, "extended", "extended")


def test_points_are_enqueued_by_dimension_and_as_csv(lived_in, open_page):
    lived_in.searched("enqueued")
    page = open_page(lived_in, "/searches/enqueued", forgiven=REFUSED)
    dialog = asked(page, "Enqueue points")
    assert "exactly one of" in refuse(page, "Enqueue")
    dialog.get_by_label("σ").fill("0.5")
    dialog.get_by_label("α/β").fill("15")
    assert "beta is missing" in refuse(page, "Enqueue")
    dialog.get_by_label("β", exact=True).fill("1e-3")
    agree(page, "Enqueue")
    expect(said(page)).to_contain_text("1 point to be tried first")
    asked(page, "Enqueue points").get_by_label("points as CSV", exact=True).fill(
        "sigma,alpha_over_beta,beta\n0.5,15,1e-3\n0.25,20,1e-2\n"
    )
    agree(page, "Enqueue")
    expect(said(page)).to_contain_text("it waits already")
    dialog = asked(page, "Enqueue points")
    dialog.get_by_label("best of search").fill("other")
    dialog.get_by_label("how many").fill("2")
    agree(page, "Enqueue")
    points = lived_in.store.points.all("enqueued")
    assert len(points) == 4
    assert [point.point for point in points[:2]] == [
        {"sigma": 0.5, "alpha_over_beta": 15.0, "beta": 1e-3},
        {"sigma": 0.25, "alpha_over_beta": 20.0, "beta": 1e-2},
    ]
    assert {point.by for point in points} == {AUTHOR}
    is_by(lived_in, "enqueued", "enqueued")


def test_failed_trials_are_tried_again(lived_in, open_page):
    lived_in.searched("retried")
    page = open_page(lived_in, "/searches/retried")
    asked(page, "Retry failed")
    agree(page, "Retry")
    expect(said(page)).to_contain_text("1 trial to try again")
    assert [point.of for point in lived_in.store.points.all("retried")] == [3]
    is_by(lived_in, "retried", "retried")


def test_one_trial_is_tried_again_and_another_is_cancelled(lived_in, open_page):
    search, store = lived_in.searched("trials"), lived_in.store
    config = store.trials.get("trials", 0).config
    waiting = Trial(
        id="trials/90", search=search.name, tid=90, config=config, resources={"CPU": 1.0}
    )
    store.trials.add(waiting)
    page = open_page(lived_in, "/searches/trials/trials/3")
    asked(page, "Retry")
    agree(page, "Retry")
    expect(said(page)).to_contain_text("1 trial to try again")
    assert [point.of for point in store.points.all("trials")] == [3]
    page = open_page(lived_in, "/searches/trials/trials/90")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    asked(page, "Cancel")
    agree(page, "Cancel the trial")
    expect(page.locator("#status")).to_have_text("cancelled")
    assert store.trials.get("trials", 90).state is TrialState.CANCELLED
    is_by(lived_in, "trials", "retried")
    is_by(lived_in, "trials", "trial cancelled")


def test_results_are_imported_from_a_file(lived_in, open_page, tmp_path):
    lived_in.searched("imported", status=SearchStatus.COMPLETED)
    file = tmp_path / "results.csv"
    file.write_text("sigma,alpha_over_beta,beta,loss\n0.5,15,1e-3,0.125\n")
    page = open_page(lived_in, "/searches/imported", forgiven=REFUSED)
    dialog = asked(page, "Import results")
    dialog.get_by_label("results as CSV", exact=True).fill("sigma,loss\n0.5,0.1\n")
    assert "alpha_over_beta" in refuse(page, "Import")
    dialog.get_by_label("file of results").set_input_files(file)
    assert "Give the file alone" in refuse(page, "Import")
    dialog.get_by_label("results as CSV", exact=True).fill("")
    agree(page, "Import")
    expect(said(page)).to_contain_text("1 result imported")
    assert [point.kind for point in lived_in.store.points.all("imported")] == ["imported"]
    is_by(lived_in, "imported", "imported")


def test_a_search_is_loaded_from_a_file(lived_in, open_page, tmp_path):
    lived_in.searched("dumped", status=SearchStatus.COMPLETED)
    dump(lived_in.store, "dumped", tmp_path / "dumped.json.gz")
    page = open_page(lived_in, "/", forgiven=REFUSED)
    page.get_by_role("button", name="Load a search").click()
    dialog = page.get_by_role("dialog")
    assert "Choose a file" in refuse(page, "Load")
    dialog.get_by_label("file", exact=True).set_input_files(tmp_path / "dumped.json.gz")
    assert "already" in refuse(page, "Load")
    dialog.get_by_label("name").fill("copied")
    agree(page, "Load")
    page.wait_for_url("**/searches/copied")
    is_by(lived_in, "copied", "loaded")


def test_a_note_and_tags_are_shown_and_filter_the_list(lived_in, open_page, hostile):
    lived_in.searched("marked")
    page = open_page(lived_in, "/searches/marked", forgiven=REFUSED)
    dialog = asked(page, "Note and tags")
    dialog.get_by_label("note").fill(hostile)
    dialog.get_by_label("tags").fill("no/tag")
    assert "can't be a tag" in refuse(page, "Save")
    dialog.get_by_label("tags").fill("baseline, final")
    agree(page, "Save")
    expect(page.locator("#summary .note")).to_have_text(hostile)
    search = lived_in.store.searches.get("marked")
    assert (search.note, sorted(search.tags)) == (hostile, ["baseline", "final"])
    is_by(lived_in, "marked", "note")
    is_by(lived_in, "marked", "tagged")
    page.get_by_role("link", name="final").click()
    expect(page.locator("#shown")).to_contain_text("1 of")
    expect(page.locator("#searches tbody tr")).to_have_attribute("data-name", "marked")
    page.get_by_label("Tag").select_option("any")
    expect(page.locator("#searches tr[data-name=other]")).to_be_visible()


def test_a_search_is_renamed_and_then_deleted(lived_in, open_page):
    lived_in.searched("before")
    page = open_page(lived_in, "/searches/before", forgiven=REFUSED)
    dialog = asked(page, "Rename")
    dialog.get_by_label("new name").fill("other")
    assert "other" in refuse(page, "Rename")
    dialog.get_by_label("new name").fill("after")
    agree_and_go(page, "Rename", "**/searches/after")
    dialog = asked(page, "Delete")
    dialog.get_by_label("name of the search").fill("before")
    assert "isn't the search's name" in refuse(page, "Delete")
    dialog.get_by_label("name of the search").fill("after")
    agree_and_go(page, "Delete", lived_in.url + "/")
    expect(page.locator("#searches tr[data-name=other]")).to_be_visible()
    names = {search.name for search in lived_in.store.searches.all()}
    assert not {"before", "after"} & names
    is_by(lived_in, "before", "renamed")
    is_by(lived_in, "after", "deleted")


def agree_and_go(page, action, address):
    """Send an open dialog, which leads to another page."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    page.wait_for_url(address)


def test_the_best_are_confirmed(lived_in, open_page):
    lived_in.searched("confirmed")
    page = open_page(lived_in, "/searches/confirmed", forgiven=REFUSED)
    confirmation = page.locator("#confirmation")
    confirmation.scroll_into_view_if_needed()
    expect(confirmation).to_contain_text("may owe its place to luck")
    dialog = asked(page, "Confirm")
    dialog.get_by_label("top").fill("20")
    assert "20" in refuse(page, "Confirm")
    dialog.get_by_label("top").fill("3")
    dialog.get_by_label("seeds").fill("2")
    agree(page, "Confirm")
    expect(said(page)).to_contain_text("repeats its best trials")
    confirm = lived_in.store.searches.get("confirmed").confirm
    assert (confirm.top, confirm.seeds) == (3, 2)
    is_by(lived_in, "confirmed", "to be confirmed")
    confirmation.scroll_into_view_if_needed()
    expect(confirmation).to_contain_text("The best 3 trials, on 2 seeds each")


def test_a_confirmed_search_says_what_luck_did_and_what_it_took(lived_in, open_page, seed):
    seed(lived_in.store, "lucky", trials=0, space="wm")
    fill(lived_in.store, "lucky", over=False)
    page = open_page(lived_in, "/searches/lucky")
    expect(page.locator("#summary")).to_contain_text("0.3200 trial 2 mean of 2 fresh seeds")
    confirmation = page.locator("#confirmation")
    confirmation.scroll_into_view_if_needed()
    # Trial 1 came with 0.2, and its repetitions have 0.41 and 0.43.
    expect(confirmation).to_contain_text("luck flattered it by 0.2200")
    rows = confirmation.locator("tbody tr")
    expect(rows).to_have_count(2)
    assert rows.nth(0).locator("td").all_inner_texts()[:2] == ["2", "0.3200"]
    assert rows.nth(1).locator("td").all_inner_texts()[:2] == ["1", "0.4200"]
    took = page.locator("#took")
    took.scroll_into_view_if_needed()
    expect(took).to_contain_text("repetitions")
    expect(took).to_contain_text("hours of TPU")


def test_the_best_is_trained_for_longer(lived_in, open_page, finish_trial):
    store = lived_in.store
    known = store.searches.get("other")
    recipe = Recipe(dataset="digits", width=16, stem="small", epochs=6)
    search = store.searches.create(known.model_copy(update={"name": "short", "recipe": recipe}))
    for tid in range(2):
        finish_trial(store, search, tid, random.Random(tid))
    page = open_page(lived_in, "/searches/short", forgiven=REFUSED)
    dialog = asked(page, "Train the best for longer")
    dialog.get_by_label("epochs").fill("0")
    assert "epochs" in refuse(page, "Submit")
    dialog.get_by_label("epochs").fill("12")
    dialog.get_by_label("seeds").fill("2")
    agree_and_go(page, "Submit", "**/searches/short-*-longer-*")
    made = store.searches.get(page.url.rpartition("/")[2])
    assert (made.trials, made.recipe.epochs) == (2, 12)
    assert made.created_by == AUTHOR
    is_by(lived_in, made.name, "created")
    page = open_page(lived_in, "/searches/short/trials/1")
    asked(page, "Retrain").get_by_label("seeds").fill("1")
    agree_and_go(page, "Submit", "**/searches/short-1-longer-*")


@pytest.fixture
def guarded(lived_in, run_dashboard, tmp_path):
    """A dashboard with a token over the same store."""
    with run_dashboard(lived_in.uri, tmp_path, ALIGNSEARCH_DASHBOARD_TOKEN="a token") as dashboard:
        yield dashboard


def test_a_reader_without_the_token_has_no_buttons(guarded, open_page):
    page = open_page(guarded, "/searches/other")
    expect(page.get_by_role("link", name="Log in to steer")).to_be_visible()
    expect(page.locator("#summary .facts")).to_be_visible()
    expect(page.locator("#verbs button")).to_have_count(0)
