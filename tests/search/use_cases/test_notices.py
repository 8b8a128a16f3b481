"""Notices of a search, sent to a real HTTP server on this machine."""

import json
import signal
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.documents.webhook import check_webhook
from alignsearch.search.use_cases import notices
from alignsearch.search.use_cases.budget import adjust
from alignsearch.search.use_cases.enqueueing import Wanted, enqueue
from alignsearch.search.use_cases.notices import TRIES, Notifier, noticing
from alignsearch.search.use_cases.rules import Changes
from alignsearch.search.use_cases.webhook import SECRET_VARIABLE, signature_of
from alignsearch.spaces.catalog import get_space

SECRET = "a secret of these tests"
DRIVER = """
import sys, time
from alignsearch.search.store import Store
from alignsearch.search.use_cases.notices import Notifier, noticing
with Store.connect(sys.argv[1]) as store:
    with noticing(Notifier(store, "driver@lab", serves=False, only=sys.argv[2])):
        time.sleep(600)
"""


class Receiver:
    """A webhook's server, which keeps what it was sent and answers with its `status`."""

    def __init__(self):
        self.status = 204
        self.hangs = threading.Event()
        self.received = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                while receiver.hangs.is_set():
                    time.sleep(0.05)
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def bodies(self):
        return [json.loads(body) for _, body in self.received]

    def close(self):
        self.hangs.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def running(store, make_search_in, receiver):
    """A search with this webhook that runs."""
    name = f"told-{uuid.uuid4().hex[:8]}"
    make_search_in(store, name, notify=receiver.url)
    return store.searches.change(name, SearchStatus.RUNNING, "driver")


def notifier(store, search, **options):
    return Notifier(store, "driver@lab", serves=False, only=search.name, **options)


def end_trial(store, search, tid, **result):
    trial = store.trials.add(Trial(id=f"{search.name}/{tid}", search=search.name, tid=tid))
    about = {"ttl": 60.0, "host": "n", "accelerator": "cpu", "versions": {}, "slot": 0}
    lease = store.attempts.begin(trial.id, "worker", **about).lease
    store.attempts.finish(trial.id, 1, lease.token, Result(**result))


def until(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_end_is_told_once_with_a_signature(store, running, receiver, monkeypatch):
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    sender = notifier(store, running)
    assert sender.round() == 0
    assert receiver.received == []
    end_trial(store, running, 0, status="ok", loss=0.25)
    store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
    for again in (sender, sender, notifier(store, running)):
        assert again.round() == 0
    ((headers, body),) = receiver.received
    assert headers["X-Alignsearch-Signature"] == signature_of(body, SECRET)
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert (told["version"], told["kind"]) == (1, "ended")
    assert told["id"] == headers["X-Alignsearch-Notice"]
    assert told["search"]["name"] == running.name
    assert told["search"]["status"] == "completed"
    assert told["search"]["best"]["tid"] == 0
    assert [e.detail for e in store.logs.events(running.name) if e.what == "notice sent"] == [
        "ended"
    ]


def test_points_that_an_ended_search_is_given_end_it_no_second_time(store, running, receiver):
    sender = notifier(store, running)
    ended = store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
    assert sender.round() == 0
    point = {each.name: each.distribution.ends[0] for each in get_space(running.space).sampled}
    enqueue(store, running.name, [Wanted(point, "the point")], "ann")
    again = store.searches.get(running.name)
    assert (again.enqueued, again.updated_at) == (1, ended.updated_at)
    assert sender.round() == 0
    assert [each["kind"] for each in receiver.bodies()] == ["ended"]


def test_divergence_of_most_of_the_last_trials_is_told_once(store, running, receiver):
    sender = notifier(store, running)
    for tid in range(9):
        end_trial(store, running, tid, status="fail", reason="the loss is NaN")
    sender.round()
    assert receiver.received == []
    end_trial(store, running, 9, status="ok", loss=0.5)
    for again in (sender, sender, notifier(store, running)):
        again.round()
    assert [each["kind"] for each in receiver.bodies()] == ["diverging"]
    assert receiver.bodies()[0]["search"]["diverged"] == 9


def test_a_search_in_which_nothing_changes_is_told(store, running, receiver):
    running = store.searches.edit(
        running.name, lambda _: {"stall_seconds": 0.2}, "tester", "set", "stall"
    )
    sender = notifier(store, running, still_seconds=0.4)
    end_trial(store, running, 0, status="ok", loss=0.5)
    until(lambda: sender.round() == 0 and receiver.received)
    time.sleep(0.5)
    sender.round()
    assert [each["kind"] for each in receiver.bodies()] == ["standing-still"]
    assert "stands still" in receiver.bodies()[0]["text"]


def test_a_running_search_gets_another_webhook_loses_it_and_gets_one_again(
    store, running, receiver
):
    other = Receiver()
    sender = notifier(store, running)
    try:
        adjust(store, running.name, Changes(notify=other.url), "ann")
        for tid in range(10):
            end_trial(store, running, tid, status="fail", reason="the loss is NaN")
        sender.round()
        assert [each["kind"] for each in other.bodies()] == ["diverging"]
        adjust(store, running.name, Changes(without=("notify",)), "ann")
        assert store.searches.get(running.name).notify is None
        assert sender.round() == 0
        # The address may be a secret of the receiver's, and events are read by everybody.
        told = [each.detail for each in store.logs.events(running.name) if each.what == "set"]
        assert told == ["notify at 127.0.0.1", "notify none"]
        adjust(store, running.name, Changes(notify=receiver.url), "ann")
        store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
        sender.round()
    finally:
        other.close()
    assert [each["kind"] for each in receiver.bodies()] == ["ended"]
    assert len(other.received) == 1


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_receiver_that_refuses_is_tried_again_until_a_limit(
    store, running, receiver, monkeypatch, status
):
    monkeypatch.setattr(notices, "FIRST_PAUSE", 0.0)
    receiver.status = status
    store.searches.change(running.name, SearchStatus.CANCELLED, "tester")
    sender = notifier(store, running)
    waiting = [sender.round() for _ in range(TRIES + 2)]
    assert waiting == [1] * (TRIES - 1) + [0, 0, 0]
    assert len(receiver.received) == TRIES
    assert len({headers["X-Alignsearch-Notice"] for headers, _ in receiver.received}) == 1
    last = store.logs.events(running.name)[-1]
    assert last.what == "notice given up"
    assert f"it answers {status}" in last.detail


def test_a_driver_that_is_killed_before_it_has_told_loses_no_notice(
    store, store_uri, running, receiver
):
    receiver.hangs.set()
    command = [sys.executable, "-c", DRIVER, store_uri, running.name]
    driver = subprocess.Popen(command)
    try:
        store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
        until(lambda: receiver.received)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait(timeout=300.0)
    assert store.searches.get(running.name).notified == ()
    receiver.hangs.clear()
    with noticing(notifier(store, running)):
        until(lambda: store.searches.get(running.name).notified)
    first, second = receiver.bodies()
    # The receiver knows by the id that it is the same notice.
    assert first["id"] == second["id"]
    notifier(store, running).round()
    assert len(receiver.received) == 2


def test_a_serve_tells_what_others_left_and_alone_of_several(store, running, receiver):
    store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
    mine, other = (f"{who}@{uuid.uuid4().hex}:7" for who in ("ann", "bob"))
    before = [each.owner for each in store.services.living()]
    for owner in before:
        store.services.leave(owner)
    store.services.join(mine, 60.0)
    store.services.join(other, 60.0)
    try:
        Notifier(store, other, serves=True).round()
        notifier(store, running).round()
        assert receiver.received == []
        Notifier(store, mine, serves=True).round()
        assert [each["kind"] for each in receiver.bodies()] == ["ended"]
    finally:
        store.services.leave(mine)
        store.services.leave(other)


def test_only_addresses_of_webhooks_are_taken():
    for url in ("https://example.org/hook?x=1", "http://[::1]:8080", "http://10.0.0.1/a"):
        check_webhook(url)
    for url in (
        *("example.org", "ftp://example.org", "https://", "https:///x", "https://a b/"),
        *("http://ann:secret@example.org/", "http://h:99999/", "http://[::1/", "http://ä.org/"),
        f"https://example.org/{'x' * 2000}",
    ):
        with pytest.raises(ConfigurationError) as refused:
            check_webhook(url)
        assert "secret" not in str(refused.value)
