"""Results against their search: the metrics that it names, and its constraints."""

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import (
    Constraint,
    Result,
    Search,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredSource,
    Trial,
    judged,
    losses_of,
    metrics_of,
    observation_of,
)
from alignsearch.search.documents.states import TrialState

LIMIT = Constraint(metric="step_ms", operator="<=", bound=200.0)


def a_search(*, constraints=(LIMIT,), reported=("memory",)):
    definition = StoredDefinition(
        source=StoredSource(kind="file", address="net.py:search"),
        objective=StoredObjective(kind="function", address="net.py:objective"),
        metric=StoredMetric(name="accuracy", label="accuracy", direction="maximize"),
        further=(StoredMetric(name="step_ms", label="step ms", direction="minimize"),),
        reported=reported,
        space="{}",
    )
    return Search(
        name="several",
        space="net",
        space_hash="",
        definition=definition,
        constraints=constraints,
        trials=4,
        parallel=1,
        seed=0,
        startup=1,
        created_by="a test",
    )


def result(accuracy=0.9, **metrics):
    return Result(status="ok", loss=-accuracy, metrics=metrics)


def trial(found):
    return Trial(id="several/0", search="several", tid=0, state=TrialState.COMPLETED, result=found)


def test_a_result_that_keeps_the_constraints_stays_as_it_is():
    kept = result(step_ms=200.0, memory=3.0)
    assert judged(a_search(), kept) == kept


def test_a_result_that_breaks_one_says_by_how_much():
    assert judged(a_search(), result(step_ms=300.0, memory=3.0)).violation == 0.5


def test_the_first_metric_may_be_constrained_as_people_know_it():
    least = Constraint(metric="accuracy", operator=">=", bound=0.8)
    search = a_search(constraints=(least,))
    assert judged(search, result(0.9, step_ms=1.0, memory=1.0)).violation is None
    assert judged(search, result(0.4, step_ms=1.0, memory=1.0)).violation == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("metrics", "lacking"),
    [
        ({"memory": 1.0}, "no step_ms:"),
        ({}, "no step_ms and no memory:"),
        ({"step_ms": 1}, "memory"),
    ],
)
def test_a_metric_that_was_not_reported_is_named(metrics, lacking):
    with pytest.raises(ConfigurationError, match=f"{lacking}.*accuracy, step_ms, memory"):
        judged(a_search(), result(**metrics))


def test_a_metric_that_is_no_finite_number_makes_no_result():
    found = judged(a_search(), result(step_ms=float("nan"), memory=1.0))
    assert (found.status, found.reason) == ("fail", "its step ms is nan")
    assert found.metrics["accuracy"] == 0.9


def test_a_trial_that_diverged_needs_no_other_metric():
    diverged = Result(status="fail", reason="its accuracy is nan")
    assert judged(a_search(), diverged) is diverged


def test_a_sampler_gets_all_losses_with_their_signs():
    metrics = metrics_of(a_search())
    found = observation_of(trial(judged(a_search(), result(step_ms=300.0, memory=1.0))), metrics)
    assert (found.loss, found.losses, found.violation) == (-0.9, (-0.9, 300.0), 0.5)


def test_a_trial_that_ended_before_it_had_all_metrics_counts_as_one_without_a_result():
    assert losses_of(trial(result()), metrics_of(a_search())) is None
    found = observation_of(trial(result()), metrics_of(a_search()))
    assert (found.loss, found.losses) == (None, ())


def test_a_search_of_one_metric_is_told_as_ever():
    found = observation_of(trial(result(step_ms=3.0)))
    assert (found.loss, found.losses, found.violation) == (-0.9, (), 0.0)
