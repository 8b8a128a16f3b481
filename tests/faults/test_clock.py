"""A worker's wall clock may jump: leases use the server's clock, heartbeats a monotonic one."""

import subprocess
import sys
import time

from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.workers.objectives.rehearsal import final_loss

WORKER = """
import datetime, itertools, sys, time

# Each read of the wall clock is off by up to years. Monotonic clocks stay as they are.
real, offsets = time.time, itertools.cycle([4e7, -4e7, 0.0, 1e4, -1e4])
time.time = lambda: real() + next(offsets)

class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

datetime.datetime = Jumping

import threading
from alignsearch.search.store import Store
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.objectives.rehearsal import rehearse

with Store.connect(sys.argv[1]) as store:
    trial, search = store.trials.get("s/0"), store.searches.get("s")
    worker = Worker(owner="w", host="h", accelerator="cpu")
    print(run_attempt(store, search, trial, rehearse, worker, threading.Event()).outcome)
"""


def test_a_worker_whose_clock_jumps_keeps_its_lease_and_no_longer(store, store_uri):
    space = get_space("wm")
    store.searches.create(
        Search(
            name="s",
            space="wm",
            space_hash=space.space_hash,
            recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=40),
            trials=1,
            parallel=1,
            seed=0,
            startup=1,
            lease_seconds=3.0,
            created_by="a test",
        )
    )
    config = PUBLISHED["wm"].model_dump()
    store.trials.add(Trial(id="s/0", search="s", tid=0, config=config))
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, store_uri], stdout=subprocess.PIPE, text=True
    )
    while worker.poll() is None:
        # The worker's clock jumps by hours and years; by the server's the lease stays within a
        # minute, however busy the machine.
        lease = store.trials.get("s/0").lease
        if lease is not None:
            assert abs((lease.expires_at - store.now()).total_seconds()) < 60.0
        time.sleep(0.2)
    assert worker.communicate()[0].split() == ["completed"]
    trial = store.trials.get("s/0")
    assert (trial.state, trial.attempt) == (TrialState.COMPLETED, 1)
    assert trial.result.loss == final_loss(space, trial.point)
