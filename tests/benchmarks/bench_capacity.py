"""Measure the load of 60, 600 and 6,000 slots on store, driver and network.

First on paper: the commands of a slot are counted, and multiplied by how often it sends them. Then
replayed: a few processes send heartbeats, epochs, ends and beginnings of trials to a real store at
the times of that many workers, while a driver reads live trials. Trials train nothing.
"""

import argparse
import heapq
import statistics
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import bson
import numpy as np
import pymongo.monitoring
from bench_search import cpu_seconds
from bench_tpe_speed import random_point
from epoch_maker import an_epoch

from alignsearch.search.documents import Recipe, Result, Search, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.hyperopt_space import to_point

SPACE = get_space("ia")
BEATS = 3
"""Heartbeats in the time of one lease (`alignsearch.workers.attempt_runner`)."""
EPOCHS = 45
LAYERS = 21
"""Layers of a ResNet-18, whose angles and norms are in each epoch's document."""
LOOK_SECONDS = 0.5
LOOK_SHARE = 10.0
"""A driver's pause between looks at live trials: seconds, and multiples of a look's own time."""
PROCESSES = 2
THREADS = 8
ON_PAPER = 20


class Counted(pymongo.monitoring.CommandListener):
    """Counts commands and bytes of this process; a message has 21 bytes around its BSON."""

    def __init__(self):
        self.commands = self.bytes = 0

    def started(self, event):
        self.commands += 1
        self.bytes += len(bson.encode(event.command)) + 21

    def succeeded(self, event):
        self.bytes += len(bson.encode(event.reply)) + 21

    def failed(self, event): ...

    def take(self):
        taken = self.commands, self.bytes
        self.commands = self.bytes = 0
        return taken


def epoch_of(trial, number):
    layers = [
        {"name": f"stage{n}/conv", "angle": 12.5, "norm_ratio": 0.97, "gradient_angle": 3.5}
        for n in range(LAYERS)
    ]
    return an_epoch(trial.id, number, trial.attempt, epochs=EPOCHS, layers=layers, seconds=60.0)


def new_trial(store, search, tid, rng, slot, lease):
    """Add a trial as a driver does, and begin it as a worker does."""
    point = random_point(rng)
    config = derive(SPACE, to_point(SPACE, point)).model_dump()
    trial = Trial(id=f"{search}/{tid}", search=search, tid=tid, config=config, point=point)
    (added,) = store.trials.add_many([trial], placed=True)
    return store.attempts.begin(
        added, f"host:{slot}", ttl=lease, host="host", accelerator="TPU: 8", versions={}, slot=slot
    )


def finish(store, trial):
    result = Result(status="ok", loss=0.5, metrics={"chance_error": 0.999})
    store.attempts.finish(trial.id, trial.attempt, trial.lease.token, result, EPOCHS)


def make_search(store, slots, lease):
    name = f"capacity-{slots}"
    store.searches.create(
        Search(
            name=name,
            space=SPACE.name,
            space_hash=SPACE.space_hash,
            recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=EPOCHS),
            trials=slots * 1000,
            parallel=slots,
            seed=0,
            startup=20,
            lease_seconds=lease,
            created_by="bench-capacity",
        )
    )
    return name


def on_paper(uri, lease):
    """Return commands, bytes and seconds of each thing that a slot does, alone."""
    counted = Counted()
    pymongo.monitoring.register(counted)
    costs = {}
    with Store.connect(uri) as store:
        name = make_search(store, 1, lease)
        rng = np.random.default_rng(0)
        # The clock is asked for once in a while, and connections say hello.
        store.now()
        counted.take()
        began = time.perf_counter()
        trials = [new_trial(store, name, tid, rng, tid, lease) for tid in range(ON_PAPER)]
        costs["trial begun"] = (*counted.take(), time.perf_counter() - began)
        began = time.perf_counter()
        for trial in trials:
            store.attempts.renew(trial.id, 1, trial.lease.token, lease)
        costs["heartbeat"] = (*counted.take(), time.perf_counter() - began)
        began = time.perf_counter()
        for trial in trials:
            store.attempts.record_epoch(trial.id, 1, trial.lease.token, epoch_of(trial, 1))
        costs["epoch"] = (*counted.take(), time.perf_counter() - began)
        history = History(store, name)
        history.sync()
        history.refresh()
        counted.take()
        began = time.perf_counter()
        history.refresh()
        costs["driver looks"] = (*counted.take(), time.perf_counter() - began)
        began = time.perf_counter()
        for trial in trials:
            finish(store, trial)
        costs["trial ended"] = (*counted.take(), time.perf_counter() - began)
    return {
        what: (commands / ON_PAPER, size / ON_PAPER, 1e3 * seconds / ON_PAPER)
        for what, (commands, size, seconds) in costs.items()
    }


def replay(uri, search, first, count, epoch_seconds, begin_at, seconds):
    """Be the workers of some slots; return latencies by what was sent, how late, what was lost."""
    rng = np.random.default_rng(first)
    took = {"heartbeat": [], "epoch": [], "trial": []}
    late, lost = [], []
    with Store.connect(uri) as store, ThreadPoolExecutor(THREADS) as pool:
        slots = range(first, first + count)
        lease = store.searches.get(search).lease_seconds

        def begun(slot):
            return new_trial(store, search, slot, np.random.default_rng(slot), slot, lease)

        held = dict(zip(slots, pool.map(begun, slots), strict=True))
        done = {slot: int(rng.integers(0, EPOCHS)) for slot in slots}
        next_tid = iter(range(1000 * (first + count), 10**9))
        # Those that were begun first must not lapse while the others are.
        renewing = threading.Event()

        def renew(trial):
            store.attempts.renew(trial.id, 1, trial.lease.token, lease)

        def keep():
            while not renewing.wait(0.0):
                began = time.monotonic()
                list(pool.map(renew, held.values()))
                renewing.wait(max(0.0, lease / BEATS - (time.monotonic() - began)))

        keeper = threading.Thread(target=keep)
        keeper.start()
        time.sleep(max(0.0, begin_at() - time.time()))
        renewing.set()
        keeper.join()
        start = time.monotonic()
        due = [
            (start + float(rng.uniform(0, every)), slot, what)
            for slot in slots
            for what, every in (("heartbeat", lease / BEATS), ("epoch", epoch_seconds))
        ]
        heapq.heapify(due)
        lock = threading.Lock()

        def send(slot, what):
            trial = held[slot]
            token = trial.lease.token
            if what == "heartbeat":
                store.attempts.renew(trial.id, 1, token, lease)
                return
            done[slot] += 1
            store.attempts.record_epoch(trial.id, 1, token, epoch_of(trial, done[slot]))
            if done[slot] == EPOCHS:
                began = time.monotonic()
                finish(store, trial)
                with lock:
                    tid = next(next_tid)
                held[slot] = new_trial(store, search, tid, rng, slot, lease)
                done[slot] = 0
                took["trial"].append(time.monotonic() - began)

        def work():
            while True:
                with lock:
                    when, slot, what = due[0]
                    if when > start + seconds:
                        return
                    heapq.heappop(due)
                    # The next of a slot comes so long after this one was due, as in a worker.
                    every = lease / BEATS if what == "heartbeat" else epoch_seconds
                    heapq.heappush(due, (when + every, slot, what))
                time.sleep(max(0.0, when - time.monotonic()))
                began = time.monotonic()
                if began > start + seconds + lease:
                    return
                late.append(began - when)
                try:
                    send(slot, what)
                except Exception as error:
                    lost.append(repr(error))
                    continue
                took[what].append(time.monotonic() - began)

        workers = [threading.Thread(target=work) for _ in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return took, late, lost, time.monotonic() - start


def simulate(uri, server, slots, lease, epoch_seconds, seconds):
    """Replay so many slots; return a row of the table."""
    with Store.connect(uri) as store:
        name = make_search(store, slots, lease)
        share = -(-slots // PROCESSES)
        context = get_context("spawn")
        with (
            ProcessPoolExecutor(PROCESSES, mp_context=context) as pool,
            tempfile.TemporaryDirectory() as at,
        ):
            signal = Path(at) / "begin"
            parts = [
                pool.submit(
                    replay,
                    uri,
                    name,
                    first,
                    min(share, slots - first),
                    epoch_seconds,
                    Begin(signal),
                    seconds,
                )
                for first in range(0, slots, share)
            ]
            while store.totals.counts(name)[TrialState.RUNNING] < slots:
                for part in parts:
                    if part.done():
                        part.result()
                time.sleep(1.0)
            history = History(store, name)
            history.sync()
            signal.write_text(str(time.time() + 2))
            time.sleep(2.0)
            busy, own, looks = cpu_seconds(server), time.process_time(), []
            began = time.monotonic()
            while time.monotonic() < began + seconds:
                looked = time.monotonic()
                history.refresh()
                looks.append(time.monotonic() - looked)
                time.sleep(max(LOOK_SECONDS, LOOK_SHARE * looks[-1]))
            wall = time.monotonic() - began
            busy, own = (cpu_seconds(server) - busy) / wall, (time.process_time() - own) / wall
            found = [part.result() for part in parts]
        lapsed = sum(
            trial.lease.expires_at < store.now()
            for trial in store.trials.all(name, [TrialState.RUNNING])
        )
    took = {
        what: [each for part in found for each in part[0][what]]
        for what in ("heartbeat", "epoch", "trial")
    }
    late = [each for part in found for each in part[1]]
    lost = [each for part in found for each in part[2]]
    longest = max(part[3] for part in found)
    return {
        "heartbeats a second": f"{len(took['heartbeat']) / longest:.1f}",
        "epochs a second": f"{len(took['epoch']) / longest:.1f}",
        "trials ended": str(len(took["trial"])),
        "heartbeat, ms: median, 99 %": quantiles(took["heartbeat"]),
        "epoch, ms: median, 99 %": quantiles(took["epoch"]),
        "sent late, ms: median, 99 %": quantiles(late),
        "store's processor": f"{busy:.0%}",
        "driver's look, ms": f"{1e3 * statistics.median(looks):.0f}",
        "driver's processor, looking": f"{own:.0%}",
        "refused or failed": f"{len(lost)}{' ' + lost[0][:80] if lost else ''}",
        "leases lapsed": str(lapsed),
    }


class Begin:
    """The time to begin, set later; it can be sent to another process."""

    def __init__(self, signal):
        self._signal = signal

    def __call__(self):
        while not (self._signal.exists() and self._signal.read_text()):
            time.sleep(0.1)
        return float(self._signal.read_text())


def quantiles(seconds):
    if not seconds:
        return "none"
    return f"{1e3 * np.quantile(seconds, 0.5):.1f}, {1e3 * np.quantile(seconds, 0.99):.0f}"


def show(title, columns, rows):
    print(f"\n| {title} | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for what, cells in rows.items():
        print(f"| {what} | " + " | ".join(cells) + " |")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slots", type=int, nargs="+", default=[60, 600, 6000])
    options.add_argument("--lease", type=float, default=30.0, help="seconds; `submit --lease`")
    options.add_argument("--epoch-seconds", type=float, default=120.0)
    options.add_argument("--seconds", type=float, default=60.0, help="of each replay")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        embedded = EmbeddedStore(Path(folder))
        try:
            uri = embedded.ensure()
            server = embedded.status().pid
            costs = on_paper(uri, asked.lease)
            show(
                "measured, each",
                ["commands", "bytes both ways", "ms"],
                {w: (f"{c:.1f}", f"{b:,.0f}", f"{m:.2f}") for w, (c, b, m) in costs.items()},
            )
            show(
                "on paper",
                [f"{n:,} slots" for n in asked.slots],
                paper(costs, asked.slots, asked.lease, asked.epoch_seconds),
            )
            columns = {}
            for n in asked.slots:
                columns[n] = simulate(
                    uri, server, n, asked.lease, asked.epoch_seconds, asked.seconds
                )
                print(f"{n} slots: {columns[n]}", flush=True)
            show(
                f"replayed for {asked.seconds:g} s",
                [f"{n:,} slots" for n in columns],
                {what: [columns[n][what] for n in columns] for what in columns[asked.slots[0]]},
            )
        finally:
            embedded.stop()


def paper(costs, sizes, lease, epoch_seconds):
    """Return the table's rows of rates: what many slots send a second."""
    trial = EPOCHS * epoch_seconds
    rates = {
        "heartbeat": BEATS / lease,
        "epoch": 1 / epoch_seconds,
        "trial begun": 1 / trial,
        "trial ended": 1 / trial,
    }
    commands = sum(costs[what][0] * rate for what, rate in rates.items())
    size = sum(costs[what][1] * rate for what, rate in rates.items())
    look = costs["driver looks"][1]
    rows = {
        f"{shown} a second": [f"{rates[what] * n:,.2f}" for n in sizes]
        for what, shown in (
            ("heartbeat", "heartbeats"),
            ("epoch", "epochs"),
            ("trial ended", "trials ended"),
        )
    }
    rows["commands a second"] = [f"{commands * n:,.1f}" for n in sizes]
    rows["kB a second, workers"] = [f"{size * n / 1e3:,.1f}" for n in sizes]
    rows["kB a driver's look"] = [f"{look * n / 1e3:,.0f}" for n in sizes]
    return rows


if __name__ == "__main__":
    main()
