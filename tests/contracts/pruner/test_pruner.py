"""The contract of pruners, on every pruner of the table."""

import math
import random

import pytest

from alignsearch.search.documents import Pruning, Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.pruners.epoch_judge import EpochJudge
from alignsearch.search.pruners.pruner import PRUNERS

EPOCHS = 20
GRACE = 3


@pytest.fixture(params=PRUNERS)
def make(request):
    """Make the judge of a search that this pruner prunes."""

    def make(grace=GRACE):
        return EpochJudge(Pruning(pruner=request.param, grace=grace, reduction=2), EPOCHS)

    return make


def running(tid, losses, first=1):
    return Trial(
        id=f"s/{tid}",
        search="s",
        tid=tid,
        state=TrialState.RUNNING,
        epoch_losses={str(epoch): loss for epoch, loss in enumerate(losses, start=first)},
    )


def completed(tid, losses):
    result = Result(status="ok", loss=0.5)
    return running(tid, losses).model_copy(update={"state": TrialState.COMPLETED, "result": result})


def curves(trials, seed=0):
    """Losses around a level of each trial's own."""
    chance = random.Random(seed)
    levels = {tid: chance.random() for tid in range(trials)}
    return {
        tid: [level + 0.1 * chance.random() for _ in range(EPOCHS)] for tid, level in levels.items()
    }


def epoch_by_epoch(all_curves, seed=0):
    """Changed trials as a driver reads them: four run at a time, one ends an epoch in each."""
    chance = random.Random(seed)
    lengths = dict.fromkeys(all_curves, 0)
    while live := [tid for tid, length in lengths.items() if length < EPOCHS]:
        tid = chance.choice(live[:4])
        lengths[tid] += 1
        losses = all_curves[tid][: lengths[tid]]
        yield completed(tid, losses) if lengths[tid] == EPOCHS else running(tid, losses)


def decisions(judge, changes):
    return [judge.receive([trial]) for trial in changes]


def test_a_bad_trial_is_ended_with_a_reason(make, request):
    judge = make()
    for tid, curve in curves(8).items():
        judge.receive([completed(tid, curve)])
    ending = judge.receive([running(99, [2.0] * 10)])
    assert list(ending) == [99]
    assert ending[99].startswith(f"{request.node.callspec.params['make']}: ")


def test_the_same_epochs_give_the_same_decisions(make):
    changes = list(epoch_by_epoch(curves(30)))
    first = decisions(make(), changes)
    assert first == decisions(make(), changes)
    assert any(first)


@pytest.mark.parametrize("grace", [1, 3, 7])
def test_no_trial_ends_before_its_grace_is_over(make, grace):
    judge, ended = make(grace), []
    for trial in epoch_by_epoch(curves(30)):
        ended.extend(len(trial.epoch_losses) for _ in judge.receive([trial]))
    assert min(ended) >= grace


@pytest.mark.parametrize("seed", range(10))
def test_the_best_trial_is_never_ended(make, seed):
    known = curves(20, seed)
    best = min(known, key=lambda tid: known[tid][-1])
    known[best] = [min(losses) for losses in zip(*known.values(), strict=True)]
    endings = decisions(make(), epoch_by_epoch(known, seed))
    assert not any(best in ending for ending in endings)
    assert any(endings)


def test_trials_that_are_all_alike_all_go_on(make):
    alike = {tid: [0.5] * EPOCHS for tid in range(12)}
    assert not any(decisions(make(), epoch_by_epoch(alike)))


def test_no_trial_ends_at_its_last_epoch(make):
    judge = make(EPOCHS)
    for tid, curve in curves(8).items():
        judge.receive([completed(tid, curve)])
    assert judge.receive([running(99, [2.0] * EPOCHS)]) == {}


def test_the_order_of_the_other_trials_changes_no_decision(make):
    known = curves(40)
    others = [completed(tid, known.pop(tid)) for tid in range(20)]
    found = []
    for seed in range(5):
        judge = make()
        random.Random(seed).shuffle(others)
        for trial in others:
            judge.receive([trial])
        found.append([judge.receive([running(tid, each[:10])]) for tid, each in known.items()])
    assert all(each == found[0] for each in found)
    assert any(found[0])
    assert not all(found[0])


@pytest.mark.parametrize("seed", range(3))
def test_another_driver_goes_on_with_the_same_decisions(make, seed):
    changes = list(epoch_by_epoch(curves(30, seed), seed))
    half = len(changes) // 2
    first, second = make(), make()
    ended = {tid for ending in decisions(first, changes[:half]) for tid in ending}
    # It reads each trial once, as the store has it by then, whatever the order.
    latest = {trial.tid: trial for trial in changes[:half]}
    assert second.receive(reversed(latest.values()), judge=False) == {}
    later = [trial for trial in changes[half:] if trial.tid not in ended]
    theirs = decisions(second, later)
    assert decisions(first, later) == theirs
    assert any(theirs)


def test_a_trial_received_twice_counts_once(make):
    changes = list(epoch_by_epoch(curves(30)))
    once, twice = make(), make()
    for trial in changes:
        assert twice.receive([trial]) == once.receive([trial])
        again = twice.receive([trial, trial])
        assert again == once.receive([trial])


def test_infinite_losses_count_as_the_worst(make):
    judge = make()
    for tid in range(10):
        judge.receive([completed(tid, [math.inf] * EPOCHS)])
    assert judge.receive([running(50, [0.9] * 10)]) == {}
    judge = make()
    for tid, curve in curves(10).items():
        judge.receive([completed(tid, curve)])
    assert list(judge.receive([running(51, [math.inf] * 10)])) == [51]


def test_a_trial_without_its_earlier_losses_is_not_judged_by_them(make):
    """A trial's first known epoch may be a later one: nothing is known of those before it."""
    judge = make()
    for tid, curve in curves(8).items():
        judge.receive([completed(tid, curve)])
    assert judge.receive([running(99, [2.0] * 5, first=6)]) == {}
    assert judge.receive([running(99, [])]) == {}
