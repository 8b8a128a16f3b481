"""Batches: every image once, in an order that seed and epoch decide, of one static shape."""

import numpy as np
import pytest

from alignment_core import data
from alignment_core.data.dataset import DataSet
from alignment_core.data.pipeline import PADDING_LABEL, train_batches, validation_batches


@pytest.fixture(scope="module")
def numbered():
    """23 training and 10 validation images, each filled with its own number."""
    train = np.arange(23, dtype=np.float32)
    validation = np.arange(10, dtype=np.float32)
    return DataSet(
        "numbered",
        np.broadcast_to(train[:, None, None, None], (23, 2, 2, 1)).copy(),
        train.astype(np.int32),
        np.broadcast_to(validation[:, None, None, None], (10, 2, 2, 1)).copy(),
        validation.astype(np.int32),
        23,
    )


def seen(batches):
    return [(images.numpy()[:, 0, 0, 0], labels.numpy()) for images, labels in batches]


def order(*arguments):
    return [int(label) for _, labels in seen(train_batches(*arguments)) for label in labels]


def test_an_epoch_is_one_pass_without_repetition(numbered):
    batches = seen(train_batches(numbered, 5, seed=0, epoch=0))
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5]
    for images, labels in batches:
        np.testing.assert_array_equal(images, labels)
    assert len({int(label) for _, labels in batches for label in labels}) == 20


def test_seed_and_epoch_decide_the_order(numbered):
    assert order(numbered, 5, 3, 7) == order(numbered, 5, 3, 7)
    assert order(numbered, 5, 3, 7) != order(numbered, 5, 3, 8)
    assert order(numbered, 5, 3, 7) != order(numbered, 5, 4, 7)


def test_the_batch_size_does_not_change_the_order(numbered):
    assert order(numbered, 4, 0, 0) == order(numbered, 10, 0, 0)


def test_the_remainder_left_out_is_another_one_each_epoch(numbered):
    left_out = {frozenset(range(23)) - frozenset(order(numbered, 20, 0, e)) for e in range(5)}
    assert len(left_out) > 1


def test_training_batches_have_static_shapes(numbered):
    images, labels = train_batches(numbered, 5, 0, 0).element_spec
    assert images.shape == (5, 2, 2, 1)
    assert labels.shape == (5,)


def test_validation_covers_the_split_in_order_and_marks_the_filling(numbered):
    batches = seen(validation_batches(numbered, largest_batch=4))
    labels = np.concatenate([labels for _, labels in batches])
    assert [len(labels) for _, labels in batches] == [4, 4, 4]
    np.testing.assert_array_equal(labels, [*range(10), PADDING_LABEL, PADDING_LABEL])


def test_validation_batches_are_even():
    digits = data.load("digits")
    assert [len(labels) for _, labels in validation_batches(digits)] == [180, 180]
