"""Which trials count towards a search's budget, against a recount."""

import random

import pytest
from documents_made import a_search, a_trial

from alignsearch.search.documents.budget import SinceBest, Spending
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TrialState

KINDS = (None, "enqueued", "retry", "imported", "confirmation")


def test_results_spend_the_budget_and_nothing_else_does():
    search = a_search(trials=10)
    spending = Spending()
    for tid, state in enumerate(TrialState):
        spending.note(a_trial(tid, state))
    # Completed and pruned ones have a result; queued and running ones may get one.
    assert (spending.counted(search), spending.left(search)) == (2, 6)
    for tid, kind in enumerate(("imported", "confirmation")):
        spending.note(a_trial(90 + tid, TrialState.COMPLETED, origin={"kind": kind}))
    assert (spending.counted(search), spending.left(search)) == (2, 6)
    spending.note(a_trial(80, TrialState.COMPLETED, origin={"kind": "enqueued"}))
    assert (spending.counted(search), spending.left(search)) == (3, 5)


def test_a_failed_trial_that_is_tried_again_counts_no_more():
    spending = Spending().note(a_trial(0, TrialState.FAILED)).note(a_trial(1, TrialState.FAILED))
    assert spending.failures == 2
    again = a_trial(2, TrialState.QUEUED, origin={"kind": "retry", "of": 0})
    assert spending.note(again).failures == 1
    failed = again.model_copy(update={"state": TrialState.FAILED})
    assert spending.note(failed, TrialState.QUEUED).failures == 2


@pytest.mark.parametrize("fields", [{"space": "runs"}, {"fmin": True}])
def test_a_list_of_runs_and_fmin_count_all_trials(fields):
    search = a_search(trials=6, **fields)
    spending = Spending()
    for tid, state in enumerate(TrialState):
        spending.note(a_trial(tid, state))
    assert (spending.counted(search), spending.left(search)) == (4, 0)


@pytest.mark.parametrize("seed", range(5))
def test_any_history_adds_up_to_a_recount(seed):
    draw = random.Random(seed)
    search, spending, trials = a_search(trials=50), Spending(), {}
    for _ in range(300):
        tid = draw.randrange(60)
        known = trials.get(tid)
        if known is not None and known.state not in LIVE_TRIAL_STATES:
            continue
        kind = draw.choice(KINDS) if known is None else known.origin and known.origin.kind
        origin = kind and {"kind": kind}
        trials[tid] = a_trial(tid, draw.choice(list(TrialState)), origin=origin)
        spending.note(trials[tid], known and known.state)
    assert spending.counted(search) == sum(trial.spends for trial in trials.values())
    own = [trial for trial in trials.values() if trial.is_suggested]
    assert spending.live == sum(trial.state in LIVE_TRIAL_STATES for trial in own)
    failed = sum(trial.state is TrialState.FAILED for trial in own)
    retries = sum(trial.origin is not None and trial.origin.kind == "retry" for trial in own)
    assert spending.failures == max(0, failed - retries)


@pytest.mark.parametrize("seed", range(20))
def test_ends_since_the_best_one_are_counted_in_whatever_order_they_are_heard_of(seed):
    draw = random.Random(seed)
    ends = [
        (draw.choice([None, *range(4)]), float(draw.randrange(30)))
        for _ in range(draw.randrange(1, 25))
    ]
    counter = SinceBest()
    for each in draw.sample(ends, len(ends)):
        counter.note(*each)
    scored = [each for each in ends if each[0] is not None]
    # The first to end of equal losses is the best.
    best_end = min(scored)[1] if scored else -1.0
    assert counter.trials == sum(end > best_end for _, end in ends)
