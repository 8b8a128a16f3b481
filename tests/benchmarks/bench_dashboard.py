"""The dashboard on 10,000 trials and 450,000 epochs, and optuna-dashboard on an equal study.

    python tests/benchmarks/bench_dashboard.py [--folder FOLDER] [--trials 10000] [--repeats 5]

A real headless Chromium opens a search's page and, for optuna-dashboard, the study's. The two take
turns. Ours is interactive when its charts are drawn and its table has rows (the page marks that
moment); optuna-dashboard when the list of trials that its study page asks for has come and the main
thread has been idle for half a second since (which isn't counted). A kept --folder is seeded once.
"""

import argparse
import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
import psutil
import pymongo
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import create_trial
from playwright.sync_api import sync_playwright
from seeded_store import NAME, SPACE, a_trial, epochs_of, seed

from alignsearch.search.documents import Result
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import free_port
from alignsearch.spaces.distributions import Choice, LogUniform

CHROMIUM = "/usr/bin/chromium-headless-shell"
BIN = Path(sys.executable).parent
WATCHED = (
    ("best", "parcoords"),
    ("trials",),
    ("slice", "contour"),
    ("importance", "categorical"),
    ("curves", "failures"),
)
UPDATES = 5
"""Trials that end while each of those panels are watched."""
TRIALS_OF_STUDY = "/api/studies/0?after=0"
IDLE = """() => new Promise(done => {
  const trials = performance.getEntriesByType('resource').find(e => e.name.includes('?after=0'));
  let last = trials.responseEnd;
  new PerformanceObserver(list => {
    for (const each of list.getEntries()) last = Math.max(last, each.startTime + each.duration);
  }).observe({type: 'longtask', buffered: true});
  const look = () => performance.now() - last > 500 ? done(last) : setTimeout(look, 50);
  setTimeout(look, 100);
})"""
LONGEST = """() => {
  window.longest = 0;
  new PerformanceObserver(list => {
    for (const each of list.getEntries()) window.longest = Math.max(window.longest, each.duration);
  }).observe({type: 'longtask'});
}"""


def journal_study(path, trials):
    """The same trials as an optuna study in a journal file."""
    distributions = {
        each.name: CategoricalDistribution(each.distribution.options)
        if isinstance(each.distribution, Choice)
        else FloatDistribution(
            each.distribution.low,
            each.distribution.high,
            log=isinstance(each.distribution, LogUniform),
        )
        for each in SPACE.sampled
    }
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(study_name=NAME, storage=storage, direction="minimize")
    for trial in trials:
        loss = trial.result.loss if trial.result else None
        study.add_trial(
            create_trial(
                params={name: trial.config[name] for name in distributions},
                distributions=distributions,
                value=loss,
                state=optuna.trial.TrialState.FAIL
                if loss is None
                else optuna.trial.TrialState.COMPLETE,
            )
        )


@contextmanager
def running(command, cwd, ready, log):
    """A server's process, once `ready()` tells that it answers."""
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 120
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} doesn't start: {log.read_text()}")
            threading.Event().wait(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def fetched(url):
    """Seconds and bytes on the wire of one answer."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        content = answer.read()
        packed = answer.headers.get("Content-Encoding") == "gzip"
    seconds = time.perf_counter() - begun
    return seconds, len(content), len(gzip.decompress(content)) if packed else len(content)


def memory_of(process):
    """Resident bytes of a process."""
    return psutil.Process(process.pid).memory_info().rss


def opened(browser, url, interactive, awaited=""):
    """A fresh page: seconds to interactive, bytes on the wire, heap in bytes, and the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    wire = []
    session.on("Network.loadingFinished", lambda event: wire.append(event["encodedDataLength"]))
    with page.expect_event(
        "requestfinished", lambda request: awaited in request.url, timeout=120_000
    ):
        page.goto(url, wait_until="commit")
    seconds = interactive(page) / 1000
    size = sum(wire)
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    return seconds, size, heap, page


def ours_interactive(page):
    page.wait_for_function(
        "() => performance.getEntriesByName('interactive').length > 0", timeout=60_000
    )
    return page.evaluate("() => performance.getEntriesByName('interactive')[0].startTime")


def optuna_interactive(page):
    return page.evaluate(IDLE)


def show(page, panels):
    """Bring `panels` into view and wait until they are drawn."""
    page.evaluate(f"() => document.getElementById('{panels[0]}').scrollIntoView()")
    for panel in panels:
        page.locator(f"#{panel}[data-shows=content]").wait_for(timeout=60_000)


def updates(page, uri, panels, first, *, best=False, seconds=2.5):
    """Milliseconds of main thread for each of some trials that finish while `panels` are in view.

    With `best`, each of them is better than all before, which is drawn and listed everywhere.

    All that the browser's main thread does in the seconds after a trial's end, charts drawn anew
    and the table read again included, less what it does in as long a time without one; and the
    longest single task in milliseconds.
    """
    show(page, panels)
    # A page's stream begins with what was missed.
    page.wait_for_timeout(5000)
    session = page.context.new_cdp_session(page)
    # Processor time of the page's thread, so that other work of the machine isn't counted.
    session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
    session.send("Performance.enable")

    def spent():
        before = busy(session)
        page.wait_for_timeout(seconds * 1000)
        return (busy(session) - before) * 1000

    page.evaluate(LONGEST)
    idle = statistics.median(spent() for _ in range(3))
    rng = np.random.default_rng(first)
    costs = []
    with Store.connect(uri) as store, pymongo.MongoClient(uri) as client:
        epochs = client.get_default_database("alignsearch").epochs
        for tid in range(first, first + UPDATES):
            trial, loss = a_trial(NAME, tid, 45, rng)
            if best:
                loss = 0.99 * store.totals.best(NAME).loss
                ended = {"result": Result(status="ok", loss=loss), "state": TrialState.COMPLETED}
                trial = trial.model_copy(update=ended)
            epochs.insert_many(list(epochs_of(trial.id, loss, 45, 0)))
            store.trials.add(trial)
            costs.append(spent() - idle)
    return costs, page.evaluate("() => window.longest")


def busy(session):
    """Seconds that a page's main thread has worked so far."""
    found = session.send("Performance.getMetrics")["metrics"]
    return next(each["value"] for each in found if each["name"] == "TaskDuration")


def told_of(found):
    costs, longest = found
    return (
        f"{median(costs):.0f} ms of main thread (largest {max(costs):.0f} of {len(costs)}; "
        f"longest task {longest:.0f} ms)"
    )


def idle_poll(uri, repeats=50):
    """Seconds of one poll of the store with nothing new, as the server's thread makes it."""
    with Store.connect(uri) as store:
        begun = time.perf_counter()
        for _ in range(repeats):
            store.searches.named([NAME])
            store.trials.last_change(NAME)
        return (time.perf_counter() - begun) / repeats


def median(values):
    return statistics.median(values) if values else float("nan")


def measure(folder, trials_number, epochs, repeats):
    store = EmbeddedStore(folder / ".alignsearch")
    uri = store.ensure()
    journal = folder / "journal.log"
    seeded = folder / f"seeded-{trials_number}-{epochs}"
    if not seeded.exists():
        begun = time.monotonic()
        trials = seed(uri, trials_number, epochs)
        print(f"seeded in {time.monotonic() - begun:.0f} s", flush=True)
        journal_study(journal, trials)
        seeded.touch()
    ports = free_port(), free_port()
    ours, theirs = (f"http://127.0.0.1:{port}" for port in ports)
    begun = time.monotonic()
    with (
        running(
            [BIN / "alignsearch", "dashboard", "--port", str(ports[0]), "--store", uri],
            folder,
            lambda: answers(f"{ours}/api/health"),
            folder / "ours.log",
        ) as our_server,
        running(
            [BIN / "optuna-dashboard", str(journal), "--port", str(ports[1])],
            folder,
            lambda: answers(f"{theirs}/api/studies"),
            folder / "optuna.log",
        ) as their_server,
        sync_playwright() as playwright,
    ):
        print(f"both servers answer after {time.monotonic() - begun:.1f} s")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        pages = {"ours": [], "optuna": []}
        study = f"{theirs}/dashboard/studies/0"
        study_api = f"{theirs}{TRIALS_OF_STUDY}"
        for turn in range(repeats + 1):
            seconds, size, heap, page = opened(browser, f"{ours}/searches/{NAME}", ours_interactive)
            last = turn == repeats
            if last:
                for panels in WATCHED:
                    show(page, panels)
                known = total(f"{ours}/api/searches/{NAME}/trials?page_size=1")
                told = {
                    panels: updates(page, uri, panels, known + UPDATES * at)
                    for at, panels in enumerate(WATCHED)
                }
                known += UPDATES * len(WATCHED)
                new_best = updates(page, uri, WATCHED[0], known, best=True)
            page.context.close()
            pages["ours"].append((seconds, size, heap))
            seconds, size, heap, page = opened(browser, study, optuna_interactive, TRIALS_OF_STUDY)
            page.context.close()
            pages["optuna"].append((seconds, size, heap))
        browser.close()
        for name, found in pages.items():
            first, *others = [each[0] for each in found]
            print(
                f"{name}: interactive after {median(others):.2f} s "
                f"(first {first:.2f} s, {min(others):.2f} to {max(others):.2f} s in {len(others)});"
                f" {median([each[1] for each in found]) / 1e6:.2f} MB on the wire; "
                f"page's heap {median([each[2] for each in found]) / 1e6:.0f} MB"
            )
        ratio = median([each[0] for each in pages["optuna"][1:]]) / median(
            [each[0] for each in pages["ours"][1:]]
        )
        print(f"to interactive, ours is {ratio:.1f} times as fast")
        for panels, found in told.items():
            print(f"a trial ends, {' and '.join(panels)} in view: {told_of(found)}")
        print(f"a new best, {' and '.join(WATCHED[0])} in view: {told_of(new_best)}")
        payload = fetched(f"{ours}/api/searches/{NAME}/history")
        rev = re.search(r'"rev":(\d+)', raw(f"{ours}/api/searches/{NAME}/changes?since=0"))[1]
        quiet = [
            fetched(f"{ours}/api/searches/{NAME}/changes?since={rev}")[0]
            for _ in range(repeats * 4)
        ]
        print(
            f"ours: history {payload[1] / 1e6:.2f} MB on the wire ({payload[2] / 1e6:.2f} MB "
            f"unpacked) in {payload[0]:.2f} s; an update with nothing new "
            f"{median(quiet) * 1000:.1f} ms; the shared poll of the store "
            f"{idle_poll(uri) * 1000:.1f} ms"
        )
        whole = fetched(study_api)
        empty = f"{theirs}/api/studies/0?after={trials_number}"
        nothing = median([fetched(empty)[0] for _ in range(3)])
        print(
            f"optuna: study {whole[1] / 1e6:.2f} MB in {whole[0]:.2f} s; a poll with nothing new "
            f"{nothing * 1000:.0f} ms"
        )
        print(
            f"memory of the servers: ours {memory_of(our_server) / 1e6:.0f} MB, optuna-dashboard "
            f"{memory_of(their_server) / 1e6:.0f} MB"
        )


def total(url):
    """How many trials a search has."""
    return int(re.search(r'"total":(\d+)', raw(url))[1])


def raw(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="Keep the seeded stores here.")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"{os.cpu_count()} cores, {memory:.0f} GiB")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            measure(folder, arguments.trials, arguments.epochs, arguments.repeats)
        finally:
            EmbeddedStore(folder / ".alignsearch").stop()


if __name__ == "__main__":
    main()
