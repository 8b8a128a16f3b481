"""A driver that takes over a search with a damaged document ends it without that document."""

import pytest
from driving import NEVER, Held, driving, wait_until
from hostile_store import (
    DAMAGES,
    HURT,
    MORE,
    NOT_DRIVEN,
    SOUND,
    TRIALS,
    fill,
    let_go_on,
    results,
)

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome

TELLING = {
    *("a lost counter", "an unreadable counter", "an unreadable tally", "an unreadable point"),
    *("an unreadable trial", "a trial in a newer version's state", "an unreadable best trial"),
}
"""Damages of what a driver reads, which it names in a line."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_driver_loses_what_is_damaged_and_nothing_else(
    damage, store, make_search, make_driver, caplog
):
    fill(store, make_search)
    for name in (SOUND, HURT):
        let_go_on(store, name)
    DAMAGES[damage](store)
    unreadable = store._db.find_one("trials", {"_id": f"{HURT}/1"})
    assert make_driver(SOUND).run(NEVER) is Outcome.FINISHED
    assert results(store, SOUND) == list(range(TRIALS + MORE))
    assert HURT not in caplog.text
    if damage in NOT_DRIVEN:
        with pytest.raises(AlignSearchError, match=f"{HURT}|warp"):
            make_driver(HURT).run(NEVER)
        return
    caplog.clear()
    assert make_driver(HURT).run(NEVER) is Outcome.FINISHED
    assert store.searches.get(HURT).status is SearchStatus.COMPLETED
    # Another trial replaces the damaged one, which stays as it was and keeps its number.
    assert len(results(store, HURT)) == TRIALS + MORE
    if damage in ("an unreadable trial", "a trial in a newer version's state"):
        now = store._db.find_one("trials", {"_id": f"{HURT}/1"})
        assert {**now, "seq": 0} == {**unreadable, "seq": 0}
    if damage == "a lost best trial":
        # It was the last one. Its number, by which its epochs are stored, is no other trial's.
        assert results(store, HURT) == [*range(TRIALS - 1), *range(TRIALS, TRIALS + MORE + 1)]
        assert store.logs.count_epochs(f"{HURT}/{TRIALS - 1}") == 2
    told = [each.getMessage() for each in caplog.records if each.levelname != "INFO"]
    assert bool(told) is (damage in TELLING), told


def test_a_trial_that_is_damaged_while_it_runs_stops_nobody(
    store, make_search, make_driver, caplog
):
    name = make_search(trials=4, parallel=2).name
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: len(store.trials.all_readable(name, [TrialState.RUNNING])) == 2)
        damaged = {"$set": {"resources": 5}}
        assert store._db.update("trials", {"_id": f"{name}/0"}, damaged)
        held.release()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]
    # Its worker may have told the driver its result before that one read it.
    assert set(results(store, name)) >= {1, 2, 3}
    assert f"trial {name}/0 is left out" in caplog.text
    assert "Traceback" not in caplog.text
