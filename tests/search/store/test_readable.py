"""Readers of a search leave a trial out that can't be read, and drivers do."""

import pytest
from hostile_store import DAMAGES, HURT, fill

from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.driver.history import History
from alignsearch.search.use_cases.summary import read_summary


def test_one_unreadable_trial_is_left_out_with_a_line(store, make_search, caplog):
    fill(store, make_search)
    DAMAGES["an unreadable best trial"](store)
    for _ in range(2):
        assert [trial.tid for trial in store.trials.all_readable(HURT)] == [0, 1, 2]
        assert read_summary(store, HURT).best.tid == 2
        assert store.trials.find(HURT, 3) is None
    assert caplog.text.count("trial hurt/3 is left out") == 1
    history = History(store, HURT)
    assert {trial.tid for trial in history.sync()} == {0, 1, 2}
    # Its number is taken.
    assert history.next_tid == 4
    with pytest.raises(StoreCorruptedError, match="'hurt/3' can't be read"):
        store.trials.all(HURT)
