"""The order of trials, best first, without a store; with one, see contracts/store."""

import itertools

import pytest

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.ranking import best_of, is_ranked, ranked
from alignsearch.search.documents.states import TrialState


def a_trial(tid, state=TrialState.COMPLETED, **result):
    found = Result(**result) if result else None
    return Trial(id=f"s/{tid}", search="s", tid=tid, state=state, result=found)


DONE = [
    a_trial(2, status="ok", loss=0.1),
    a_trial(3, status="ok", loss=0.1),
    a_trial(0, status="ok", loss=0.3),
]
UNRANKED = {
    "running": a_trial(4, TrialState.RUNNING),
    "pruned": a_trial(5, TrialState.PRUNED, status="ok", loss=0.0),
    "diverged": a_trial(6, status="fail", reason="NaN"),
    "failed": a_trial(7, TrialState.FAILED),
}


def test_the_lowest_loss_comes_first_then_the_lowest_tid():
    for order in itertools.permutations(DONE):
        assert ranked(order) == DONE
        assert best_of(order) == DONE[0]
    assert best_of([]) is None


@pytest.mark.parametrize("name", UNRANKED)
def test_a_trial_without_a_final_loss_has_no_rank(name):
    assert not is_ranked(UNRANKED[name])
    assert ranked([UNRANKED[name], *DONE]) == DONE
