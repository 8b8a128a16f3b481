"""A real browser before the dashboard as people start it, over a real store.

Every page fails its test on a request to anything but the dashboard, on an error on its console
(so on any violation of the content security policy too), and on an uncaught exception.
"""

import math
import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from alignsearch.search.documents import Epoch, LayerRecord, Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.distributions import Choice, LogUniform
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.objectives import Finished
from alignsearch.workers.objectives.rehearsal import final_loss

CHROMIUM = "/usr/bin/chromium-headless-shell"
COMMAND = Path(sys.executable).with_name("alignsearch")
LAYERS = ("stem", "stage1/block1/conv1", "stage4/block2/conv2", "dense")
PATIENCE_MS = 300_000
"""Longest wait for a page: machines that run other work are slow."""
HOSTILE = "<script>document.body.dataset.hacked = 1</script><img src=x onerror=alert(1)>"


class Dashboard:
    """`alignsearch dashboard` as a process of its own, which can be ended and started again."""

    def __init__(self, uri, folder, *options, **environment):
        self.uri = uri
        self._options = options
        self.folder = folder
        self.url = None
        self._port = 0
        self._process = None
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ALIGNSEARCH_")}
        self._environment = {**inherited, "XDG_CONFIG_HOME": str(folder), **environment}

    def start(self):
        """Start it, on the port that it had before, and wait until it answers."""
        with (self.folder / "dashboard.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    COMMAND,
                    "dashboard",
                    "--port",
                    str(self._port),
                    "--store",
                    self.uri,
                    *self._options,
                ],
                env=self._environment,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        said = self._process.stdout.readline()
        assert said.startswith("dashboard at http://"), (self.folder / "dashboard.log").read_text()
        self.url = said.split()[2].rstrip("/")
        self._port = urlsplit(self.url).port
        return self

    def stop(self):
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=300.0)
        self._process = None


@contextmanager
def dashboard_over(uri, folder, *options, **environment):
    dashboard = Dashboard(uri, folder, *options, **environment)
    try:
        yield dashboard.start()
    finally:
        dashboard.stop()


@pytest.fixture(scope="session")
def run_dashboard():
    """A context in which a dashboard runs over a store: `with run_dashboard(uri, folder)`."""
    return dashboard_over


@pytest.fixture(scope="session")
def browser():
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, timeout=PATIENCE_MS)
        yield launched
        launched.close()


WAITED_FOR = """() => ({
  address: location.href,
  visible: document.visibilityState,
  panels: [...document.querySelectorAll('section.panel')].map(each => {
    const { top, bottom } = each.getBoundingClientRect();
    const shows = each.dataset.shows ?? 'nothing yet';
    const place = `from ${Math.round(top)} to ${Math.round(bottom)} of ${innerHeight}`;
    return `${each.id}: ${shows}, ${place}`;
  }),
  said: [...document.querySelectorAll('.message, #stale:not([hidden])')].map(e => e.innerText),
  asked: performance.getEntriesByType('resource').slice(-12).map(
    each => `${each.name} at ${Math.round(each.startTime)}, ${Math.round(each.duration)} ms`),
  now: performance.now(),
})"""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure, say what each page showed and waited for."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed or "open_page" not in item.funcargs:
        return
    for page, waiting in item.funcargs["open_page"].pages:
        try:
            told = {**page.evaluate(WAITED_FOR), "unanswered": sorted(waiting)}
        except Error as error:
            told = {"page": str(error)}
        text = "\n".join(f"{name}: {value}" for name, value in told.items())
        report.sections.append(("what a page waited for", text))


@pytest.fixture
def open_page(browser):
    """Open a page of a dashboard; `forgiven` are the console errors that a test provokes.

    routes: by pattern, what is called with each request instead of sending it.
    """
    opened = []

    def open_at(dashboard, path, *, forgiven=(), routes=None, width=1280, height=900, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        foreign, errors, waiting = [], [], set()
        ours = (f"{dashboard.url}/", "data:image/", f"blob:{dashboard.url}/")
        page.on("request", lambda r: r.url.startswith(ours) or foreign.append(r.url))
        page.on("request", lambda r: waiting.add(r.url))
        page.on("requestfinished", lambda r: waiting.discard(r.url))
        page.on("requestfailed", lambda r: waiting.discard(r.url))
        page.on("console", lambda m: m.type == "error" and errors.append(m.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        for pattern, handler in (routes or {}).items():
            page.route(pattern, handler)
        opened.append((context, foreign, errors, forgiven))
        open_at.pages.append((page, waiting))
        page.goto(dashboard.url + path)
        return page

    open_at.pages = []
    yield open_at
    for context, foreign, errors, forgiven in opened:
        context.close()
        assert foreign == []
        assert [e for e in errors if not any(known in e for known in forgiven)] == []


def seed_search(store, name, *, trials=30, seed=0, space="ia", owner="ann@host", status=None):
    """A search whose trials were made up, written by real attempts: losses, layers, failures."""
    rng = random.Random(seed)
    known = get_space(space)
    search = store.searches.create(
        Search(
            name=name,
            space=space,
            space_hash=known.space_hash,
            recipe=Recipe(dataset="rehearsal", width=16, stem="small", epochs=6),
            trials=trials + 10,
            parallel=4,
            seed=seed,
            startup=5,
            max_attempts=1,
            created_by=owner,
            versions={"alignsearch": "0.1.0"},
        )
    )
    store.searches.change(name, SearchStatus.RUNNING, owner)
    for tid in range(trials):
        add_result(store, search, tid, rng)
    if status is not None:
        store.searches.change(name, status, owner)
    return search


def add_result(store, search, tid, rng):
    """Add a trial and take it through an attempt to its end."""
    space = get_space(search.space)
    point = {each.name: _draw(each.distribution, rng) for each in space.sampled}
    trial = store.trials.add(
        Trial(
            id=f"{search.name}/{tid}",
            search=search.name,
            tid=tid,
            config=space.resolve(point),
            point=point,
            resources={"CPU": 1.0},
        )
    )
    worker = Worker(f"w-{tid % 2}", f"node-{tid % 2}", "cpu", slot=tid % 4, versions={"tf": "2.21"})
    run_attempt(store, search, trial, _made_up, worker, threading.Event())


def _draw(distribution, rng):
    if isinstance(distribution, Choice):
        return rng.randrange(len(distribution.options))
    if isinstance(distribution, LogUniform):
        return math.exp(rng.uniform(math.log(distribution.low), math.log(distribution.high)))
    return rng.uniform(distribution.low, distribution.high)


def _made_up(search, trial, link):
    final = final_loss(get_space(search.space), trial.point)
    epochs = search.recipe.epochs
    if trial.tid % 10 == 7:
        return Finished(Result(status="fail", reason="the loss is NaN in epoch 2"))
    for number in range(1, epochs + 1):
        error = final + (0.9 - final) * math.exp(-number)
        layers = tuple(
            LayerRecord(
                name=layer,
                angle=90 * math.exp(-number / (1 + at)),
                norm_ratio=1 + at / 9,
                gradient_angle=None if at == 0 else 45 * math.exp(-number / (1 + at)),
                sign_agreement=1 - 0.5 * math.exp(-number / (1 + at)),
            )
            for at, layer in enumerate(LAYERS)
        )
        link.on_epoch(
            Epoch(
                trial=trial.id,
                attempt=trial.attempt,
                epoch=number,
                epochs=epochs,
                loss=2 * error,
                train_accuracy=1 - error,
                validation_loss=2 * error,
                validation_accuracy=1 - error if number < epochs else 1 - final,
                learning_rate=0.1 if number < 4 else 0.01,
                alignment_learning_rate=1e-3,
                alignment_loss=error,
                layers=layers,
                seconds=0.1,
            )
        )
    if trial.tid % 10 == 3:
        raise MemoryError(HOSTILE)
    return Finished(Result(status="ok", loss=final, metrics={"chance_error": 0.9}), epochs)


@pytest.fixture(scope="session")
def seed():
    """`seed_search`, as a fixture."""
    return seed_search


@pytest.fixture(scope="session")
def finish_trial():
    """`add_result`, as a fixture."""
    return add_result


@pytest.fixture(scope="session")
def hostile():
    """Text that would be markup to a page that isn't careful."""
    return HOSTILE


@pytest.fixture(scope="session")
def seeded(server_uri, tmp_path_factory):
    """A dashboard over the searches `first` (30 trials) and `second` (completed)."""
    uri = f"{server_uri.rstrip('/')}/browser_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        seed_search(store, "first")
        seed_search(store, "second", trials=12, seed=1, space="wm", status=SearchStatus.COMPLETED)
    with dashboard_over(uri, tmp_path_factory.mktemp("seeded")) as dashboard:
        yield dashboard
