"""Pruners' decisions against Optuna's, and against other ways to compute them."""

import math
import random
import threading
from typing import get_args

import numpy as np
import optuna
import pytest

from alignment_core.errors import UnknownNameError
from alignsearch.progress import line
from alignsearch.search.documents import Pruning, Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.pruners.asha import rungs
from alignsearch.search.pruners.epoch_judge import EpochJudge
from alignsearch.search.pruners.median import LEAST_COMPLETED
from alignsearch.search.pruners.pruner import PRUNERS, make_pruner
from alignsearch.search.use_cases.summary import summarize

EPOCHS = 28


def a_trial(tid, losses, state=TrialState.RUNNING, result=None):
    return Trial(
        id=f"s/{tid}",
        search="s",
        tid=tid,
        state=state,
        epoch_losses={str(epoch): loss for epoch, loss in enumerate(losses, start=1)},
        result=result,
    )


def reports(seed, trials):
    """(tid, losses so far), one epoch more each, of trials that run at once."""
    chance = random.Random(seed)
    curves = {tid: [round(chance.random(), 1) for _ in range(EPOCHS)] for tid in range(trials)}
    ended, lengths = set(), dict.fromkeys(curves, 0)
    while live := [tid for tid in curves if tid not in ended and lengths[tid] < EPOCHS]:
        tid = chance.choice(live)
        lengths[tid] += 1
        if (yield tid, curves[tid][: lengths[tid]]):
            ended.add(tid)


def decisions(seed, trials, judge):
    """Each report with what `judge(tid, losses)` says of it; who is to end reports no more."""
    found, coming = [], reports(seed, trials)
    tid, losses = next(coming)
    while True:
        ends = judge(tid, losses)
        found.append((tid, len(losses), ends))
        try:
            tid, losses = coming.send(ends)
        except StopIteration:
            return found


def test_searches_store_exactly_the_names_of_the_table():
    assert get_args(Pruning.model_fields["pruner"].annotation) == tuple(PRUNERS)


def test_an_unknown_pruner_is_refused_with_the_nearest_name():
    unknown = Pruning(pruner="asha").model_copy(update={"pruner": "ashas"})
    with pytest.raises(UnknownNameError, match=r"no pruner is named 'ashas'; did you mean asha"):
        make_pruner(unknown, EPOCHS)


@pytest.mark.parametrize(
    ("grace", "reduction", "found"),
    [(1, 3, [1, 3, 9, 27]), (2, 2, [2, 4, 8, 16]), (27, 4, [27]), (5, 4, [5, 20])],
)
def test_rungs_are_powers_below_the_last_epoch(grace, reduction, found):
    assert rungs(grace, reduction, EPOCHS) == found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("grace", "reduction"), [(1, 3), (2, 2), (3, 4)])
def test_asha_ends_whom_optuna_ends(seed, grace, reduction):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=grace, reduction_factor=reduction
        )
    )
    theirs = {}

    def optunas(tid, losses):
        trial = theirs.setdefault(tid, None) or study.ask()
        theirs[tid] = trial
        trial.report(losses[-1], len(losses))
        # It knows no last epoch and would judge there too.
        return len(losses) < EPOCHS and trial.should_prune()

    judge = EpochJudge(Pruning(pruner="asha", grace=grace, reduction=reduction), EPOCHS)
    mine = decisions(seed, 20, lambda tid, losses: tid in judge.receive([a_trial(tid, losses)]))
    assert mine == decisions(seed, 20, optunas)
    assert sum(ends for _, _, ends in mine) >= 5


@pytest.mark.parametrize("seed", range(5))
def test_asha_lets_each_rung_keep_its_best(seed):
    """Counted another way: who has fewer than max(1, n // 3) lower losses before him goes on."""
    judge = EpochJudge(Pruning(pruner="asha"), EPOCHS)
    at_rung = {rung: [] for rung in rungs(1, 3, EPOCHS)}

    def counted(tid, losses):
        if len(losses) not in at_rung:
            return False
        peers = at_rung[len(losses)]
        peers.append(losses[-1])
        return sum(np.asarray(peers) < losses[-1]) >= max(1, len(peers) // 3)

    mine = decisions(seed, 30, lambda tid, losses: tid in judge.receive([a_trial(tid, losses)]))
    assert mine == decisions(seed, 30, counted)


@pytest.mark.parametrize("seed", range(5))
def test_median_stopping_is_viziers_rule(seed):
    chance = np.random.default_rng(seed)
    completed = chance.random((7, EPOCHS))
    judge = EpochJudge(Pruning(pruner="median", grace=4), EPOCHS)
    for tid, curve in enumerate(completed):
        result = Result(status="ok", loss=curve[-1])
        # A pruned one has no mean over all its epochs, and a diverged one's losses say nothing.
        judge.receive([a_trial(100 + tid, curve[:3], TrialState.PRUNED, result)])
        judge.receive([a_trial(tid, curve, TrialState.COMPLETED, result)])
        failed = Result(status="fail", reason="diverged")
        judge.receive([a_trial(200 + tid, curve / 9, TrialState.COMPLETED, failed)])
    for tid in range(50, 80):
        losses = chance.random(EPOCHS) + chance.normal(0, 0.1)
        for epoch in range(1, EPOCHS):
            ends = tid in judge.receive([a_trial(tid, losses[:epoch])])
            means = completed[:, :epoch].mean(axis=1)
            assert ends == (epoch >= 4 and losses[:epoch].min() > np.median(means))
            if ends:
                break


def test_median_stopping_waits_for_some_trials():
    judge = EpochJudge(Pruning(pruner="median"), EPOCHS)
    for tid in range(LEAST_COMPLETED):
        assert judge.receive([a_trial(99, [0.9] * (tid + 1))]) == {}
        result = Result(status="ok", loss=0.1)
        judge.receive([a_trial(tid, [0.1] * EPOCHS, TrialState.COMPLETED, result)])
    assert list(judge.receive([a_trial(99, [0.9] * 6)])) == [99]


def test_what_came_before_a_driver_is_not_judged_but_counts():
    judge = EpochJudge(Pruning(pruner="asha", reduction=2), EPOCHS)
    assert judge.receive([a_trial(0, [0.1]), a_trial(1, [0.9])], judge=False) == {}
    assert judge.receive([a_trial(1, [0.9])]) == {}
    assert list(judge.receive([a_trial(2, [0.5])])) == [2]


def reported(tid, losses):
    """A trial of an objective that has no epochs: its reports by step."""
    trial = a_trial(tid, [])
    return trial.model_copy(update={"epoch_losses": losses})


def test_reports_count_in_the_order_of_their_steps():
    judge = EpochJudge(Pruning(pruner="asha", grace=2), None)
    assert judge.receive([reported(0, {"0": 0.5, "100": 0.1})]) == {}
    assert judge.receive([reported(1, {"0": 0.9})]) == {}
    # Steps are text in the store, and 1000 comes after 900.
    assert "after epoch 2" in judge.receive([reported(1, {"1000": 0.9, "900": 0.2})])[1]


def test_a_search_without_a_last_epoch_is_pruned_at_every_rung():
    judge = EpochJudge(Pruning(pruner="asha", reduction=2), None)
    for epoch in range(1, 300):
        good = {str(step): 0.1 for step in range(epoch)}
        judge.receive([reported(epoch, good)])
        bad = {**good, str(epoch - 1): 0.9}
        is_power_of_2 = epoch & (epoch - 1) == 0
        assert bool(judge.receive([reported(1000 + epoch, bad)])) == is_power_of_2


def test_a_loss_that_is_no_number_counts_as_the_worst():
    judge = EpochJudge(Pruning(pruner="asha", reduction=2), EPOCHS)
    assert judge.receive([a_trial(0, [math.nan])]) == {}
    assert judge.receive([a_trial(1, [0.5])]) == {}
    assert "inf after epoch 1" in judge.receive([a_trial(2, [math.nan])])[2]
    assert judge.receive([a_trial(3, [0.4])]) == {}


@pytest.mark.parametrize(
    ("pruner", "said"),
    [("asha", "0.1000 after epoch 1 is not"), ("median", "the best of 1 epochs, 0.1000, is worse")],
)
def test_a_reason_names_the_metric_that_is_maximized(pruner, said):
    judge = EpochJudge(Pruning(pruner=pruner), EPOCHS, lambda loss: -loss)
    result = Result(status="ok", loss=-0.9)
    judge.receive(
        a_trial(tid, [-0.9] * EPOCHS, TrialState.COMPLETED, result)
        for tid in range(LEAST_COMPLETED)
    )
    assert said in judge.receive([a_trial(99, [-0.1])])[99]


def test_who_was_to_end_is_to_end_on_another_worker_too():
    judge = EpochJudge(Pruning(pruner="asha"), EPOCHS)
    judge.receive([a_trial(0, [0.1])])
    reason = judge.receive([a_trial(1, [0.9])])
    assert "0.9000 after epoch 1" in reason[1]
    assert judge.receive([a_trial(1, [0.9], TrialState.QUEUED)]) == {}
    assert judge.receive([a_trial(1, [0.9])]) == reason


@pytest.mark.parametrize("informs", ["loss", "fail"])
def test_a_search_ends_the_worse_trials_early(store, make_search, make_driver, informs):
    pruning = Pruning(pruner="asha", reduction=2, informs=informs)
    search = make_search(trials=8, parallel=4, epochs=20, pruning=pruning)
    assert make_driver().run(threading.Event()) == Outcome.FINISHED
    trials = store.trials.all(search.name)
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    completed = [trial for trial in trials if trial.state is TrialState.COMPLETED]
    assert pruned
    assert len(pruned) + len(completed) == 8
    assert all(trial.result.metrics["epochs"] < 20 for trial in pruned)
    observed = {each.tid: each.loss for each in observations(store, search.name)}
    for trial in pruned:
        last = store.logs.epochs(trial.id)[-1]
        assert "asha: " in trial.result.reason
        assert trial.attempts["1"].outcome == "pruned"
        told = 1 - last.validation_accuracy if informs == "loss" else None
        assert observed[trial.tid] == trial.result.loss == told
    assert store.totals.best(search.name).result.loss == min(t.result.loss for t in completed)


def test_a_pruned_trial_is_not_the_best_and_says_why_it_ended(store, make_search):
    search = make_search()
    good, better = Result(status="ok", loss=0.5), Result(status="ok", loss=0.1, reason="asha: …")
    known = [
        a_trial(0, [], TrialState.COMPLETED, good),
        a_trial(1, [], TrialState.PRUNED, better),
    ]
    history = History(store, search.name)
    for trial in known:
        history.update(trial)
    summary = summarize(search, history.standing(), store.now())
    assert summary.best.tid == 0
    assert summary.counts[TrialState.PRUNED] == 1
    assert "pruned by asha" in line(known[1], summary, 2)


def observations(store, name):
    history = History(store, name)
    history.sync()
    return list(history.fresh())


def test_asking_a_stale_attempt_to_end_asks_nobody(store, make_search):
    search = make_search(trials=1)
    trial = store.trials.add(Trial(id=Trial.key(search.name, 0), search=search.name, tid=0))
    begun = store.attempts.begin(
        trial.id, "w", ttl=60, host="h", accelerator="cpu", versions={}, slot=0
    )
    assert not store.attempts.request_prune(trial.id, 1, "another's token", "too slow")
    assert store.trials.get(trial.id).prune_reason is None
    assert store.attempts.request_prune(trial.id, 1, begun.lease.token, "too slow")
    assert store.trials.get(trial.id).prune_reason == "too slow"
