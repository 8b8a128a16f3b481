"""Results of objectives: what they may return, and what is refused in one clear line."""

import math

import numpy as np
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Result
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.workers.returned import result_of

LOSS = ObjectiveMetric("loss", "loss")
ACCURACY = ObjectiveMetric("accuracy", "accuracy", "maximize")


class Tensor:
    """A framework's tensor of two elements, which is no number by an error of its own."""

    def __float__(self):
        raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")

    def __repr__(self):
        return "Tensor"


def test_what_is_no_number_is_no_metric():
    returned = {"loss": 0.25, "weights": Tensor(), "seed": 10**400}
    assert result_of(returned, LOSS, "f") == Result(status="ok", loss=0.25)


@pytest.mark.parametrize("value", [0.25, 1, np.float32(0.25), np.array(0.25), np.int64(3)])
def test_a_number_of_any_kind_is_the_metric(value):
    assert result_of(value, LOSS, "f") == Result(status="ok", loss=float(value))


def test_a_metric_to_maximize_is_stored_as_a_loss():
    assert result_of(0.9, ACCURACY, "f").loss == -0.9
    assert result_of({"accuracy": 0.9, "loss": 7.0}, ACCURACY, "f").loss == -0.9
    assert result_of({"loss": 0.1}, ACCURACY, "f").loss == 0.1


def test_hyperopts_dictionary():
    returned = {"loss": 0.25, "status": STATUS_OK, "size": np.int64(3), "model": "svm"}
    assert result_of(returned, LOSS, "f") == Result(status="ok", loss=0.25, metrics={"size": 3.0})
    failed = result_of({"status": STATUS_FAIL}, LOSS, "f")
    assert (failed.status, failed.loss) == ("fail", None)
    assert failed.reason


@pytest.mark.parametrize("value", ["8 ms", None, Tensor()])
def test_a_further_metric_that_is_no_number_is_named(value):
    with pytest.raises(ConfigurationError, match=r"f returned, as step_ms, .*: return a number"):
        result_of({"accuracy": 0.5, "step_ms": value}, ACCURACY, "f", ["step_ms"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_no_number_is_a_failure_that_tpe_learns_from(value):
    for returned in (value, {"loss": value}, {"loss": value, "status": "ok"}):
        result = result_of(returned, LOSS, "f")
        assert (result.status, result.loss) == ("fail", None)
        assert str(value) in result.reason


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "f returned nothing"),
        (True, "f returned bool True"),
        (np.True_, "True"),
        ({"loss": False}, "f returned, as loss, bool False"),
        ("0.25", "f returned str '0.25'"),
        ({}, "without 'loss': it has nothing"),
        ({"status": "ok"}, "it has 'status'"),
        ({"loss": None}, "f returned, as loss, nothing"),
        ({"loss": "low"}, "str 'low'"),
        ({"loss": 1, "status": "running"}, "status 'running'"),
        ([0.25, 0.5], "list"),
        (np.zeros(3), "ndarray"),
        ("x" * 1000, "..."),
        (10**400, "f returned int 1000"),
        (Tensor(), "f returned Tensor"),
        ({"loss": 1, "a\0b": 2}, "NUL"),
        ({"loss": 1, "a\udc80b": 2}, "no valid Unicode text"),
    ],
)
def test_anything_else_is_refused_with_what_it_was(returned, said):
    with pytest.raises(ConfigurationError) as refused:
        result_of(returned, LOSS, "f")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400
