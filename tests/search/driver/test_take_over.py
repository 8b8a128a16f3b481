"""A driver that begins while workers of the one before write: it knows every trial."""

from driving import NEVER
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
