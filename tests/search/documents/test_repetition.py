"""Which trial repetitions name, and the noise that they show."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alignsearch.search.documents import Origin, Result, Trial
from alignsearch.search.documents.ranking import is_ranked
from alignsearch.search.documents.repetition import (
    Repetition,
    finalists,
    spread_between,
    spread_within,
    winner,
)
from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.tally import Tally

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def repetitions(losses):
    """Repetitions by trial: a loss each, `None` for a failed one, `...` for a diverged one."""
    return [
        Repetition(
            tid=100 * tid + number,
            of=tid,
            repeat=number,
            loss=None if loss in (None, ...) else loss,
            diverged=loss is ...,
        )
        for tid, each in losses.items()
        for number, loss in enumerate(each, start=1)
    ]


@pytest.mark.parametrize(
    ("losses", "named"),
    [
        # Nothing to compare yet: the luckiest.
        ({}, 7),
        ({3: [0.1]}, 7),
        ({7: [0.9, 0.8]}, 7),
        # The lowest mean, whatever the first losses were.
        ({7: [0.5, 0.3], 3: [0.3, 0.4]}, 3),
        ({7: [0.3, 0.4], 3: [0.5, 0.3]}, 7),
        # One seed of a trial that dropped out doesn't count against two of those that stayed.
        ({7: [0.5, 0.5], 3: [0.4, 0.4], 5: [0.1]}, 3),
        # The only one that stayed is compared with those that dropped out last.
        ({7: [0.4, 0.4, 0.4], 3: [0.5, 0.5], 5: [0.1]}, 7),
        # A failed repetition tells nothing; a diverged one tells of the point.
        ({7: [0.4, None], 3: [0.5, 0.5]}, 7),
        ({7: [0.4, ...], 3: [0.5, 0.5]}, 3),
        # The first of equals.
        ({7: [0.4, 0.4], 3: [0.4, 0.4]}, 3),
    ],
)
def test_the_best_trial_is_named_by_its_mean(losses, named):
    assert winner(7, repetitions(losses)) == named


def test_finalists_come_best_first():
    found = finalists(repetitions({1: [0.5, 0.6], 2: [0.2, 0.2], 3: [0.4, ...], 4: [0.1]}))
    assert [each.tid for each in found] == [2, 1, 3]


def test_the_noise_is_pooled_over_trials():
    losses = [[0.1, 0.3, 0.2], [0.5, 0.9], [0.7]]
    spread = spread_within(losses)
    within = [np.var(losses[0], ddof=1) * 2, np.var(losses[1], ddof=1)]
    assert spread.freedom == 3
    assert spread.variance == pytest.approx(sum(within) / 3)
    alike = spread_within([[0.1, 0.1, 0.1], [0.7, 0.7]])
    assert (alike.variance, alike.freedom) == (0.0, 3)
    assert spread_within([[0.1], [0.2]]).freedom == 0


def test_one_repetition_each_shows_noise_beside_the_first_losses():
    firsts, seconds = [0.10, 0.12, 0.13], [0.30, 0.28, 0.41]
    spread = spread_between(firsts, seconds)
    assert spread.freedom == 2
    assert spread.variance == pytest.approx(np.var(np.subtract(seconds, firsts), ddof=1))


def a_trial(tid, state, loss=None, origin=None):
    done = state is TrialState.COMPLETED
    status = "ok" if loss is not None else "fail"
    return Trial(
        id=f"s/{tid}",
        search="s",
        tid=tid,
        state=state,
        origin=origin,
        result=Result(status=status, loss=loss, reason="NaN") if done else None,
        timings={"started": BEGAN, "finished": BEGAN + timedelta(seconds=tid)},
    )


def again(of, repeat=1):
    return Origin(kind="confirmation", of=of, repeat=repeat)


def test_a_tally_keeps_repetitions_apart_and_reads_back():
    trials = [
        a_trial(1, TrialState.COMPLETED, 0.5),
        a_trial(2, TrialState.COMPLETED, 0.4),
        a_trial(3, TrialState.COMPLETED, 0.1, again(1)),
        a_trial(4, TrialState.COMPLETED, None, again(2)),
        a_trial(5, TrialState.FAILED, None, again(2, 2)),
        a_trial(6, TrialState.RUNNING, None, again(1, 2)),
    ]
    tally = Tally().with_ended(trials)
    assert tally.counts == {TrialState.COMPLETED: 2}
    assert (tally.best.tid, tally.best.loss) == (2, 0.4)
    assert tally.repetitions == (
        Repetition(tid=3, of=1, repeat=1, loss=0.1, seconds=3.0),
        Repetition(tid=4, of=2, repeat=1, diverged=True, seconds=4.0),
        Repetition(tid=5, of=2, repeat=2, seconds=5.0),
    )
    assert Tally.from_bson(tally.to_bson()) == tally
    assert not is_ranked(trials[2])
