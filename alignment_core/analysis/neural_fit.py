"""Regression of neural responses on a network's features (Kunin et al. 2020, App. B.5).

The images are split several times, 75 to 25 within each category. For each split:

1. PLS regression with 25 components predicts all sites' responses from the features.
2. For each site, r is the correlation of prediction and response over the held-out images.
3. r is divided by the square root of the responses' reliability over the same images, because noise
   in the responses lowers r. The reliability is the correlation between the averages of two random
   halves of the trials, extrapolated to all trials by the Spearman-Brown formula.

The result is the median over sites: its mean over splits and its standard deviation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from alignment_core.analysis.pls import gram, predict
from alignment_core.analysis.recordings import Recordings
from alignment_core.errors import ConfigurationError

COMPONENTS = 25
"""Components of the PLS regression (Kunin et al. 2020, App. B.5)."""

HELD_OUT = 0.25
"""Share of held-out images (Kunin et al. 2020, App. B.5)."""

SMALLEST_CATEGORY = 4
"""Least images of a category: with fewer, no whole image can be held out at 75 to 25."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerFit:
    """The fit of one layer's features to the recorded sites.

    Attributes:
        layer: the layer's name.
        features: number of the layer's features.
        correlations: (splits, sites), correlation of prediction and response.
        reliabilities: (splits, sites), reliability of the held-out images' mean responses.
    """

    layer: str
    features: int
    correlations: Matrix
    reliabilities: Matrix

    @property
    def corrected(self) -> Matrix:
        """Correlations (splits, sites), corrected for noise; NaN if the reliability is <= 0."""
        reliable = np.where(self.reliabilities > 0, self.reliabilities, np.nan)
        corrected: Matrix = self.correlations / np.sqrt(reliable)
        return corrected

    @property
    def left_out(self) -> int:
        """Number of sites without a corrected correlation in at least one split."""
        return int(np.isnan(self.corrected).any(axis=0).sum())

    def median(self, *, corrected: bool = True) -> tuple[float, float]:
        """Return mean and standard deviation over splits of the median over sites.

        Args:
            corrected: whether correlations are corrected for noise.
        """
        of_splits = np.nanmedian(self.corrected if corrected else self.correlations, axis=1)
        deviation = of_splits.std(ddof=1) if len(of_splits) > 1 else np.nan
        return float(of_splits.mean()), float(deviation)


def fit(
    features: Mapping[str, NDArray[Any]],
    recordings: Recordings,
    *,
    components: int = COMPONENTS,
    splits: int = 10,
    halvings: int = 20,
    seed: int = 0,
) -> list[LayerFit]:
    """Fit each layer's features to the recordings, with the same splits for all layers.

    Args:
        features: features (images, ...) by the layer's name.
        recordings: the responses.
        components: components of the PLS regression.
        splits: number of splits of the images.
        halvings: number of random halvings of the trials, over which the reliability is averaged.
        seed: random seed of splits and halvings.

    Raises:
        ConfigurationError: features and recordings differ in their number of images, a feature
            isn't finite, a category has too few images, or there are more components than
            features or training images.
    """
    responses = recordings.responses
    chosen = split(recordings.categories, splits, seed)
    _check(features, len(responses), components, len(chosen[0][0]))
    generator = np.random.default_rng([seed, 1])
    reliabilities = np.array(
        [reliability(recordings.trials[test], halvings, generator) for _, test in chosen]
    )
    fits = []
    for layer, values in features.items():
        flat = values.reshape(len(values), -1)
        products = gram(flat)
        correlations = [
            correlate(predict(products, responses, train, test, components), responses[test])
            for train, test in chosen
        ]
        fits.append(LayerFit(layer, flat.shape[1], np.array(correlations), reliabilities))
    return fits


def split(
    categories: NDArray[Any], splits: int, seed: int
) -> list[tuple[NDArray[np.int_], NDArray[np.int_]]]:
    """Return indices of training and held-out images for each split, 75 to 25 in each category.

    Raises:
        ConfigurationError: a category has fewer than SMALLEST_CATEGORY images.
    """
    names, counts = np.unique(categories, return_counts=True)
    few = counts < SMALLEST_CATEGORY
    if few.any():
        raise ConfigurationError(
            f"category {names[few][0]} has {counts[few][0]} images, and {int(few.sum())} of "
            f"{len(names)} categories have too few: a split of 75 to 25 needs "
            f"{SMALLEST_CATEGORY} of each"
        )
    shuffled = StratifiedShuffleSplit(splits, test_size=HELD_OUT, random_state=seed)
    return list(shuffled.split(np.zeros(len(categories)), categories))


def reliability(trials: Matrix, halvings: int, generator: np.random.Generator) -> Matrix:
    """Return the split-half reliability (sites,) of the average over all trials.

    r is the correlation between the averages of two disjoint sets of m trials, averaged over
    `halvings` random draws. m is half of the repetitions, rounded down, and k = repetitions / m.
    The reliability is k r / (1 + (k - 1) r) (Spearman 1910, Brown 1910).

    Args:
        trials: (images, repetitions, sites).
        halvings: number of random draws.
        generator: source of the draws.
    """
    repetitions = trials.shape[1]
    half = repetitions // 2
    found = []
    for _ in range(halvings):
        order = generator.permutation(repetitions)
        one, other = order[:half], order[half : 2 * half]
        found.append(correlate(trials[:, one].mean(axis=1), trials[:, other].mean(axis=1)))
    r = np.mean(found, axis=0)
    factor = repetitions / half
    carried: Matrix = factor * r / (1 + (factor - 1) * r)
    return carried


def correlate(one: Matrix, other: Matrix) -> Matrix:
    """Return Pearson's correlation (sites,) of each column of (images, sites).

    It is NaN for a constant column.
    """
    a, b = one - one.mean(axis=0), other - other.mean(axis=0)
    sizes = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    products = (a * b).sum(axis=0)
    return np.divide(products, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)


def _check(
    features: Mapping[str, NDArray[Any]], images: int, components: int, training: int
) -> None:
    for layer, values in features.items():
        if len(values) != images:
            raise ConfigurationError(
                f"{layer} has features of {len(values)} images, but the recordings have "
                f"{images} stimuli; give them in the recordings' order"
            )
        size = int(np.prod(values.shape[1:]))
        most = min(size, training - 1)
        if components > most:
            raise ConfigurationError(
                f"{layer} has {size} features of {training} training images, too few for "
                f"{components} components; leave it out, or ask for at most {most} with "
                "--components"
            )
        if not np.isfinite(values).all():
            raise ConfigurationError(f"{layer} has features that are no finite numbers")
