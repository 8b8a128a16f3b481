"""Recordings with a known truth, in the layout of `recordings`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alignment_core.analysis.pls import gram
from alignment_core.analysis.recordings import WINDOW_MS

COMPONENTS = 10
"""Leading principal components of the features that a site reads."""


def read_out(
    features: NDArray[Any], sites: int, explained: float, seed: int
) -> NDArray[np.float64]:
    """Noiseless responses (images, sites) that features (images, ...) explain in part.

    Each site is a random linear read-out of the features' leading 10 principal components, of
    variance `explained`, and independent numbers, one an image, of variance 1 - explained.
    The best prediction from the features thus correlates with it by sqrt(explained).
    """
    generator = np.random.default_rng([seed, 2])
    images = len(features)
    # The components' values are eigenvectors of the inner products between images, however many
    # features there are.
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
    """The variables of a file of recordings whose responses are `signal` (images, sites).

    Counts a 5 ms sample around 20, of which a blank image gives 20 throughout; outside the
    fitted window noise alone. Each trial adds to the window's average Gaussian noise of
    variance `noise` in the signal's units. So the average over trials has the reliability
    var(signal) / (var(signal) + noise / repetitions).
    """
    generator = np.random.default_rng([seed, 3])
    time = np.arange(-50.0, 200.0, 5.0)
    inside = (time >= WINDOW_MS[0]) & (time < WINDOW_MS[1])
    images, sites = signal.shape
    shape = (images, repetitions, sites, len(time))
    # Independent in every sample: the window's average has the variance asked for.
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
