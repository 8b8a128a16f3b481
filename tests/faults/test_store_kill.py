"""The embedded server is killed in the middle of writes: nothing acknowledged is lost."""

import os
import signal
import threading
import time

import pytest

from search.documents import Recipe, Result, Search, Trial
from search.embedded import EmbeddedStore
from search.errors import StoreUnavailableError
from search.states import TrialState
from search.store import Store


@pytest.fixture
def server(tmp_path):
    embedded = EmbeddedStore(tmp_path / ".alignsearch")
    yield embedded
    if (pid := embedded.status().pid) is not None:
        os.kill(pid, signal.SIGKILL)


def a_search(name):
    return Search(
        name=name,
        space="ia",
        space_hash="0123",
        recipe=Recipe(dataset="digits", width=16, stem="small", epochs=3),
        trials=1000,
        parallel=4,
        seed=0,
        startup=5,
        created_by="tester",
    )


def write_until_killed(uri, worker, acknowledged):
    """Run trials to their ends; note what the store has acknowledged, step by step."""
    with Store.connect(uri, timeout=1.0) as store:
        for n in range(10_000):
            trial_id = f"s/{worker}/{n}"
            try:
                store.add_trial(Trial(id=trial_id, search="s", tid=worker * 10_000 + n))
                acknowledged[trial_id] = TrialState.QUEUED
                lease = store.begin_attempt(
                    trial_id, "w", ttl=60, host="h", accelerator="cpu", versions={}
                ).lease
                acknowledged[trial_id] = TrialState.RUNNING
                store.finish(trial_id, 1, lease.token, Result(status="ok", loss=float(n)))
                acknowledged[trial_id] = TrialState.COMPLETED
            except StoreUnavailableError:
                return


ORDER = [TrialState.QUEUED, TrialState.RUNNING, TrialState.COMPLETED]


def test_what_was_acknowledged_survives_kills(server):
    with Store.connect(server.ensure()) as store:
        store.create_search(a_search("s"))
    acknowledged = {}
    for round_number in range(2):
        uri = server.ensure()
        writers = [
            threading.Thread(
                target=write_until_killed, args=(uri, 4 * round_number + n, acknowledged)
            )
            for n in range(4)
        ]
        for writer in writers:
            writer.start()
        enough = len(acknowledged) + 40
        while len(acknowledged) < enough:
            time.sleep(0.01)
        os.kill(server.status().pid, signal.SIGKILL)
        for writer in writers:
            writer.join()
        started = time.monotonic()
        with Store.connect(server.ensure()) as store:
            assert time.monotonic() - started < 20
            stored = {trial.id: trial for trial in store.trials("s")}
            assert acknowledged.keys() <= stored.keys()
            for trial_id, state in acknowledged.items():
                assert ORDER.index(stored[trial_id].state) >= ORDER.index(state)
                assert stored[trial_id].attempt <= 1
            # Readers of changes come to the same as readers of everything.
            known, after = {}, 0
            while changed := store.changes("s", after):
                after = changed[-1].seq
                known.update({trial.id: trial for trial in changed})
            assert known == {trial.id: trial for trial in store.trials("s")}


def test_a_worker_rides_through_the_servers_death(server):
    uri = server.ensure()
    with Store.connect(uri, timeout=20.0) as store:
        store.create_search(a_search("s"))
        store.add_trial(Trial(id="s/0", search="s", tid=0))
        lease = store.begin_attempt(
            "s/0", "w", ttl=60, host="h", accelerator="cpu", versions={}
        ).lease
        os.kill(server.status().pid, signal.SIGKILL)
        finished = []
        worker = threading.Thread(
            target=lambda: finished.append(
                store.finish("s/0", 1, lease.token, Result(status="ok", loss=0.5))
            )
        )
        worker.start()
        server.ensure()
        worker.join()
        assert finished[0].state is TrialState.COMPLETED
        assert store.get_trial("s/0").result.loss == 0.5
