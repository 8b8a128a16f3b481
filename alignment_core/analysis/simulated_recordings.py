"""Simulated recordings whose true fit is known, in the layout of `recordings`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alignment_core.analysis.pls import gram
from alignment_core.analysis.recordings import WINDOW_MS

COMPONENTS = 10
"""Leading principal components of the features that determine a simulated site."""


def read_out(
    features: NDArray[Any], sites: int, explained: float, seed: int
) -> NDArray[np.float64]:
    """Return noiseless responses (images, sites) that the features explain in part.

    Each site is the sum of a random linear function of the features' leading 10 principal
    components, of variance `explained`, and independent numbers of variance 1 - explained. The best
    prediction from the features has a correlation of sqrt(explained) with it.

    Args:
        features: (images, ...).
        sites: number of sites.
        explained: explained variance, from 0 to 1.
        seed: random seed.
    """
    generator = np.random.default_rng([seed, 2])
    images = len(features)
    # The components' values are eigenvectors of the Gram matrix, whose size is that of the images
    # and not of the features.
    products = gram(features.reshape(images, -1))
    sizes, values = eigh(products, subset_by_index=[max(0, images - COMPONENTS), images - 1])
    used = values[:, sizes > 1e-12 * sizes[-1]]
    readable = used @ generator.normal(size=(used.shape[1], sites))
    readable /= readable.std(axis=0)
    own = generator.normal(size=readable.shape)
    signal: NDArray[np.float64] = np.sqrt(explained) * readable + np.sqrt(1 - explained) * own
    return signal


def simulate(
    signal: NDArray[np.float64],
    categories: NDArray[Any],
    *,
    repetitions: int,
    noise: float,
    seed: int,
) -> dict[str, Any]:
    """Return the variables of a file of recordings whose true responses are `signal`.

    Spike counts in samples of 5 ms vary around 20; a blank image gives 20 in all samples. Outside
    the fitted window there is only noise. The average over trials has the reliability
    var(signal) / (var(signal) + noise / repetitions).

    Args:
        signal: noiseless responses (images, sites).
        categories: object category of each image (images,).
        repetitions: trials of each image.
        noise: variance of the Gaussian noise of a trial's window average, in the signal's units.
        seed: random seed.
    """
    generator = np.random.default_rng([seed, 3])
    time = np.arange(-50.0, 200.0, 5.0)
    inside = (time >= WINDOW_MS[0]) & (time < WINDOW_MS[1])
    images, sites = signal.shape
    shape = (images, repetitions, sites, len(time))
    # Noise is independent in every sample, so that the window's average has the variance `noise`.
    deviation = np.sqrt(noise * inside.sum())
    responses = generator.normal(0, deviation, shape).astype(np.float32)
    responses[..., inside] += signal[:, None, :, None].astype(np.float32)
    blank = np.full((repetitions, sites, len(time)), _BASE, np.float32)
    return {
        "responses": _BASE * (1 + _GAIN * responses),
        "blank": blank,
        "time": time,
        "category": categories,
        "site": np.array([f"simulated{at}" for at in range(sites)]),
    }


_BASE, _GAIN = np.float32(20.0), np.float32(0.1)
