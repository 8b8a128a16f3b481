"""One driver after the other: the second knows every trial, and the first one begins none more."""

import time
from datetime import timedelta

from driving import NEVER, Held, driving, wait_until
from rerouted_store import ReroutedStore
from running_trial import add_running_trial

from alignsearch.search.documents import Result
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Outcome


class BusyStore(ReroutedStore):
    """A real store in which something happens after changes are numbered, before they are read."""

    meanwhile = None

    def trials_last_change(self, search):
        last = self.real.trials.last_change(search)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return last


def test_a_result_that_comes_while_a_driver_begins_is_part_of_the_budget(
    store_uri, make_search_in, make_driver_in
):
    with BusyStore.connect(store_uri) as busy:
        search = make_search_in(busy, trials=4, parallel=1)
        first = add_running_trial(busy, search, ttl=600.0)
        second = busy.trials.add(
            first.model_copy(
                update={
                    "id": f"{search.name}/1",
                    "tid": 1,
                    "state": TrialState.QUEUED,
                    "lease": None,
                    "attempt": 0,
                    "attempts": {},
                }
            )
        )
        begun = busy.attempts.begin(
            second.id, "elsewhere", ttl=600.0, host="h", accelerator="thread", versions={}
        )
        busy.attempts.finish(second.id, 1, begun.lease.token, Result(status="ok", loss=0.5))
        busy.meanwhile = lambda: busy.attempts.finish(
            first.id, 1, first.lease.token, Result(status="ok", loss=0.25)
        )
        assert make_driver_in(busy, store_uri).run(NEVER) == Outcome.FINISHED
        assert busy.meanwhile is None
        ended = [(trial.tid, trial.state) for trial in busy.trials.all(search.name)]
    assert ended == [(tid, TrialState.COMPLETED) for tid in range(4)]


class Clock:
    """A clock that can be put on, as it is for a process that was stopped meanwhile."""

    ahead = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead


def let_lease_pass(store, name):
    """Wait until two trials run, and let their driver's lease pass in the store."""
    wait_until(lambda: len(store.trials.all(name, [TrialState.RUNNING])) == 2)
    passed = {"$set": {"driver.expires_at": store.now() - timedelta(seconds=1)}}
    assert store._db.update("searches", {"_id": name}, passed)


def test_a_driver_that_was_stopped_for_longer_than_its_lease_begins_nothing(
    store, make_search, make_driver
):
    # Its heartbeat comes every 200 s: the driver itself has to look.
    search = make_search(trials=6, parallel=2, lease_seconds=600.0)
    clock, held = Clock(), Held()
    with driving(make_driver(objective=held, monotonic=clock)) as outcome:
        let_lease_pass(store, search.name)
        token = store.searches.acquire_driver(search.name, "another", 600.0)
        assert token is not None
        clock.ahead = 601.0
        held.release()
        wait_until(lambda: outcome)
        assert outcome == [Outcome.SUPERSEDED]
    assert [trial.tid for trial in store.trials.all(search.name)] == [0, 1]
    assert store.searches.get(search.name).driver.token == token


def test_a_driver_whose_lease_nobody_took_meanwhile_goes_on(store, make_search, make_driver):
    search = make_search(trials=6, parallel=2, lease_seconds=600.0)
    clock, held = Clock(), Held()
    with driving(make_driver(objective=held, monotonic=clock)) as outcome:
        let_lease_pass(store, search.name)
        clock.ahead = 601.0
        wait_until(lambda: store.searches.get(search.name).driver.expires_at > store.now())
        held.release()
        wait_until(lambda: outcome)
        assert outcome == [Outcome.FINISHED]
