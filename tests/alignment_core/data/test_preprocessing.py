"""Preprocessing against NumPy: crops, resizing and colours."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from alignment_core.data.preprocessing import (
    PREPROCESSING,
    distort_colours,
    get_preprocessing,
    random_window,
)
from alignment_core.errors import ConfigurationError, UnknownNameError

MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])


def photograph(height, width):
    """Return smooth pixels and their JPEG."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 17) + np.cos(y / 13), np.sin((x + y) / 23), np.cos(x / 7 - y / 31)]
    pixels = np.uint8(128 + 60 * np.stack(waves, axis=-1))
    encoded = tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False)
    return tf.io.decode_jpeg(encoded).numpy().astype(np.float64), encoded


def resized(image, height, width):
    """Resize bilinearly between pixel centres, with repeated edges and no antialiasing."""

    def weights(old, new):
        at = (np.arange(new) + 0.5) * old / new - 0.5
        low = np.floor(at).astype(int)
        matrix = np.zeros((new, old))
        for index, share in ((low, 1 - (at - low)), (low + 1, at - low)):
            np.add.at(matrix, (np.arange(new), np.clip(index, 0, old - 1)), share)
        return matrix

    rows, columns = weights(image.shape[0], height), weights(image.shape[1], width)
    return np.einsum("ai,bj,ijc->abc", rows, columns, image, optimize=True)


@pytest.mark.parametrize(("height", "width"), [(300, 400), (410, 260), (100, 90), (256, 256)])
def test_v1_evaluates_the_centre_of_a_short_side_of_256(height, width):
    pixels, encoded = photograph(height, width)
    short = min(height, width)
    tall, wide = round(height * 256 / short), round(width * 256 / short)
    top, left = (tall - 224) // 2, (wide - 224) // 2
    centre = resized(pixels, tall, wide)[top : top + 224, left : left + 224]
    found = PREPROCESSING["v1"].evaluate(encoded, 224)
    np.testing.assert_allclose(found, (centre / 255 - MEAN) / DEVIATION, atol=2e-3)


def test_another_size_keeps_the_proportions_of_v1():
    """32 pixels out of a short side of 37 (256/224 of 32 is 36.6)."""
    pixels, encoded = photograph(74, 111)
    centre = resized(pixels, 37, round(55.5))[2:34, 12:44]
    found = PREPROCESSING["v1"].evaluate(encoded, 32)
    np.testing.assert_allclose(found, (centre / 255 - MEAN) / DEVIATION, atol=2e-3)


@pytest.mark.parametrize(("height", "width"), [(320, 400), (331, 262)])
def test_v2_evaluates_the_central_seven_eighths(height, width):
    pixels, encoded = photograph(height, width)
    top, left = int(height * 0.0625), int(width * 0.0625)
    central = pixels[top : height - top, left : width - left]
    np.testing.assert_array_equal(central, tf.image.central_crop(pixels, 0.875))
    found = PREPROCESSING["v2"].evaluate(encoded, 299)
    np.testing.assert_allclose(found, resized(central, 299, 299) / 127.5 - 1, atol=1e-3)


def window_of(height, width, seed):
    return random_window(tf.constant(height), tf.constant(width), tf.constant(seed)).numpy()


@pytest.mark.parametrize("seed", [[0, 0], [1, 5], [7, 7]])
def test_v1_trains_on_a_window_perhaps_flipped(seed):
    pixels, encoded = photograph(200, 300)
    window_seed, _ = tf.unstack(tf.random.split(tf.constant(seed), 2))
    top, left, height, width = window_of(200, 300, window_seed)
    cut = pixels[top : top + height, left : left + width]
    expected = (resized(cut, 64, 64) / 255 - MEAN) / DEVIATION
    found = PREPROCESSING["v1"].train(encoded, tf.constant(seed), 64).numpy()
    difference = min(np.abs(found - image).max() for image in (expected, expected[:, ::-1]))
    assert difference < 2e-3


def test_half_of_the_images_are_flipped():
    """A window's pixels can be told from their mirror image by red, which grows to the right."""
    ramp = np.zeros((32, 32, 3), np.uint8)
    ramp[..., 0] = np.arange(32) * 8
    encoded = tf.io.encode_jpeg(ramp, chroma_downsampling=False)
    seeds = tf.random.split(tf.constant([3, 4]), 300)
    train = tf.function(lambda seed: PREPROCESSING["v1"].train(encoded, seed, 8))
    red = np.stack([train(seed)[..., 0] for seed in seeds])
    flipped = red[:, :, 0].mean(axis=1) > red[:, :, -1].mean(axis=1)
    assert 115 < flipped.sum() < 185


def windows(height, width, count):
    seeds = tf.data.Dataset.from_tensor_slices(tf.random.split(tf.constant([1, 2]), count))
    drawn = seeds.map(lambda seed: random_window(tf.constant(height), tf.constant(width), seed))
    return np.concatenate(list(drawn.batch(count).as_numpy_iterator()))


def simulated(height, width, count):
    """Height and width of the same windows, drawn by NumPy."""
    generator = np.random.default_rng(0)
    drawn = []
    while len(drawn) < count:
        area = generator.uniform(0.08, 1) * height * width
        aspect = np.exp(generator.uniform(np.log(3 / 4), np.log(4 / 3)))
        tall, wide = np.sqrt(area / aspect), np.sqrt(area * aspect)
        # Ten attempts miss about once in a million images of this shape.
        if tall <= height and wide <= width:
            drawn.append((tall, wide))
    return np.array(drawn)


def test_windows_have_the_published_areas_and_aspects():
    found, expected = windows(300, 400, 3000), simulated(300, 400, 3000)
    top, left, height, width = found.T
    assert np.all((top >= 0) & (left >= 0) & (top + height <= 300) & (left + width <= 400))
    area, aspect = height * width / 120_000, width / height
    assert 0.078 < area.min() < 0.1
    assert area.max() > 0.95
    assert 0.74 < aspect.min() < 0.77
    assert 1.30 < aspect.max() < 1.35
    for mine, other in (
        (area, expected.prod(axis=1) / 120_000),
        (np.log(aspect), np.log(expected[:, 1] / expected[:, 0])),
    ):
        assert stats.ks_2samp(mine, other).pvalue > 0.01
    # The place is uniform in what room there is.
    for start, room in ((top, 300 - height), (left, 400 - width)):
        share = (start + 0.5) / (room + 1)
        assert stats.kstest(share[room > 50], "uniform").pvalue > 0.01


def test_where_no_window_fits_the_centre_is_taken():
    """10 x 400: the smallest area would be 16 pixels high at the widest aspect allowed."""
    np.testing.assert_array_equal(window_of(10, 400, [0, 0]), [0, 193, 10, 13])
    np.testing.assert_array_equal(window_of(400, 10, [0, 0]), [193, 0, 13, 10])


def test_colours_are_moved_within_bounds_and_by_the_seed():
    image = tf.constant(np.random.default_rng(0).uniform(0, 1, (12, 12, 3)), tf.float32)
    seeds = tf.random.split(tf.constant([5, 6]), 40)
    distorted = np.stack([distort_colours(image, seed) for seed in seeds])
    assert distorted.min() >= 0
    assert distorted.max() <= 1
    np.testing.assert_array_equal(distorted[3], distort_colours(image, seeds[3]))
    assert len({values.tobytes() for values in distorted}) == 40


def test_a_grey_image_gets_another_grey():
    """No saturation, hue or contrast to change: what is left is the brightness, by 32 at most."""
    grey = tf.fill([6, 6, 3], 0.5)
    seeds = tf.random.split(tf.constant([5, 6]), 60)
    distorted = np.stack([distort_colours(grey, seed) for seed in seeds])
    np.testing.assert_allclose(distorted, np.broadcast_to(distorted[:, :1, :1, :1], (60, 6, 6, 3)))
    moves = (distorted[:, 0, 0, 0] - 0.5) * 255
    assert -32.01 < moves.min() < -20
    assert 20 < moves.max() < 32.01


def test_v2_trains_on_pixels_from_minus_one_to_one():
    _, encoded = photograph(330, 400)
    found = PREPROCESSING["v2"].train(encoded, tf.constant([1, 2]), 299).numpy()
    assert found.shape == (299, 299, 3)
    assert -1 <= found.min() < -0.2
    assert 0.2 < found.max() <= 1


def test_grey_photographs_get_three_channels():
    encoded = tf.io.encode_jpeg(np.full((300, 300, 1), 100, np.uint8))
    for way in PREPROCESSING.values():
        assert way.evaluate(encoded, 64).shape == (64, 64, 3)
        assert way.train(encoded, tf.constant([0, 0]), 64).shape == (64, 64, 3)


def test_sizes_and_names_are_checked():
    assert get_preprocessing("v2", None)[1] == 299
    assert get_preprocessing("v1", 64)[1] == 64
    with pytest.raises(UnknownNameError, match="no preprocessing is named 'v3'"):
        get_preprocessing("v3", None)
    with pytest.raises(ConfigurationError, match="at least 1 pixel, not 0"):
        get_preprocessing("v1", 0)
