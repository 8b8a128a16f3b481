"""Notices of ends and troubles over HTTP, from which browsers make their own."""

import time
from datetime import timedelta

from driving import wait_until

from alignsearch.search.documents import Result
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases.due_notices import STILL_SECONDS, ended_notice


def told(dashboard, name):
    """Return kind and text of the notices of a search, as the server has it now."""
    dashboard.mirror.get(name)
    dashboard.mirror.refresh(name)
    found = dashboard.json("/notices")["notices"]
    return [(each["kind"], each["text"]) for each in found if each["search"] == name]


def diverge(lab, name, tid):
    lab.queue(name, tid)
    held = lab.held(lab.begin(name, tid))
    lab.store.attempts.finish(*held, Result(status="fail", reason="the loss is NaN"))


def test_an_end_is_told_under_the_id_of_the_webhooks_notice(dashboard, lab):
    lab.search("ends")
    lab.whole("ends", 0, loss=0.5)
    assert told(dashboard, "ends") == []
    ended = lab.store.searches.change("ends", SearchStatus.COMPLETED, "driver")
    assert told(dashboard, "ends") == [("ended", "ends is completed")]
    ids = [each["id"] for each in dashboard.json("/notices")["notices"]]
    assert ended_notice(ended).id in ids
    # Another note on it is no new end.
    dashboard.post("/searches/ends/note", {"note": "the one"})
    assert [each["id"] for each in dashboard.json("/notices")["notices"]] == ids


def test_most_of_the_latest_results_have_to_diverge(dashboard, lab):
    lab.search("worse", parallel=4)
    for tid in range(5):
        diverge(lab, "worse", tid)
    for tid in range(5, 9):
        lab.whole("worse", tid, loss=0.5)
    assert told(dashboard, "worse") == []
    # This one runs still, and is no result.
    lab.queue("worse", 10)
    lab.begin("worse", 10)
    diverge(lab, "worse", 9)
    assert told(dashboard, "worse") == [
        ("diverging", "worse: most of the latest 10 trials diverged")
    ]
    for tid in (11, 12):
        lab.whole("worse", tid, loss=0.5)
    assert told(dashboard, "worse") == []


def test_a_search_that_nothing_changes_stands_still_and_a_paused_one_does_not(dashboard, lab):
    lab.search("still")
    lab.whole("still", 0, loss=0.5)
    assert told(dashboard, "still") == []
    long_ago = time.monotonic() - STILL_SECONDS - 60
    dashboard.mirror.get("still").trials.changed_at = long_ago
    # It began to run a moment ago, after it was paused or queued for as long as that.
    assert told(dashboard, "still") == []
    before = {"updated_at": lab.store.now() - timedelta(seconds=STILL_SECONDS)}
    assert lab.store._db.update("searches", {"_id": "still"}, {"$set": before})
    found = []

    def is_told():
        # The mirror may have read a change of before only now.
        dashboard.mirror.get("still").trials.changed_at = long_ago
        found[:] = told(dashboard, "still")
        return found

    wait_until(is_told)
    ((kind, text),) = found
    assert (kind, text.startswith("still stands still: ")) == ("standing-still", True)
    lab.store.searches.change("still", SearchStatus.PAUSED, "ann")
    assert told(dashboard, "still") == []
    lab.store.searches.change("still", SearchStatus.RUNNING, "ann")
    lab.whole("still", 1, loss=0.4)
    assert told(dashboard, "still") == []
