"""Batches of arrays: each image once, in an order by seed and epoch, of one static shape."""

import numpy as np
import pytest
import tensorflow as tf

from alignment_core import data
from alignment_core.data.arrays import ArrayDataSet, crop_and_flip, draw_moves
from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.errors import ConfigurationError


@pytest.fixture(scope="module")
def numbered():
    """23 training and 10 validation images, each filled with its own number."""
    train = np.arange(23, dtype=np.float32)
    validation = np.arange(10, dtype=np.float32)
    return ArrayDataSet(
        "numbered",
        np.broadcast_to(train[:, None, None, None], (23, 2, 2, 1)).copy(),
        train.astype(np.int32),
        np.broadcast_to(validation[:, None, None, None], (10, 2, 2, 1)).copy(),
        validation.astype(np.int32),
        23,
    )


def seen(batches):
    return [(images.numpy()[:, 0, 0, 0], labels.numpy()) for images, labels in batches]


def order(dataset, *arguments):
    batches = seen(dataset.train_batches(*arguments))
    return [int(label) for _, labels in batches for label in labels]


def test_an_epoch_is_one_pass_without_repetition(numbered):
    batches = seen(numbered.train_batches(5, seed=0, epoch=0))
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
    images, labels = numbered.train_batches(5, 0, 0).element_spec
    assert images.shape == (5, 2, 2, 1)
    assert labels.shape == (5,)


def test_validation_covers_the_split_in_order_and_marks_the_filling(numbered):
    batches = seen(numbered.validation_batches(largest_batch=4))
    labels = np.concatenate([labels for _, labels in batches])
    assert [len(labels) for _, labels in batches] == [4, 4, 4]
    np.testing.assert_array_equal(labels, [*range(10), PADDING_LABEL, PADDING_LABEL])


def test_validation_batches_are_even():
    digits = data.load("digits")
    assert [len(labels) for _, labels in digits.validation_batches()] == [180, 180]


def pipelines(count, replicas):
    return [tf.distribute.InputContext(count, number, replicas) for number in range(count)]


def test_input_pipelines_share_each_batch_in_the_replicas_order(numbered):
    """Two pipelines of two replicas have the same images in each step as one pipeline."""
    whole = seen(numbered.train_batches(8, 0, 0))
    shares = [seen(numbered.train_batches(8, 0, 0, context)) for context in pipelines(2, 4)]
    for step, (_, labels) in enumerate(whole):
        dealt = [share[2 * step + replica][1] for share in shares for replica in (0, 1)]
        assert [len(part) for part in dealt] == [2, 2, 2, 2]
        np.testing.assert_array_equal(np.concatenate(dealt), labels)


def test_validation_is_shared_without_loss(numbered):
    shares = [seen(numbered.validation_batches(4, context)) for context in pipelines(2, 2)]
    labels = np.concatenate([labels for share in shares for _, labels in share])
    assert {len(labels) for share in shares for _, labels in share} == {2}
    assert sorted(labels) == [PADDING_LABEL, PADDING_LABEL, *range(10)]


def test_a_batch_that_cannot_be_had_is_refused(numbered):
    with pytest.raises(ConfigurationError, match=r"24 is larger than numbered's .* 23"):
        numbered.train_batches(24, 0, 0)
    with pytest.raises(ConfigurationError, match="5 can't be shared evenly by 2 replicas"):
        numbered.train_batches(5, 0, 0, pipelines(1, 2)[0])


def test_a_sample_is_spread_over_the_split(numbered):
    images, labels = numbered.sample("validation", 4)
    np.testing.assert_array_equal(labels, [0, 3, 6, 9])
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    assert numbered.sample("train", 100)[0].shape == (23, 2, 2, 1)


@pytest.fixture(scope="module")
def augmented():
    generator = np.random.default_rng(0)
    images = generator.normal(size=(40, 6, 5, 3)).astype(np.float32)
    labels = np.arange(40, dtype=np.int32)
    return ArrayDataSet("augmented", images, labels, images[:4], labels[:4], 40, crop_padding=4)


def test_images_are_cut_out_of_their_padded_selves_and_flipped(augmented):
    images = augmented.train_images[:8]
    moves = draw_moves(0, 0, 8, padding=4)
    padded = np.zeros((8, 14, 13, 3), np.float32)
    padded[:, 4:10, 4:9] = images
    found = crop_and_flip(tf.constant(images), tf.constant(moves), 4).numpy()
    for image, whole, (top, left, flip) in zip(found, padded, moves, strict=True):
        cut = whole[top : top + 6, left : left + 5]
        np.testing.assert_array_equal(image, cut[:, ::-1] if flip else cut)


def test_no_move_is_the_image_itself(augmented):
    images = tf.constant(augmented.train_images)
    still = tf.constant(np.full((40, 3), [4, 4, 0], np.int32))
    np.testing.assert_array_equal(crop_and_flip(images, still, 4), augmented.train_images)


def test_moves_are_uniform():
    moves = draw_moves(0, 0, 90_000, padding=4)
    for axis in (0, 1):
        share = np.bincount(moves[:, axis], minlength=9) / 90_000
        np.testing.assert_allclose(share, np.full(9, 1 / 9), atol=0.005)
    assert moves[:, 2].mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(moves.T) - np.eye(3)).max() < 0.015


def test_augmentation_follows_from_seed_and_epoch_not_from_the_batch(augmented):
    def images(batch_size, seed, epoch):
        batches = augmented.train_batches(batch_size, seed, epoch)
        return {
            int(label): image
            for some, labels in batches.as_numpy_iterator()
            for image, label in zip(some, labels, strict=True)
        }

    first = images(8, 0, 0)
    assert len(first) == 40
    for label, image in images(20, 0, 0).items():
        np.testing.assert_array_equal(image, first[label])
    for other in (images(8, 0, 1), images(8, 1, 0)):
        same = [np.array_equal(other[label], first[label]) for label in first]
        assert sum(same) < 10


def test_validation_images_are_left_alone(augmented):
    images = np.concatenate([some for some, _ in augmented.validation_batches()])
    np.testing.assert_array_equal(images, augmented.validation_images)
