"""Measure how a search's cost grows with its trials: 1,000 simulated slots, up to 100,000 trials.

For each size the store gets a search with so many finished trials. A driver takes it up and runs
1,500 more over 1,000 slots, whose workers are functions of the same process that begin and finish
each trial in the store; what these take is not counted. Each driver has a process of its own.
"""

import math
import resource
import statistics
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from bench_tpe_speed import random_point

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import (
    Attempt,
    Observation,
    Pending,
    Recipe,
    Result,
    Search,
    Trial,
)
from alignsearch.search.driver.driver import Driver
from alignsearch.search.reports.best import best_column
from alignsearch.search.reports.export import export
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.hyperopt_space import to_point

SPACE = get_space("ia")
SLOTS = 1000
MORE = 1500
ENDING_AT_ONCE = 20
SUGGESTIONS = 20
BATCH = 1000
LEASE_SECONDS = 3600.0
"""Seconds of a lease: nobody renews it here, and a round of the slots outlasts the default."""


class Here:
    """A dispatcher whose workers are functions: each trial ends when the slots are needed."""

    def __init__(self, store):
        self._store = store
        self._running = deque()
        self._placed = 0
        self.cpu = 0.0

    def place(self, slot, trial):
        started = time.process_time()
        if trial.lease is None:
            trial = self._store.attempts.begin(
                trial,
                "here",
                ttl=LEASE_SECONDS,
                host="h",
                accelerator="none",
                versions={},
                slot=slot,
            )
        self._running.append((slot, trial))
        self._placed += 1
        self.cpu += time.process_time() - started

    def poll(self, timeout):
        started = time.process_time()
        reports = []
        kept = 0 if self._placed == MORE else SLOTS - ENDING_AT_ONCE
        while len(self._running) > kept and len(reports) < ENDING_AT_ONCE:
            slot, trial = self._running.popleft()
            result = Result(status="ok", loss=loss_of(trial.point))
            ended = self._store.attempts.finish(trial, 1, trial.lease.token, result, 1)
            reports.append(FreedSlot(slot, trial.id, trial=ended))
        self.cpu += time.process_time() - started
        return reports

    def held(self):
        return set(range(min(self._placed, SLOTS)))

    def kill(self, slot): ...

    def hand_back(self): ...

    def close(self): ...


def loss_of(point):
    return 0.1 + 0.8 * abs(point["sigma"] % 1.0)


def fill(store, size):
    """Make a search with so many finished trials, numbered and tallied as drivers leave them."""
    name = f"scale-{size}"
    search = store.searches.create(
        Search(
            name=name,
            space=SPACE.name,
            space_hash=SPACE.space_hash,
            recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=1),
            trials=size + MORE,
            parallel=SLOTS,
            seed=0,
            startup=20,
            lease_seconds=LEASE_SECONDS,
            created_by="bench-search",
        )
    )
    rng = np.random.default_rng(size)
    now = store.now()
    attempt = Attempt(
        number=1,
        owner="h:1",
        token="t",
        host="h",
        accelerator="none",
        started_at=now,
        ended_at=now,
        outcome="completed",
    )
    for first in range(0, size, BATCH):
        documents = []
        for tid in range(first, min(first + BATCH, size)):
            point = random_point(rng)
            trial = Trial(
                id=f"{name}/{tid}",
                search=name,
                tid=tid,
                seq=tid + 1,
                state="completed",
                config=derive(SPACE, to_point(SPACE, point)).model_dump(),
                point=point,
                attempt=1,
                attempts={"1": attempt},
                result=Result(status="ok", loss=loss_of(point), metrics={"chance_error": 0.9}),
                timings=dict.fromkeys(("queued", "placed", "started", "finished"), now),
            )
            documents.append(trial.to_bson())
        store._db.insert_each("trials", documents)
    store._db.increase("counters", name, "seq", size)
    store.totals.update(name)
    return search


def drive(uri, name):
    """Drive the search to its end; return this process's seconds and megabytes for it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Store.connect(uri) as store:
        here = Here(store)
        driver = Driver(store, name, lambda search: here, owner="bench")
        taken_up = []
        began = time.perf_counter()

        def look():
            if not taken_up and len(driver.history.live) >= SLOTS - ENDING_AT_ONCE:
                taken_up.append((time.perf_counter() - began, time.process_time() - here.cpu))

        driver.run(threading.Event(), look)
        cpu = time.process_time() - here.cpu - taken_up[0][1]
        history = driver.history
        assert history.next_tid == store.searches.get(name).trials
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return taken_up[0][0], 1e3 * cpu / (MORE - SLOTS), memory / 1024


def suggest_ms(size):
    """Return the median time of a suggestion with so many results and 1,000 trials pending."""
    rng = np.random.default_rng(0)
    sampler = make_sampler("tpe", SPACE, seed=0, startup=20)
    for tid in range(size):
        point = random_point(rng)
        sampler.tell(Observation(tid, point, loss_of(point)))
    pending = [Pending(size + n, random_point(rng)) for n in range(SLOTS)]
    times = []
    for n in range(SUGGESTIONS):
        began = time.perf_counter()
        sampler.suggest(size + SLOTS + n, pending)
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def grow(uri, sizes):
    """Print the table, and beside it whether anything grew faster than n log n."""
    rows = {}
    with Store.connect(uri) as store:
        for size in sizes:
            name = fill(store, size).name
            suggesting = suggest_ms(size)
            # A process that has imported nothing yet, so that its memory is the driver's.
            context = get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                taken_up, per_trial, memory = pool.submit(drive, uri, name).result()
            rows[size] = {
                "driver: until its first 1,000 trials are placed, s": taken_up,
                "driver: CPU a trial then, ms": per_trial,
                "driver: memory for it all, MB": memory,
                "a suggestion, ms": suggesting,
                "status, s": timed(lambda name=name: read_summary(store, name)),
                "export, s": timed(
                    lambda name=name: export([best_column(store, name)], "markdown")
                ),
            }
            print(f"{size} trials: done", flush=True)
    print("\n| | " + " | ".join(f"{size:,} trials" for size in sizes) + " | n log n |")
    print("|---|" + "---|" * (len(sizes) + 1))
    for what in rows[sizes[0]]:
        values = [rows[size][what] for size in sizes]
        held = all(
            later <= max(earlier, 1e-9) * (n * math.log(n)) / (m * math.log(m))
            for earlier, later, m, n in zip(values, values[1:], sizes, sizes[1:], strict=False)
        )
        cells = " | ".join(f"{value:.3g}" for value in values)
        print(f"| {what} | {cells} | {'below' if held else 'ABOVE'} |")
