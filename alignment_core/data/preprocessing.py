"""Preprocessing of encoded photographs for training and evaluation.

There are two variants, as in the published code of Kunin et al. 2020 for its two families of
networks:

- "v1": 224 pixels. Training: a random crop of 8 to 100 % of the image at an aspect ratio of 3/4 to
  4/3, flipped with probability 1/2. Evaluation: the short side is resized to 256 and the centre is
  cut out. Channels are standardized by ImageNet's usual moments.
- "v2": 299 pixels. Training: a random crop, flip and colours as for Inception. Evaluation: the
  central 87.5 % of each side. Pixels are in [-1, 1].

Images are resized bilinearly between pixel centres without antialiasing, TensorFlow's default. All
random numbers are drawn from a given seed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError

CROP_AREA = (0.08, 1.0)
CROP_ASPECT = (3 / 4, 4 / 3)
"""Range of a crop's share of the image, and of its width over height (Szegedy et al. 2015, "Going
deeper with convolutions", section 6)."""

CROP_ATTEMPTS = 10
"""Random crops that are drawn before the central crop is used. One of ten nearly always fits."""

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's red, green and blue, for pixels in [0, 1]."""

SHORT_SIDE = 256 / 224
"""Short side of a resized "v1" evaluation image, relative to the side of the centre cut out."""

CENTRAL = 0.875
"""Share of each side that "v2" keeps in evaluation."""

BRIGHTNESS = 32 / 255
SATURATION = (0.5, 1.5)
HUE = 0.2
CONTRAST = (0.5, 1.5)
"""Ranges of Inception's colour distortion (Howard 2013, with the values of published models)."""


@dataclass(frozen=True)
class Preprocessing:
    """One variant of preprocessing.

    Attributes:
        image_size: default side of the images in pixels.
        train: function (encoded JPEG, int32 seed (2,), size) -> image (size, size, 3) float32.
        evaluate: function (encoded JPEG, size) -> image (size, size, 3) float32.
    """

    image_size: int
    train: Callable[[tf.Tensor, tf.Tensor, int], tf.Tensor]
    evaluate: Callable[[tf.Tensor, int], tf.Tensor]


def get_preprocessing(name: str, image_size: int | None) -> tuple[Preprocessing, int]:
    """Return the variant called `name`, and the image size: the given or the default one.

    Raises:
        UnknownNameError: no preprocessing has this name.
        ConfigurationError: the size is below 1.
    """
    if name not in PREPROCESSING:
        raise UnknownNameError("preprocessing", name, PREPROCESSING)
    found = PREPROCESSING[name]
    size = found.image_size if image_size is None else image_size
    if size < 1:
        raise ConfigurationError(f"an image's size must be at least 1 pixel, not {size}")
    return found, size


def random_window(height: tf.Tensor, width: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return a random crop of an image: (top, left, height, width) int32, shape (4,).

    The crop's area, the logarithm of its aspect ratio and its position are uniform. It is the first
    of CROP_ATTEMPTS draws that fits into the image. If none fits, it is the largest central crop
    with an allowed aspect ratio. TensorFlow's own sampler draws the height uniformly instead, which
    gives fewer small crops.
    """
    area_seed, aspect_seed, place_seed = tf.unstack(tf.random.split(seed, 3))
    high, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    draws = [CROP_ATTEMPTS]
    area = tf.random.stateless_uniform(draws, area_seed, *CROP_AREA) * high * wide
    aspect = tf.exp(tf.random.stateless_uniform(draws, aspect_seed, *np.log(CROP_ASPECT)))
    least, most = CROP_ASPECT
    central = [tf.minimum(high, wide / least), tf.minimum(wide, high * most)]
    # The central crop is the last candidate, and it always fits.
    heights = tf.round(tf.concat([tf.sqrt(area / aspect), central[:1]], 0))
    widths = tf.round(tf.concat([tf.sqrt(area * aspect), central[1:]], 0))
    fits = (heights <= high) & (widths <= wide) & (heights >= 1) & (widths >= 1)
    chosen = tf.reduce_min(tf.where(fits, tf.range(CROP_ATTEMPTS + 1), CROP_ATTEMPTS))
    size = tf.stack([heights[chosen], widths[chosen]])
    room = tf.stack([high, wide]) - size
    place = tf.random.stateless_uniform([2], place_seed)
    drawn = tf.minimum(tf.floor(place * (room + 1)), room)
    start = tf.where(chosen == CROP_ATTEMPTS, tf.floor(room / 2), drawn)
    return tf.cast(tf.concat([start, size], 0), tf.int32)


def distort_colours(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return an image of pixels in [0, 1] with distorted colours.

    Brightness, saturation, hue and contrast are changed randomly, in one of four random orders.
    """
    order_seed, *seeds = tf.unstack(tf.random.split(seed, 1 + len(_COLOURS)))

    def distort(order: tuple[int, ...]) -> tf.Tensor:
        distorted = image
        for place in order:
            distorted = _COLOURS[place](distorted, seeds[place])
        return distorted

    which = tf.random.stateless_uniform([], order_seed, 0, len(_COLOUR_ORDERS), tf.int32)
    branches = [lambda order=order: distort(order) for order in _COLOUR_ORDERS]
    return tf.clip_by_value(tf.switch_case(which, branches), 0.0, 1.0)


_COLOURS = (
    lambda image, seed: tf.image.stateless_random_brightness(image, BRIGHTNESS, seed),
    lambda image, seed: tf.image.stateless_random_saturation(image, *SATURATION, seed),
    lambda image, seed: tf.image.stateless_random_hue(image, HUE, seed),
    lambda image, seed: tf.image.stateless_random_contrast(image, *CONTRAST, seed),
)
_COLOUR_ORDERS = ((0, 1, 2, 3), (1, 0, 3, 2), (3, 2, 0, 1), (2, 1, 3, 0))
"""The four orders of the published Inception preprocessing."""


def _random_part(encoded: tf.Tensor, seed: tf.Tensor, size: int) -> tf.Tensor:
    """Return a random crop, resized and perhaps flipped, with pixels from 0 to 255."""
    window_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
    shape = tf.io.extract_jpeg_shape(encoded)
    window = random_window(shape[0], shape[1], window_seed)
    cut = tf.io.decode_and_crop_jpeg(encoded, window, channels=3)
    resized = tf.image.resize(cut, [size, size])
    return tf.image.stateless_random_flip_left_right(resized, flip_seed)


def _standardized(image: tf.Tensor) -> tf.Tensor:
    return (image / 255.0 - tf.constant(MEAN)) / tf.constant(DEVIATION)


def _train_v1(encoded: tf.Tensor, seed: tf.Tensor, size: int) -> tf.Tensor:
    return _standardized(_random_part(encoded, seed, size))


def _evaluate_v1(encoded: tf.Tensor, size: int) -> tf.Tensor:
    image = tf.io.decode_jpeg(encoded, channels=3)
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = round(size * SHORT_SIDE) / tf.reduce_min(shape)
    resized = tf.image.resize(image, tf.cast(tf.round(shape * scale), tf.int32))
    start = (tf.shape(resized)[:2] - size) // 2
    centre = tf.slice(resized, [start[0], start[1], 0], [size, size, 3])
    return _standardized(centre)


def _train_v2(encoded: tf.Tensor, seed: tf.Tensor, size: int) -> tf.Tensor:
    part_seed, colour_seed = tf.unstack(tf.random.split(seed, 2))
    part = _random_part(encoded, part_seed, size)
    return 2.0 * distort_colours(part / 255.0, colour_seed) - 1.0


def _evaluate_v2(encoded: tf.Tensor, size: int) -> tf.Tensor:
    shape = tf.io.extract_jpeg_shape(encoded)[:2]
    # Both sides are rounded inwards, as in TensorFlow's central crop.
    start = tf.cast(tf.cast(shape, tf.float32) * (1 - CENTRAL) / 2, tf.int32)
    window = tf.concat([start, shape - 2 * start], 0)
    cut = tf.io.decode_and_crop_jpeg(encoded, window, channels=3)
    return tf.image.resize(cut, [size, size]) / 127.5 - 1.0


PREPROCESSING = {
    "v1": Preprocessing(224, _train_v1, _evaluate_v1),
    "v2": Preprocessing(299, _train_v2, _evaluate_v2),
}
