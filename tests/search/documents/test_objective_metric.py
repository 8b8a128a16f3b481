"""A metric between the loss that is stored and the number that people read."""

import pytest
from epoch_maker import an_epoch

from alignsearch.search.documents import Epoch
from alignsearch.search.documents.objective_metric import (
    DEFAULT_METRIC,
    ObjectiveMetric,
    recorded_metric,
)

ACCURACY = ObjectiveMetric("top.1", "accuracy", "maximize")


def reported(**metrics):
    return Epoch(trial="s/0", attempt=1, epoch=0, metrics=metrics, seconds=0.0)


def test_a_maximized_metric_is_stored_as_its_negative():
    assert ACCURACY.loss(0.75) == -0.75
    assert ACCURACY.value(-0.75) == 0.75
    assert str(ACCURACY) == "accuracy, maximized"
    assert DEFAULT_METRIC.loss(0.25) == DEFAULT_METRIC.value(0.25) == 0.25


def test_it_is_read_from_what_was_reported():
    epoch = reported(**{"top.1": 0.75, "other": 3.0})
    assert ACCURACY.of_epoch(epoch) == 0.75
    assert ACCURACY.loss_of_epoch(epoch) == -0.75
    assert ACCURACY.of_record(epoch.to_bson()) == 0.75


def test_hyperopts_loss_stands_for_it():
    assert ACCURACY.of_epoch(reported(loss=-0.75)) == 0.75
    assert ACCURACY.loss_of_epoch(reported(loss=-0.75)) == -0.75


def test_an_epoch_without_it_has_none():
    epoch = reported(other=1.0)
    assert ACCURACY.of_epoch(epoch) is None
    assert ACCURACY.loss_of_epoch(epoch) is None
    assert ACCURACY.of_record(epoch.to_bson()) is None


def test_a_trainings_error_follows_from_its_accuracy():
    epoch = an_epoch(validation_accuracy=0.75)
    assert DEFAULT_METRIC.of_epoch(epoch) == DEFAULT_METRIC.of_record(epoch.to_bson()) == 0.25
    assert DEFAULT_METRIC.score(0.25) == 0.75
    old = {"validation_accuracy": 0.75}
    assert DEFAULT_METRIC.of_record(old) == 0.25
    assert ACCURACY.of_record(old) is None


@pytest.mark.parametrize(
    ("name", "label"),
    [("validation_error", "validation error"), ("of_a_later_version", "of a later version")],
)
def test_a_recipes_metric_can_always_be_read(name, label):
    assert recorded_metric(name).label == label
