"""Which trial is best: every reader agrees, because all of them ask `documents.ranking`."""

import pytest

from alignsearch.search.documents import Result, ranking
from alignsearch.search.documents.tally import Tally
from alignsearch.search.driver.history import History

LOSSES = (0.5, 0.2, 0.2, 0.7)
BEST_FIRST = [1, 2, 0, 3]


@pytest.fixture
def ended(store, new_search, new_trial, begin):
    """The name of a search with completed trials of these losses; others have none, or no rank."""
    name = new_search().name
    for tid, loss in enumerate(LOSSES):
        trial = begin(new_trial(name, tid))
        result = Result(status="ok", loss=loss)
        store.attempts.finish(trial.id, 1, trial.lease.token, result)
    pruned, diverged = (begin(new_trial(name, tid)) for tid in (4, 5))
    store.attempts.prune(pruned.id, 1, pruned.lease.token, Result(status="ok", loss=0.0))
    store.attempts.finish(diverged.id, 1, diverged.lease.token, Result(status="fail", reason="NaN"))
    new_trial(name, 6)
    return name


@pytest.fixture
def by_tid_alone():
    """Trials are ranked by their tids alone."""
    before = dict(ranking.RANKED_BY)
    del ranking.RANKED_BY["loss"]
    yield
    ranking.RANKED_BY.clear()
    # In their order, which counts.
    ranking.RANKED_BY.update(before)


def by_history(store, name):
    history = History(store, name)
    history.sync()
    return history.standing().best.tid


READERS = {
    "trials": lambda store, name: store.trials.best(name, 1)[0].tid,
    "totals": lambda store, name: store.totals.best(name).tid,
    "standing": lambda store, name: store.totals.standing(name).best.tid,
    "tally": lambda store, name: Tally().with_ended(store.trials.all(name)).best.tid,
    "history": by_history,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_finds_the_same_best_trial(store, ended, reader):
    assert READERS[reader](store, ended) == BEST_FIRST[0]


@pytest.mark.parametrize("reader", READERS)
def test_another_order_shows_in_every_reader(store, ended, reader, by_tid_alone):
    assert READERS[reader](store, ended) == 0


def test_the_store_sorts_as_documents_in_memory_are_ranked(store, ended):
    in_memory = ranking.ranked(store.trials.all(ended))
    assert [trial.tid for trial in in_memory] == BEST_FIRST
    assert store.trials.best(ended, 10) == in_memory
    assert store.trials.best(ended, 2) == in_memory[:2]
    assert store.trials.best(ended, 0) == []
