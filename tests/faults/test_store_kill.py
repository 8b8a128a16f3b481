"""The embedded server is killed in the middle of writes: nothing acknowledged is lost."""

import os
import signal
import threading
import time

import pytest
from epoch_maker import an_epoch

from alignsearch.search.documents import Recipe, Result, Search, Trial
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives, wait_until


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


def write_until_killed(uri, worker, acknowledged, killed):
    """Run trials to their ends; note what the store has acknowledged, step by step.

    killed: set once the server is to be killed. Before, it is only slow to answer.
    """
    with Store.connect(uri, timeout=1.0) as store:
        for n in range(10_000):
            tid = worker * 10_000 + n
            trial_id = Trial.key("s", tid)
            try:
                store.trials.add(Trial(id=trial_id, search="s", tid=tid))
                acknowledged[trial_id] = TrialState.QUEUED
                lease = store.attempts.begin(
                    trial_id, "w", ttl=60, host="h", accelerator="cpu", versions={}
                ).lease
                acknowledged[trial_id] = TrialState.RUNNING
                store.attempts.finish(trial_id, 1, lease.token, Result(status="ok", loss=float(n)))
                acknowledged[trial_id] = TrialState.COMPLETED
            except StoreUnavailableError:
                if killed.is_set():
                    return


ORDER = [TrialState.QUEUED, TrialState.RUNNING, TrialState.COMPLETED]


def test_what_was_acknowledged_survives_kills(server):
    with Store.connect(server.ensure()) as store:
        store.searches.create(a_search("s"))
    acknowledged = {}
    for round_number in range(2):
        uri, killed = server.ensure(), threading.Event()
        writers = [
            threading.Thread(
                target=write_until_killed, args=(uri, 4 * round_number + n, acknowledged, killed)
            )
            for n in range(4)
        ]
        for writer in writers:
            writer.start()
        enough = len(acknowledged) + 40
        while len(acknowledged) < enough:
            time.sleep(0.01)
        killed.set()
        os.kill(server.status().pid, signal.SIGKILL)
        for writer in writers:
            writer.join()
        with Store.connect(server.ensure()) as store:
            stored = {trial.id: trial for trial in store.trials.all("s")}
            assert acknowledged.keys() <= stored.keys()
            for trial_id, state in acknowledged.items():
                assert ORDER.index(stored[trial_id].state) >= ORDER.index(state)
                assert stored[trial_id].attempt <= 1
            # Readers of changes come to the same as readers of everything.
            known, after = {}, 0
            while changed := store.trials.changes("s", after):
                after = changed[-1].seq
                known.update({trial.id: trial for trial in changed})
            assert known == {trial.id: trial for trial in store.trials.all("s")}


def test_a_worker_rides_through_the_servers_death(server):
    uri = server.ensure()
    with Store.connect(uri, timeout=300.0) as store:
        store.searches.create(a_search("s"))
        store.trials.add(Trial(id="s/0", search="s", tid=0))
        lease = store.attempts.begin(
            "s/0", "w", ttl=60, host="h", accelerator="cpu", versions={}
        ).lease
        os.kill(server.status().pid, signal.SIGKILL)
        finished = []
        worker = threading.Thread(
            target=lambda: finished.append(
                store.attempts.finish("s/0", 1, lease.token, Result(status="ok", loss=0.5))
            )
        )
        worker.start()
        server.ensure()
        worker.join()
        assert finished[0].state is TrialState.COMPLETED
        assert store.trials.get("s/0").result.loss == 0.5


def test_a_kill_between_an_epochs_progress_and_the_epoch_loses_neither(server, monkeypatch):
    with Store.connect(server.ensure(), timeout=300.0) as store:
        store.searches.create(a_search("s"))
        store.trials.add(Trial(id="s/0", search="s", tid=0))
        lease = store.attempts.begin(
            "s/0", "w", ttl=600, host="h", accelerator="cpu", versions={}
        ).lease
        insert = store._db.insert
        killed = []

        def killing(collection, document):
            if document["epoch"] == 2 and not killed:
                killed.append(2)
                kill_and_restart(server)
            return insert(collection, document)

        monkeypatch.setattr(store._db, "insert", killing)
        epochs = [an_epoch("s/0", number) for number in (1, 2)]
        for epoch in epochs:
            record_as_a_worker_does(store, ("s/0", 1, lease.token), epoch)
            trial = store.trials.get("s/0")
            assert trial.progress.epoch == epoch.epoch
            assert set(trial.epoch_losses) == {str(n) for n in range(1, epoch.epoch + 1)}
        assert killed == [2]
        assert store.logs.epochs("s/0") == epochs


def test_a_kill_while_ended_trials_are_tallied_counts_none_twice(server, monkeypatch):
    with Store.connect(server.ensure(), timeout=300.0) as store:
        store.searches.create(a_search("s"))
        update = store._db.update
        to_come = []

        def killing(collection, *arguments, **options):
            if collection == "counters" and to_come.pop(0) == "kill":
                kill_and_restart(server)
            return update(collection, *arguments, **options)

        # The counter is written before the numbers are read, and after.
        for tid, calls in enumerate((["kill", "write"], ["write", "kill"])):
            trial = store.trials.add(Trial(id=f"s/{tid}", search="s", tid=tid))
            lease = store.attempts.begin(
                trial.id, "w", ttl=600, host="h", accelerator="cpu", versions={}
            ).lease
            store.attempts.finish(trial.id, 1, lease.token, Result(status="ok", loss=0.5))
            to_come[:] = calls
            with monkeypatch.context() as patched:
                patched.setattr(store._db, "update", killing)
                store.totals.update("s")
            assert to_come == []
            assert store.totals.counts("s")[TrialState.COMPLETED] == tid + 1
            store.totals.update("s")
            assert store.totals.counts("s")[TrialState.COMPLETED] == tid + 1


def kill_and_restart(server):
    pid = server.status().pid
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not lives(pid), 300)
    server.ensure()


def record_as_a_worker_does(store, held, epoch):
    while True:
        try:
            return store.attempts.record_epoch(*held, epoch, for_pruner=True)
        except StoreUnavailableError:
            time.sleep(0.1)
