"""Workers that die before they begin what they were given: said, counted once, and an end."""

import pytest

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Trial
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.driver.start_failures import MAX_FAILURES, StartFailures
from alignsearch.search.use_cases.summary import read_summary

DIED = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'numpy'"
WHY = "ModuleNotFoundError: No module named 'numpy'"


@pytest.fixture
def search(store, make_search):
    search = make_search(trials=8, parallel=1)
    return store.searches.change(search.name, SearchStatus.RUNNING, "a test")


@pytest.fixture
def starts(store, search):
    return StartFailures(store, search, "a driver")


@pytest.fixture
def placed(store, search, starts):
    """A trial that a worker was given."""
    (trial,) = store.trials.add_many(
        [Trial(id="a-search/0", search="a-search", tid=0)], placed=True
    )
    starts.note_placed(trial)
    return trial


def events(store):
    return [
        each.detail for each in store.logs.events("a-search") if each.what == "worker did not begin"
    ]


def test_the_trial_the_events_and_the_status_say_why(store, starts, placed):
    assert store.searches.acquire_driver("a-search", "a driver", 60.0)
    for _ in range(2):
        starts.note_freed(FreedSlot(0, placed.id, DIED), store.trials.get(placed.id))
    assert store.trials.get(placed.id).error == WHY
    assert events(store) == [f"trial 0: {WHY}"]
    said = read_summary(store, "a-search").waits_for
    assert "workers to begin their trials: 0 of 1 slots busy" in said
    assert f"trial 0 is tried again, for {WHY}" in said


def test_a_report_that_an_outage_has_it_take_in_again_counts_once(
    store, starts, placed, monkeypatch
):
    report = FreedSlot(0, placed.id, DIED)
    for _ in range(MAX_FAILURES - 1):
        starts.note_freed(report, placed)

    def away(*_, **__):
        raise StoreUnavailableError("the store doesn't answer")

    for part, method in ((store.trials, "note_start_failure"), (store.searches, "change")):
        with monkeypatch.context() as outage:
            outage.setattr(part, method, away)
            with pytest.raises(StoreUnavailableError):
                starts.note_freed(report, placed)
        assert store.searches.get("a-search").status is SearchStatus.RUNNING
    starts.note_freed(report, placed)
    failed = store.searches.get("a-search")
    assert failed.status is SearchStatus.FAILED
    assert failed.error.startswith(f"{MAX_FAILURES} workers in a row died before they began")
    assert WHY in failed.error
    assert len(events(store)) == 1


@pytest.mark.parametrize("began", [True, False])
def test_a_trial_that_was_begun_before_counts_too_if_its_next_worker_does_not_begin(
    store, starts, placed, began
):
    def try_once():
        lease = store.attempts.begin(
            placed.id, "w", ttl=60, host="h", accelerator="cpu", versions={}
        ).lease
        return store.attempts.hand_back(placed.id, lease.attempt, lease.token, "stopped")

    queued = try_once()
    starts.note_placed(queued)
    for _ in range(MAX_FAILURES):
        if began:
            queued = try_once()
        starts.note_freed(FreedSlot(0, placed.id, DIED), queued)
        starts.note_placed(queued)
    failed = store.searches.get("a-search").status is SearchStatus.FAILED
    assert failed is not began


def test_a_warm_workers_death_is_its_trials_crash_and_no_failed_start(store, starts, placed):
    begun = store.attempts.begin(placed.id, "w", ttl=60, host="h", accelerator="cpu", versions={})
    for _ in range(MAX_FAILURES):
        # As a driver places what it has added as begun.
        starts.note_placed(begun)
        starts.note_freed(FreedSlot(0, placed.id, DIED), begun)
    assert store.searches.get("a-search").status is SearchStatus.RUNNING
    assert events(store) == []
