"""Why trials diverged: counts, reasons, and a cause only where chance would not name it."""

import random
import re

from documents_made import a_search, a_trial

from alignsearch.search.documents import Recipe, Result
from alignsearch.search.documents.divergence import is_diverged, is_stored_diverged, shown_state
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.divergence import Ended, cause_of, divergence_of

NAN = "the loss became nan in epoch 1"


def completed(tid, reason=None):
    result = Result(status="fail", reason=reason) if reason else Result(status="ok", loss=0.5)
    return a_trial(tid, TrialState.COMPLETED, result=result)


def digits(**fields):
    recipe = {"dataset": "digits", "width": 8, "stem": "small", "epochs": 3}
    return a_search(space="wm", recipe=Recipe(**{**recipe, **fields}))


def test_one_rule_says_of_a_trial_and_of_its_document_whether_it_diverged():
    pruned = a_trial(
        3, TrialState.PRUNED, result=Result(status="fail", reason="pruned at its loss")
    )
    cases = [
        (completed(0), "completed"),
        (completed(1, NAN), "diverged"),
        (a_trial(2, TrialState.FAILED, error="MemoryError"), "failed"),
        (pruned, "pruned"),
        (a_trial(4, TrialState.QUEUED), "queued"),
    ]
    for trial, state in cases:
        assert shown_state(trial) == state
        told = (is_diverged(trial), is_stored_diverged(trial.to_bson()))
        assert told == (state == "diverged",) * 2


def test_most_of_wm_diverges_in_the_papers_order_and_the_advice_says_so():
    trials = [completed(0, NAN), completed(1, NAN), completed(2, NAN), completed(3)]
    first, cause = divergence_of(digits(weights_order="paper"), trials).lines()
    assert first == f"3 of 4 diverged: 3 because {NAN} (trials 0, 1, 2)"
    assert cause.startswith("likely cause: ")
    assert "--weights-order reference" in cause
    assert len(divergence_of(digits(weights_order="reference"), trials).lines()) == 1
    assert divergence_of(digits(), [completed(3)]).lines() == []


def test_the_reasons_are_counted_the_most_frequent_first():
    reasons = ["its loss is inf", NAN, NAN, "a", "b", "c"]
    found = divergence_of(
        a_search(), [completed(tid, each) for tid, each in enumerate(reasons)]
    ).lines()
    assert found[0].startswith(f"6 of 6 diverged: 2 because {NAN} (trials 1, 2); 1 because its")
    assert found[0].endswith("; 2 for other reasons")


def ended(diverges, seed=0, trials=60):
    rng = random.Random(seed)
    points = [
        {"rate": rng.uniform(0, 1), "rule": rng.choice("abc"), "sigma": rng.gauss(0, 1)}
        for _ in range(trials)
    ]
    return [
        Ended(tid, NAN if diverges(point, rng) else None, point) for tid, point in enumerate(points)
    ]


def test_the_setting_that_parts_those_that_diverged_is_named():
    high = cause_of(a_search(), ended(lambda point, _: point["rate"] > 0.8), str.upper)
    assert high.startswith("RATE above 0.")
    assert re.search(r"where (\d+) of \1 diverged; of the others 0 of \d+ did", high)
    chosen = cause_of(a_search(), ended(lambda point, _: point["rule"] == "b"))
    assert chosen.startswith("rule = b, where ")


def test_no_setting_is_named_where_chance_would_have_named_it():
    named = [
        cause_of(a_search(), ended(lambda _, rng: rng.random() < 0.3, seed=seed)) is not None
        for seed in range(100)
    ]
    assert sum(named) <= 3
    few = ended(lambda point, _: point["rate"] > 0.5, trials=6)
    assert cause_of(a_search(), few) is None
