"""BioTorch's preparation of Fashion-MNIST against Pillow's and against the files."""

import numpy as np
import pytest
from PIL import Image

from alignment_core import data
from alignment_core.data.fashion_mnist_32 import resize


def test_images_are_resized_as_pillow_does(rng):
    images = rng.integers(0, 256, (50, 28, 28, 1), dtype=np.uint8)
    expected = [
        np.asarray(Image.fromarray(image[..., 0]).resize((32, 32), Image.Resampling.BILINEAR))
        for image in images
    ]
    found = resize(images)[..., 0].astype(int)
    # Pillow's weights are rounded to 22 bits, so a value on the boundary may differ by one.
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 1e-3


def test_it_is_fashion_mnist_normalized_by_biotorchs_constants():
    plain, prepared = data.load("fashion_mnist"), data.load("fashion_mnist_32")
    assert prepared.image_shape == (32, 32, 1)
    np.testing.assert_array_equal(prepared.train_labels, plain.train_labels)
    np.testing.assert_array_equal(prepared.validation_labels, plain.validation_labels)
    pixels = prepared.validation_images * 0.3530 + 0.2859
    assert pixels.min() == pytest.approx(0, abs=1e-6)
    assert pixels.max() == pytest.approx(1, abs=1e-6)
    # Resizing keeps each image's mean but for the rounding.
    mean = plain.validation_images.mean(axis=(1, 2, 3))
    same = pixels.mean(axis=(1, 2, 3))
    assert np.corrcoef(mean, same)[0, 1] > 0.9999
