"""Measure slot utilization, throughput and growth of a search, with peers beside it.

    python tests/benchmarks/bench_search.py [slots] [throughput] [function] [ray-tune] [journal]
                                            [scale] [--store mongod]

slots, throughput: the real store (every write journaled; embedded, or the server that `--store`
names: one mongod, or three as a replica set, whose writes a majority has), the real driver, and Ray
with 60 worker processes, one a slot, as `alignsearch submit --wait` runs them. A trial is a
rehearsal: it begins under a lease, waits 5 s and records an epoch (or neither), ends with its
result. The slots are a resource of their own name, since 60 trainings would not fit here.

function: as throughput, over a function of a file, which returns a number at once.
ray-tune: `HyperOptSearch` over the same space with `reuse_actors`, trials that report once; its
best setting found (2 at once) with as many trials as ours and with its first 120 alone, since each
trial of it costs more than the one before; 8 at once, and as many as our slots.
journal: Optuna's journal file under 8 processes, its default sampler; it places nothing anywhere.
scale: in `bench_search_scale`.

Each section runs in a process of its own, one after the other.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import psutil
from bench_search_peers import journal, ray_tune
from mongod import one_member, replica_set

SPACE = "ia"
SLOTS = 60
SLOT = "simulated_slot"
TRIAL_SECONDS = 5.0
LOOK_SECONDS = 5.0
EMPTY_TRIALS = 2500

FUNCTION_FILE = """
import alignsearch
from alignsearch.spaces.catalog import get_space


def objective(config):
    return config["sigma"]


search = alignsearch.Search(get_space("ia"), objective)
"""


@contextmanager
def embedded(folder):
    """Start an embedded store; yield its URI and the process of its server."""
    from alignsearch.search.store.embedded import EmbeddedStore

    server = EmbeddedStore(folder / ".alignsearch")
    try:
        yield server.ensure(), [server.status().pid]
    finally:
        server.stop()


@contextmanager
def one_mongod(folder):
    """Start a MongoDB; yield its URI and its process."""
    with one_member(folder) as member:
        yield f"mongodb://{member.address}/bench", [member.pid]


@contextmanager
def three_mongods(folder):
    """Start a replica set; yield its URI and the processes of its members."""
    with replica_set(folder, 3) as made:
        yield made.uri.format("bench"), [member.pid for member in made.members]


STORES = {"embedded": embedded, "mongod": one_mongod, "replica-set": three_mongods}


@contextmanager
def a_store(kind="embedded"):
    """Start a store of a kind in a folder of its own; yield its URI and its processes."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-search-", ignore_cleanup_errors=True) as folder,
        STORES[kind](Path(folder)) as store,
    ):
        yield store


def rehearsed(trial_seconds):
    """Return what a search of rehearsals has of its own."""
    from alignsearch.search.documents import Recipe

    recipe = Recipe(
        dataset="rehearsal",
        width=1,
        stem="none",
        epochs=1 if trial_seconds else 0,
        epoch_seconds=trial_seconds,
    )
    return {"recipe": recipe}


def defined(folder):
    """Return what a search over a function has of its own; its file is written into `folder`."""
    from alignsearch.search.use_cases.defined import objective_of, stored_definition
    from alignsearch.spaces.definitions import find_definition

    file = Path(folder) / "trivial.py"
    file.write_text(FUNCTION_FILE)
    definition = find_definition(f"{file}:search")
    objective = objective_of(definition, str(file), definition.space, dataset="digits")
    return {"definition": stored_definition(definition, definition.space, objective)}


def a_search(store, name, *, trials, parallel=SLOTS, **own):
    from alignsearch.search.documents import Search
    from alignsearch.spaces.catalog import get_space

    return store.searches.create(
        Search(
            name=name,
            space=SPACE,
            space_hash=get_space(SPACE).space_hash,
            trials=trials,
            parallel=parallel,
            seed=0,
            startup=20,
            resources={SLOT: 1.0},
            created_by="bench-search",
            **own,
        )
    )


def cpu_seconds(pid):
    """Return the CPU seconds that a process has used, in user mode and in the kernel."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def cpu_by_part(store_pids):
    """Return the CPU seconds of this process and its descendants, by part."""
    cost = {"driver": cpu_seconds(os.getpid()), "store": 0.0, "workers": 0.0, "Ray's own": 0.0}
    for process in psutil.Process().children(recursive=True):
        # Some end just now.
        with suppress(psutil.NoSuchProcess):
            worker = " ".join(process.cmdline()).startswith("ray::")
            part = "workers" if worker else "store" if process.pid in store_pids else "Ray's own"
            cost[part] += cpu_seconds(process.pid)
    return cost


def cost_since(snapshots, full):
    """Return the CPU seconds of each part from `full` on, in words."""
    after = [(at, cost) for at, cost in snapshots if at >= full]
    # Processes that have ended are counted no more: up to the last look at all workers.
    (begun, first), (ended, last) = after[0], max(after, key=lambda look: look[1]["workers"])
    shares = ", ".join(f"{part} {last[part] - first[part]:.1f}" for part in last)
    return f"in {ended - begun:.0f} s: {shares} s"


def run_here(name, trials, own, store_kind):
    """Drive a search over 60 slots of a local Ray; return trials, seconds, and CPU snapshots."""
    import ray

    from alignsearch.search.driver.driver import Driver
    from alignsearch.search.store import Store
    from alignsearch.workers.cluster import LOCAL_RAY, NAMESPACE
    from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

    with a_store(store_kind) as (uri, store_pids), Store.connect(uri) as store:
        ray.init(
            address="local",
            num_cpus=os.cpu_count(),
            resources={SLOT: float(SLOTS)},
            log_to_driver=False,
            logging_level="ERROR",
            namespace=NAMESPACE,
            **LOCAL_RAY,
        )
        a_search(store, name, trials=trials, **own)
        driver = Driver(store, name, lambda search: RayDispatcher(search, uri), owner="bench")
        began = time.perf_counter()
        snapshots = []

        ended = threading.Event()

        def look():
            while not ended.wait(LOOK_SECONDS):
                snapshots.append((time.time(), cpu_by_part(store_pids)))

        looking = threading.Thread(target=look)
        looking.start()
        driver.run(threading.Event())
        seconds = time.perf_counter() - began
        ended.set()
        looking.join()
        found = store.trials.all(name)
        ray.shutdown()
    assert [trial.state for trial in found] == ["completed"] * trials
    assert [trial.attempt for trial in found] == [1] * trials
    return found, seconds, snapshots


def times(trials):
    """Return when each trial began and ended, in seconds since the epoch."""
    return [
        (trial.timings["started"].timestamp(), trial.timings["finished"].timestamp())
        for trial in trials
    ]


def first_full(trials):
    """Return the time at which every slot had begun its first trial."""
    first = {}
    for trial in trials:
        slot = trial.attempts["1"].slot
        begun = trial.timings["started"].timestamp()
        first[slot] = min(begun, first.get(slot, begun))
    assert len(first) == SLOTS
    return max(first.values())


def slots(arguments):
    """Print busy over available slot-seconds, from when all slots are full to the last refill."""
    own = rehearsed(TRIAL_SECONDS)
    trials, _, snapshots = run_here("slots", arguments.slot_trials, own, arguments.store)
    full = first_full(trials)
    last = max(begun for begun, _ in times(trials))
    available = SLOTS * (last - full)
    busy = sum(max(0.0, min(end, last) - max(begun, full)) for begun, end in times(trials))
    took = [end - begun for begun, end in times(trials)]
    simulated = busy * TRIAL_SECONDS * len(took) / sum(took)
    waits = sorted(
        after.timings["started"].timestamp() - before.timings["finished"].timestamp()
        for slot in range(SLOTS)
        for before, after in pairs(t for t in trials if t.attempts["1"].slot == slot)
        # Until then workers wait for those that are starting.
        if before.timings["finished"].timestamp() > full
    )
    print(
        f"{len(trials)} trials of {TRIAL_SECONDS:g} s in {SLOTS} slots: all full after "
        f"{full - trials[0].timings['queued'].timestamp():.1f} s, then {last - full:.1f} s until "
        f"the last refill\n"
        f"utilization {busy / available:.1%} (a slot is busy from the beginning of an attempt to "
        f"its end);\n"
        f"of it simulated training {simulated / available:.1%}; a slot waits for its next trial "
        f"{1e3 * waits[len(waits) // 2]:.0f} ms (median), {1e3 * waits[-1]:.0f} ms (longest)\n"
        f"CPU from then on: {cost_since(snapshots, full)}"
    )


def pairs(trials):
    by_start = sorted(trials, key=lambda trial: trial.timings["started"])
    return pairwise(by_start)


def throughput(arguments):
    """Print trials a second, once every slot has begun its first and over the whole run."""
    _throughput("throughput", "empty trials", arguments, rehearsed(0.0))


def function(arguments):
    """Print the same for a function."""
    with tempfile.TemporaryDirectory() as folder:
        _throughput("function", "trials of a function", arguments, defined(folder))


def _throughput(name, what, arguments, own):
    trials, seconds, snapshots = run_here(name, arguments.empty_trials, own, arguments.store)
    full = first_full(trials)
    ends = [end for _, end in times(trials)]
    counted = sum(end > full for end in ends)
    rate = counted / (max(ends) - full)
    print(
        f"{len(trials)} {what} in {SLOTS} slots, {arguments.store} store: {rate:.1f} trials/s once "
        f"all slots are up ({counted} trials in {max(ends) - full:.1f} s); "
        f"{len(trials) / seconds:.1f} with the start of {SLOTS} processes\n"
        f"CPU from then on: {cost_since(snapshots, full)}"
    )


def scale(arguments):
    """Print how driver, suggestion, status and export grow with the trials in the store."""
    from bench_search_scale import grow

    with a_store(arguments.store) as (uri, _):
        grow(uri, arguments.sizes)


SECTIONS = {
    "slots": slots,
    "throughput": throughput,
    "function": function,
    "ray-tune": ray_tune,
    "journal": journal,
    "scale": scale,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", help="all of them without it")
    parser.add_argument("--store", choices=STORES, default="embedded")
    parser.add_argument("--slot-trials", type=int, default=720)
    parser.add_argument("--empty-trials", type=int, default=EMPTY_TRIALS)
    parser.add_argument("--journal-trials", type=int, default=800)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(SECTIONS)}")
    if arguments.here:
        (section,) = arguments.sections
        SECTIONS[section](arguments)
        return
    print(f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}")
    options = [option for option in sys.argv[1:] if option not in SECTIONS]
    for section in arguments.sections or SECTIONS:
        began = time.perf_counter()
        print(f"\n== {section} (load {os.getloadavg()[0]:.1f})", flush=True)
        command = [sys.executable, __file__, section, "--here", *options]
        code = subprocess.run(command, check=False).returncode
        print(f"-- {time.perf_counter() - began:.0f} s" + (f", FAILED: {code}" if code else ""))


if __name__ == "__main__":
    main()
