"""The trials that a confirmation may repeat, as a driver keeps them in memory."""

import random
from datetime import UTC, datetime, timedelta

from alignsearch.search.documents import Confirmation, Origin, Result, Trial
from alignsearch.search.documents.limits import MOST_REPEATED
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.repeated_trials import RepeatedTrials

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def ended(tid, loss, point, origin=None):
    return Trial(
        id=f"a/{tid}",
        search="a",
        tid=tid,
        point={"x": point},
        state=TrialState.COMPLETED,
        result=Result(status="ok", loss=loss),
        origin=origin,
        timings={"started": BEGAN, "finished": BEGAN + timedelta(seconds=1)},
    )


def test_of_a_long_search_the_candidates_are_its_best_points_and_those_repeated_before():
    rng = random.Random(5)
    repeated = RepeatedTrials()
    # Every point is tried three times, so that a third of the trials are candidates at most.
    trials = [ended(tid, rng.random(), tid % 4000) for tid in range(12_000)]
    # The first trials are beaten by all others, but one of them was repeated once.
    trials[:10] = [ended(tid, 2.0 + tid, -tid - 1.0) for tid in range(10)]
    again = Origin(kind="confirmation", of=3, repeat=1)
    for trial in trials[:10]:
        repeated.note(trial, None)
    repeated.note(ended(20_000, 2.5, -4.0, again), None)
    for trial in trials[10:]:
        repeated.note(trial, None)

    best = {}
    for trial in trials:
        known = best.get(trial.point["x"])
        if known is None or trial.loss < known.loss:
            best[trial.point["x"]] = trial
    expected = sorted(best.values(), key=lambda each: each.loss)
    for top in (1, 12, MOST_REPEATED):
        found = repeated.candidates(top)
        assert [each.tid for each in found] == [each.tid for each in expected[:top]] + [3]
    assert len(repeated._ranked) == len(repeated._known) <= 2 * MOST_REPEATED
    # The plan is that of a driver which kept everything.
    begin = repeated.plan(Confirmation(top=2, seeds=1), running=False).begin
    assert begin == tuple((each.tid, 1) for each in expected[:2])
