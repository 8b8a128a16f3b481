"""A write whose answer gets lost is sent again by the driver: it must count once."""

import contextlib
import re
import socket
import ssl
import threading
from urllib.parse import quote_plus

import pytest
from epoch_maker import an_epoch
from pymongo.uri_parser import parse_uri

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store


class LossyProxy:
    """Forwards connections to a server; when armed, cuts the next one whose write was answered.

    The write has been applied then, and the client can't know. Where the server wants TLS, the
    proxy speaks it, and the client does without.
    """

    def __init__(self, host, port, tls):
        self._target = (host, port)
        self._tls = tls
        self._armed = threading.Event()
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def lose_next_answer(self):
        self._armed.set()

    def close(self):
        for opened in list(self._sockets):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            if self._tls is not None:
                server = self._tls.wrap_socket(server, server_hostname=self._target[0])
            self._sockets += [client, server]
            wrote = threading.Event()
            for source, target, is_answer in ((client, server, False), (server, client, True)):
                thread = threading.Thread(
                    target=self._forward, args=(source, target, is_answer, wrote)
                )
                self._threads.append(thread)
                thread.start()

    def _forward(self, source, target, is_answer, wrote):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                writes = any(word in data for word in (b"update", b"insert", b"findAndModify"))
                if not is_answer and writes and self._armed.is_set():
                    self._armed.clear()
                    wrote.set()
                if is_answer and wrote.is_set():
                    self.cuts += 1
                    break
                target.sendall(data)
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(store_uri):
    parsed = parse_uri(store_uri)
    options = parsed["options"]
    tls = (
        ssl.create_default_context(cafile=options.get("tlsCAFile")) if options.get("tls") else None
    )
    running = LossyProxy(*parsed["nodelist"][0], tls)
    yield running
    running.close()


@pytest.fixture
def lossy(store_uri, proxy):
    """A store whose answers can get lost."""
    parsed = parse_uri(store_uri)
    user, password = parsed["username"], parsed["password"]
    known = f"{quote_plus(user)}:{quote_plus(password)}@" if user else ""
    options = store_uri.partition("?")[2].split("&")
    kept = [each for each in options if not re.match(r"(?i)(tls|ssl|replicaSet|direct).*=|$", each)]
    uri = f"mongodb://{known}127.0.0.1:{proxy.port}/{parsed['database'] or ''}"
    uri += f"?{'&'.join([*kept, 'directConnection=true'])}"
    with Store.connect(uri) as connected:
        yield connected


def begun(store, begin, trial):
    return begin(store.trials.get(trial.id)).lease


def test_a_begun_attempt_is_ours(proxy, lossy, new_trial):
    trial = new_trial()
    proxy.lose_next_answer()
    running = lossy.attempts.begin(
        trial.id, "w", ttl=60, host="h", accelerator="cpu", versions={}, slot=1
    )
    assert proxy.cuts == 1
    assert (running.state, running.attempt, list(running.attempts)) == (
        TrialState.RUNNING,
        1,
        ["1"],
    )


ENDINGS = {
    "finish": (
        lambda s, t, k: s.attempts.finish(t, 1, k, Result(status="ok", loss=0.5), 1),
        TrialState.COMPLETED,
    ),
    "hand back": (lambda s, t, k: s.attempts.hand_back(t, 1, k, "SIGTERM"), TrialState.QUEUED),
    "crash": (
        lambda s, t, k: s.attempts.crash(t, 1, k, "OOM", retry=True, max_attempts=2),
        TrialState.QUEUED,
    ),
    "fail": (
        lambda s, t, k: s.attempts.crash(t, 1, k, "bad", retry=True, max_attempts=1),
        TrialState.FAILED,
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_is_done_once(proxy, lossy, store, new_trial, begin, ending):
    call, state = ENDINGS[ending]
    trial = new_trial()
    lease = begun(store, begin, trial)
    before = store.trials.changes(trial.search, 0)[-1].seq
    proxy.lose_next_answer()
    ended = call(lossy, trial.id, lease.token)
    assert proxy.cuts == 1
    assert (ended.state, ended.lease) == (state, None)
    assert store.trials.get(trial.id) == ended
    assert [t.state for t in store.trials.changes(trial.search, before)] == [state]


def test_an_epoch_is_recorded_once(proxy, lossy, store, new_trial, begin):
    trial = new_trial()
    lease = begun(store, begin, trial)
    epoch = an_epoch(trial.id)
    proxy.lose_next_answer()
    lossy.attempts.record_epoch(trial.id, 1, lease.token, epoch)
    assert proxy.cuts == 1
    assert store.logs.epochs(trial.id) == [epoch]


def test_a_search_and_a_trial_are_created_once(proxy, lossy, store, new_search):
    template = new_search()
    name = f"{template.name}-again"
    proxy.lose_next_answer()
    lossy.searches.create(template.model_copy(update={"name": name}))
    proxy.lose_next_answer()
    added = lossy.trials.add(Trial(id=f"{name}/0", search=name, tid=0))
    assert proxy.cuts == 2
    assert store.searches.get(name).name == name
    assert store.trials.all(name) == [added]


def test_a_change_of_status_is_noted_once(proxy, lossy, store, new_search):
    name = new_search().name
    proxy.lose_next_answer()
    assert lossy.searches.change(name, SearchStatus.RUNNING, "me").status is SearchStatus.RUNNING
    assert proxy.cuts == 1
    assert [event.what for event in store.logs.events(name)] == ["created", "running"]


def test_a_drivers_lease_is_its_own(proxy, lossy, store, new_search):
    name = new_search().name
    proxy.lose_next_answer()
    token = lossy.searches.acquire_driver(name, "driver", 60.0)
    assert proxy.cuts == 1
    assert store.searches.get(name).driver.token == token
