"""Gauges of searches as Prometheus reads them."""

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.driver.prometheus import _Searches


def test_trials_that_diverged_are_a_state_of_their_own(store, make_search_in):
    make_search_in(store, "metered", trials=9)
    store.searches.change("metered", SearchStatus.RUNNING, "driver")
    results = [{"status": "fail", "reason": "NaN"}] * 3 + [{"status": "ok", "loss": 0.5}] * 2
    for tid, result in enumerate(results):
        trial = store.trials.add(Trial(id=f"metered/{tid}", search="metered", tid=tid))
        about = {"ttl": 60.0, "host": "n", "accelerator": "cpu", "versions": {}, "slot": 0}
        lease = store.attempts.begin(trial.id, "worker", **about).lease
        store.attempts.finish(trial.id, 1, lease.token, Result(**result))
    found = {
        sample.labels["state"]: sample.value
        for metric in _Searches(store).collect()
        for sample in metric.samples
        if metric.name == "alignsearch_trials" and sample.labels["search"] == "metered"
    }
    counted = {state: number for state, number in found.items() if number}
    assert counted == {"diverged": 3, "completed": 2}
