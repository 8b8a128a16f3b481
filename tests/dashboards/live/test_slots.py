"""The attempts of a search by slot: lanes, busy slots and slot hours."""

import numpy as np
import pytest

from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.live.slots import MOST_STEPS, lanes, steps


def test_every_attempt_has_its_slot_its_times_and_its_end_in_words(dashboard, lab):
    found = dashboard.json("/searches/done/slots")
    assert found["slots"] == 4
    ends = dict(zip(zip(found["tid"], found["attempt"], strict=True), found["end"], strict=True))
    assert ends[0, 1] == "completed"
    assert ends[8, 1] == "diverged"
    assert (ends[9, 1], ends[9, 2]) == ("crashed", "crashed")
    assert ends[10, 1] == "running"
    with_times = zip(found["tid"], found["started"], found["ended"], strict=True)
    for tid, started, ended in with_times:
        trial = lab.store.trials.get("done", tid)
        begun = lab.store.searches.get("done").created_at
        numbers = [(each.started_at - begun).total_seconds() for each in trial.attempts.values()]
        assert any(abs(started - each) < 2e-3 for each in numbers)
        assert ended >= started
    assert found["busy"][-1] == 0
    assert sum(found["hours"].values()) == pytest.approx(
        sum(np.subtract(found["ended"], found["started"])) / 3600, rel=1e-3, abs=1e-5
    )


def test_attempts_read_in_pieces_equal_those_read_at_once(lab):
    search, last = lab.store.searches.get("done"), lab.store.trials.last_change("done")
    records = list(lab.store.trials.changed_records("done", 0, last))
    whole, pieces = MirroredTrials(search), MirroredTrials(search)
    whole.update(records, last)
    for record in [*records, *records]:
        pieces.update([record], record["seq"])
    told = [each.attempts.model(rev=0, now=1e6, slots=4) for each in (whole, pieces)]
    keys = [sorted(zip(each.tid, each.attempt, each.end, strict=True)) for each in told]
    assert keys[0] == keys[1]


def test_attempts_without_a_slot_take_the_first_lane_that_is_free():
    slots = np.array([0.0, np.nan, np.nan, np.nan, 1.0])
    started = np.array([0.0, 0.0, 1.0, 2.5, 3.0])
    ended = np.array([9.0, 2.0, 9.0, 9.0, 9.0])
    assert lanes(slots, started, ended) == [0, 2, 3, 2, 1]


def test_busy_slots_are_counted_exactly_or_averaged_over_equal_times():
    at, busy = steps(np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 2.0]))
    assert (at, busy) == ([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 1.0, 0.0])
    started = np.arange(0, 1000, 1.0)
    at, busy = steps(started, started + 0.5)
    assert len(at) == MOST_STEPS + 1
    assert np.mean(busy[:-1]) == pytest.approx(0.5, abs=0.01)
    assert steps(np.array([]), np.array([])) == ([], [])
