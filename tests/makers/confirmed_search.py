"""A stored search with results, and repetitions of some of them, without a driver."""

from alignsearch.search.documents import Origin, Result, Trial
from alignsearch.search.documents.states import SearchStatus

POINT = {"sigma": 0.1, "alpha_over_beta": 2.0, "beta": 1.0}
FIRSTS = {0: 0.50, 1: 0.20, 2: 0.30, 3: 0.60}
"""First losses by trial: trial 1 is the luckiest."""
REPEATED = {1: (0.41, 0.43), 2: (0.31, 0.33)}
"""Losses on fresh seeds: trial 2 has the best mean, 0.32."""


def add_result(store, name, tid, loss, origin=None, *, accelerator="TPU: 8"):
    """Store a completed trial."""
    point = {**POINT, "sigma": 0.1 + (origin.of if origin else tid) / 100}
    trial = store.trials.add(
        Trial(id=f"{name}/{tid}", search=name, tid=tid, point=point, config=point, origin=origin)
    )
    begun = store.attempts.begin(trial, "w", ttl=60, host="h", accelerator=accelerator, versions={})
    store.attempts.finish(begun, 1, begun.lease.token, Result(status="ok", loss=loss))


def fill(store, name, *, firsts=FIRSTS, repeated=REPEATED, over=True):
    """Store results of a search that exists, and repetitions; end it if it is to be `over`."""
    for tid, loss in firsts.items():
        add_result(store, name, tid, loss)
    tid = len(firsts)
    for of, losses in repeated.items():
        for number, loss in enumerate(losses, start=1):
            origin = Origin(kind="confirmation", of=of, repeat=number)
            add_result(store, name, tid, loss, origin)
            tid += 1
    if over:
        store.searches.change(name, SearchStatus.RUNNING, "a driver")
        store.totals.update(name)
        store.searches.change(name, SearchStatus.COMPLETED, "a driver")
