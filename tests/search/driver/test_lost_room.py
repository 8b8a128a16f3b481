"""A cluster that has become smaller: the search's own idle workers are in no trial's way."""

import threading

from driving import CountingDispatcher

from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver, Outcome


class SmallCluster(CountingDispatcher):
    """A dispatcher whose cluster has room for some workers; others wait until one is ended."""

    ROOM = 2

    def __init__(self, search, uri):
        super().__init__(search, uri)
        self._waiting = {}

    def place(self, slot, trial):
        if slot in super().held() or len(super().held()) < self.ROOM:
            super().place(slot, trial)
        else:
            self._waiting[slot] = trial

    def held(self):
        return super().held() | self._waiting.keys()

    def kill(self, slot):
        if self._waiting.pop(slot, None) is None:
            super().kill(slot)
            if self._waiting:
                self.place(*self._waiting.popitem())


def test_trials_whose_workers_find_no_room_get_that_of_idle_workers(store, store_uri, make_search):
    make_search(trials=9, parallel=3)
    driver = Driver(store, "a-search", lambda search: SmallCluster(search, store_uri), owner="me")
    # Without an end of its own, the search would wait for ever.
    interrupt = threading.Event()
    stop = threading.Timer(300.0, interrupt.set)
    stop.start()
    try:
        assert driver.run(interrupt) == Outcome.FINISHED
    finally:
        stop.cancel()
    assert {trial.state for trial in store.trials.all("a-search")} == {TrialState.COMPLETED}
