import json
import time
from contextlib import contextmanager

import httpx
import pytest

from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.use_cases.whole_search import delete, rename

from ..conftest import Lab


@contextmanager
def stream(dashboard, path, **headers):
    """The events of a stream, as they come: (event, id, data)."""
    with (
        httpx.Client(base_url=dashboard.url, timeout=300.0, trust_env=False) as client,
        client.stream("GET", f"/api{path}", headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_of(answer.iter_lines())


def events_of(lines):
    event = {}
    for line in lines:
        if line:
            name, _, text = line.partition(": ")
            event[name] = text
        elif "event" in event:
            yield event["event"], event.get("id"), json.loads(event["data"])
            event = {}
        else:
            event = {}


def next_of(events, wanted):
    return next((id_, data) for event, id_, data in events if event == wanted)


def tids(data):
    return data["values"].get("tid", [])


def test_what_a_worker_writes_is_told_within_a_second(dashboard, lab):
    # A machine that does much else is late most of the time.
    assert any(min(seconds_until_told(dashboard, lab, f"live-{n}")) < 1.0 for n in range(20))


def seconds_until_told(dashboard, lab, name):
    """Return how long the stream of a new search takes to tell of each write of a worker."""
    lab.search(name)
    lab.queue(name, 0)
    trial = lab.begin(name, 0)
    with stream(dashboard, f"/searches/{name}/stream") as events:
        _, data = next_of(events, "change")
        took = []
        for number in (1, 2, 3):
            written = time.monotonic()
            lab.epoch(trial, number, 0.9 - 0.1 * number)
            while data["values"].get("epoch") != [number]:
                _, data = next_of(events, "change")
            took.append(time.monotonic() - written)
        written = time.monotonic()
        lab.finish(trial, 0.6)
        while data["values"].get("loss") != [0.6]:
            _, data = next_of(events, "change")
        took.append(time.monotonic() - written)
    assert data["best"]["tid"] == [0]
    best = data["summary"]["best"]
    assert (best["tid"], best["loss"], best["value"], best["seeds"]) == (0, 0.6, 0.6, None)
    return took


def test_a_client_that_comes_back_misses_nothing_and_gets_nothing_twice(dashboard, lab):
    lab.search("gone")
    lab.whole("gone", 0, 0.5)
    with stream(dashboard, "/searches/gone/stream") as events:
        rev, data = next_of(events, "change")
        # A poll may have seen the trial before its end, too.
        while 0 not in tids(data) or data["values"].get("loss") != [0.5]:
            rev, data = next_of(events, "change")
    lab.whole("gone", 1, 0.4)
    lab.whole("gone", 2, 0.3)
    seen = []
    with stream(dashboard, "/searches/gone/stream?since=0", **{"Last-Event-ID": rev}) as events:
        while 2 not in seen:
            seen += tids(next_of(events, "change")[1])
    assert set(seen) == {1, 2}


def test_events_and_the_list_are_told_too(dashboard, lab):
    lab.search("steered")
    with (
        stream(dashboard, "/searches/steered/stream") as events,
        stream(dashboard, "/stream") as all_events,
    ):
        told = []
        while len(told) < 2:
            told += [event["what"] for event in next_of(events, "events")[1]["events"]]
        assert told == ["created", "running"]
        named = set()
        while "steered" not in named:
            named |= {each["name"] for each in next_of(all_events, "searches")[1]["searches"]}
        dashboard.post("/searches/steered/pause")
        _, told = next_of(events, "events")
        assert [(e["what"], e["who"]) for e in told["events"]] == [
            ("paused", "ann@lab (dashboard)")
        ]
        changed = []
        while not any(s["name"] == "steered" and s["status"] == "paused" for s in changed):
            changed = next_of(all_events, "searches")[1]["searches"]


def test_a_search_that_is_deleted_elsewhere_leaves_lists_and_pages(dashboard, lab):
    lab.search("stays")
    lab.search("leaves")
    with (
        stream(dashboard, "/searches/leaves/stream") as events,
        stream(dashboard, "/stream") as all_events,
    ):
        next_of(events, "change")
        listed = {"names": []}
        while not {"leaves", "stays"} <= set(listed["names"]):
            _, listed = next_of(all_events, "listed")
        lab.store.searches.change("leaves", SearchStatus.CANCELLED, "ann@lab")
        delete(lab.store, "leaves", "ann@lab")
        while "leaves" in listed["names"]:
            _, listed = next_of(all_events, "listed")
        assert "stays" in listed["names"]
        assert next_of(events, "gone")[1] == {"name": "leaves"}
        # Its stream has ended, and there is none to come back to.
        assert list(events) == []
    assert dashboard.get("/searches/leaves/stream").status_code == 404
    # A search that is renamed elsewhere is listed by its new name.
    lab.search("before")
    with stream(dashboard, "/stream") as all_events:
        lab.store.searches.change("before", SearchStatus.CANCELLED, "ann@lab")
        rename(lab.store, "before", "after", "ann@lab")
        listed = {"names": []}
        while "after" not in listed["names"] or "before" in listed["names"]:
            _, listed = next_of(all_events, "listed")


@pytest.fixture
def own_store(tmp_path):
    """A server that a test may stop and start."""
    server = EmbeddedStore(tmp_path / ".alignsearch")
    server.ensure()
    yield server
    server.stop()


def test_a_store_that_goes_away_is_told_and_comes_back(own_store, serve):
    uri = own_store.ensure()
    with Store.connect(uri) as store:
        Lab(store).search("weeks")
        Lab(store).whole("weeks", 0, 0.5)
    with (
        serve(uri, timeout=5.0) as dashboard,
        stream(dashboard, "/searches/weeks/stream") as events,
    ):
        _, data = next_of(events, "change")
        while 0 not in tids(data):
            _, data = next_of(events, "change")
        own_store.stop()
        _, said = next_of(events, "store")
        assert not said["available"]
        assert "doesn't answer" in said["message"]
        refused = dashboard.get("/searches")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["error"]["code"] == "store_unavailable"
        assert dashboard.get("/health").json()["available"] is False
        own_store.ensure()
        with Store.connect(uri) as store:
            Lab(store).whole("weeks", 1, 0.4)
        # An outage may be told in several words, one after the other.
        while not said["available"]:
            _, said = next_of(events, "store")
        assert said == {"available": True, "message": ""}
        while 1 not in tids(data):
            _, data = next_of(events, "change")
        assert dashboard.json("/searches")["searches"][0]["finished"] == 2
