"""The dashboard's server over a real store, asked over HTTP."""

import socket
import threading
from contextlib import contextmanager, suppress

import httpx
import pytest
import uvicorn

from alignment_core.errors import AlignSearchError
from alignsearch.cli.dashboard import prepare_aside
from alignsearch.dashboards.web.app import Options, create_app
from alignsearch.dashboards.web.context import Submitter
from alignsearch.search.documents import Epoch, LayerRecord, Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases.new_search import create, with_earlier
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive

SPACE = get_space("wm_ad")


def point(tid):
    return {
        "sigma": 0.1 + 0.01 * tid,
        "alpha_over_beta": 1.0 + tid,
        "beta": 10.0 ** -(tid % 8),
        "alternating_minimization": tid % 2 == 0,
        "delay_epochs": tid % 3,
        "train_batch_size": (256, 1024, 2048, 4096)[tid % 4],
        "alignment_learning_rate": 1e-4,
    }


def a_search(name, **changes):
    fields = {
        "name": name,
        "space": SPACE.name,
        "space_hash": SPACE.space_hash,
        "recipe": Recipe(dataset="digits", width=16, stem="small", epochs=3),
        "trials": 20,
        "parallel": 4,
        "seed": 0,
        "startup": 5,
        "resources": {"CPU": 1.0},
        "created_by": "ann@lab",
        "versions": {"alignsearch": "0.1.0"},
    }
    return Search(**{**fields, **changes})


def an_epoch(trial, number, error):
    return Epoch(
        trial=trial.id,
        attempt=trial.lease.attempt,
        epoch=number,
        epochs=3,
        loss=2.3 * error,
        train_accuracy=1 - error,
        validation_loss=2.5 * error,
        validation_accuracy=1 - error,
        learning_rate=0.125,
        alignment_learning_rate=1e-3,
        alignment_loss=float("nan") if number == 1 else -1.0,
        layers=(
            LayerRecord(
                name="stem",
                angle=80.0 / number,
                norm_ratio=1.1,
                gradient_angle=60.0 / number,
                sign_agreement=1 - 0.5 / number,
            ),
            LayerRecord(name="dense", angle=40.0 / number, norm_ratio=0.9),
        ),
        seconds=1.5,
    )


class Lab:
    """Makes a search's trials as driver and workers do."""

    def __init__(self, store):
        self.store = store

    def search(self, name, **changes):
        created = self.store.searches.create(a_search(name, **changes))
        self.store.searches.change(name, SearchStatus.RUNNING, "driver@lab")
        return created

    def queue(self, search, tid):
        return self.store.trials.add(
            Trial(
                id=f"{search}/{tid}",
                search=search,
                tid=tid,
                config=derive(SPACE, point(tid)).model_dump(),
                resources={"CPU": 1.0},
            )
        )

    def begin(self, search, tid, host="node-1"):
        return self.store.attempts.begin(
            self.store.trials.get(search, tid),
            f"worker@{host}",
            ttl=3600.0,
            host=host,
            accelerator="cpu",
            versions={"python": "3.11"},
            slot=0,
        )

    def held(self, trial):
        return trial.id, trial.lease.attempt, trial.lease.token

    def epoch(self, trial, number, error):
        self.store.attempts.record_epoch(*self.held(trial), an_epoch(trial, number, error))

    def finish(self, trial, loss):
        result = Result(status="ok", loss=loss, metrics={"chance_error": 0.9})
        return self.store.attempts.finish(*self.held(trial), result, 3)

    def whole(self, search, tid, loss, host="node-1"):
        self.queue(search, tid)
        trial = self.begin(search, tid, host)
        for number in (1, 2, 3):
            self.epoch(trial, number, loss + (3 - number) * 0.1)
        return self.finish(trial, loss)


class Dashboard:
    """A server in a thread, and a client for it."""

    def __init__(self, store, **options):
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        submitter = Submitter(
            prepare=Prepare(),
            with_earlier=with_earlier,
            create=lambda to, search, named: create(to, search, named=named),
        )
        given = {"loopback": True, "person": "ann@lab", **options}
        self.app = create_app(store, submitter, Options(**given))
        self.server = uvicorn.Server(
            uvicorn.Config(
                self.app, log_config=None, proxy_headers=False, timeout_graceful_shutdown=1
            )
        )
        self.thread = threading.Thread(target=self.server.run, args=([listening],))
        self.thread.start()
        self.http = httpx.Client(base_url=self.url, timeout=300.0, trust_env=False)

    @property
    def mirror(self):
        return self.app.state.context.mirror

    def get(self, path, **options):
        self.catch_up(path)
        return self.http.get(f"/api{path}", **options)

    def catch_up(self, path):
        """Have the mirror read the path's search: a test's own writes may lie between two polls."""
        name = path.removeprefix("/searches/").partition("/")[0].partition("?")[0]
        with suppress(AlignSearchError):
            if self.mirror.cached(name) is not None:
                self.mirror.refresh(name)

    def json(self, path, **params):
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, body=None, **headers):
        csrf = self.get("/session").json()["csrf"]
        headers = {"X-CSRF-Token": csrf, "Origin": self.url, **headers}
        return self.http.post(f"/api{path}", json={} if body is None else body, headers=headers)

    def close(self):
        self.mirror.closing.set()
        self.mirror.notify()
        self.server.should_exit = True
        self.thread.join(timeout=300.0)
        self.http.close()
        assert not self.thread.is_alive()


class Prepare:
    """`alignsearch submit`'s own checks, over this test's store."""

    def __call__(self, asked, who):
        return prepare_aside(asked, who, store="mongodb://here", ray=None)


@contextmanager
def serving(store_uri, *, timeout=60.0, **options):
    """Serve a store; timeout: seconds until one that doesn't answer counts as gone."""
    with Store.connect(store_uri, timeout=timeout) as store:
        dashboard = Dashboard(store, **options)
        try:
            yield dashboard
        finally:
            dashboard.close()


@pytest.fixture(scope="session")
def serve():
    """A context manager that serves a store by its URI."""
    return serving


@pytest.fixture(scope="module")
def module_uri(server_uri, request):
    """The URI of a database that a module's tests share."""
    return f"{server_uri.rstrip('/')}/dashboard_{abs(hash(request.module.__name__))}"


@pytest.fixture(scope="module")
def lab(module_uri):
    """A store with the search `done`: eight results, a divergence, a crash, one still running."""
    with Store.connect(module_uri) as store:
        made = Lab(store)
        made.search("done")
        for tid in range(8):
            made.whole("done", tid, loss=0.5 - 0.05 * tid, host=f"node-{tid % 2}")
        made.queue("done", 8)
        diverged = made.begin("done", 8)
        store.attempts.finish(*made.held(diverged), Result(status="fail", reason="the loss is NaN"))
        made.queue("done", 9)
        for _ in range(2):
            crashed = made.begin("done", 9, "node-2")
            error = "Traceback…\nMemoryError: <script>alert(1)</script>"
            store.attempts.crash(*made.held(crashed), error, retry=True, max_attempts=2)
        made.queue("done", 10)
        running = made.begin("done", 10)
        made.epoch(running, 1, 0.7)
        yield made


@pytest.fixture(scope="module")
def dashboard(lab, module_uri):
    with serving(module_uri) as served:
        yield served
