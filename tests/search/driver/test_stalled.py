"""Trials that hang are told from trials that are slow."""

import threading
from datetime import UTC, datetime, timedelta

from alignsearch.search.documents import Progress, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.driver.stalled import StallDetector
from alignsearch.workers.objectives.rehearsal import rehearse


def at(epoch, tid=0, attempt=1):
    progress = Progress(epoch=epoch, epochs=99, loss=0.5) if epoch else None
    return Trial(id=f"s/{tid}", search="s", tid=tid, attempt=attempt, progress=progress)


def test_nothing_hangs_before_an_epoch_has_ended():
    detector = StallDetector(floor=1.0)
    assert detector.stalled([at(0)], 0.0) == []
    assert detector.stalled([at(0)], 1e6) == []


def test_ten_times_the_median_epoch_is_too_long():
    detector = StallDetector(floor=1.0)
    for epoch, now in enumerate((0.0, 20.0, 22.0, 24.0)):
        assert detector.stalled([at(epoch)], now) == []
    # The median of 20, 2 and 2.
    assert detector.stalled([at(3)], 43.9) == []
    ((trial, why),) = detector.stalled([at(3)], 44.1)
    assert trial.tid == 0
    assert "no epoch after epoch 3 for 20 s" in why
    assert "2.0 s" in why


def test_the_floor_holds_where_epochs_are_short():
    detector = StallDetector(floor=300.0)
    detector.stalled([at(0), at(0, tid=1)], 0.0)
    detector.stalled([at(100), at(0, tid=1)], 10.0)
    assert detector.stalled([at(0, tid=1)], 299.0) == []
    assert [trial.tid for trial, _ in detector.stalled([at(0, tid=1)], 301.0)] == [1]


def reported(step, **fields):
    """A trial of an objective whose number of steps nobody knows."""
    progress = None if step is None else Progress(epoch=step)
    return Trial(id="s/0", search="s", tid=0, attempt=1, progress=progress, **fields)


def test_reports_with_distances_are_timed_one_by_one():
    detector = StallDetector(floor=1.0)
    for step, now in ((None, 0.0), (0, 100.0), (1000, 200.0), (2000, 300.0)):
        assert detector.stalled([reported(step)], now) == []
    # A tenth of a second a step, but a report takes 100 s.
    assert detector.stalled([reported(2000)], 1299.0) == []
    ((_, why),) = detector.stalled([reported(2000)], 1301.0)
    assert "no epoch after epoch 2000 for 1001 s" in why


def test_a_completed_trial_says_nothing_of_how_often_it_reported():
    detector = StallDetector(floor=1.0)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    timings = {"started": begun, "finished": begun + timedelta(seconds=10)}
    done = reported(1000, state=TrialState.COMPLETED, timings=timings)
    detector.learn([done])
    assert detector.stalled([reported(None)], 0.0) == []
    assert detector.stalled([reported(None)], 1e6) == []


def test_another_attempt_and_an_outage_begin_anew():
    detector = StallDetector(floor=1.0)
    detector.stalled([at(0)], 0.0)
    detector.stalled([at(1)], 1.0)
    assert detector.stalled([at(1, attempt=2)], 50.0) == []
    assert detector.stalled([at(1, attempt=2)], 59.0) == []
    detector.restart()
    assert detector.stalled([at(1, attempt=2)], 80.0) == []
    assert detector.stalled([at(1, attempt=2)], 91.0) != []


def test_a_trial_whose_worker_hangs_is_taken_from_it(store, make_search, make_driver):
    released = threading.Event()

    def hang_once(search, trial, link):
        if trial.tid == 1 and trial.attempt == 1:
            released.wait(300.0)
        return rehearse(search, trial, link)

    search = make_search(trials=3, epochs=3, stall_seconds=1.0, max_attempts=20)
    driver = make_driver(objective=hang_once)
    try:
        assert driver.run(threading.Event()) == Outcome.FINISHED
    finally:
        released.set()
    hung = store.trials.get(search.name, 1)
    # On a machine that halts for a second more attempts than the first one seem to hang.
    outcomes = [attempt.outcome for attempt in hung.attempts.values()]
    assert (outcomes[0], outcomes[-1]) == ("crashed", "completed")
    assert "it hung: no epoch for" in hung.attempts["1"].error
    assert driver.dispatcher.killed
