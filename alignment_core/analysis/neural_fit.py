"""How well a network's features predict neural responses (Kunin et al. 2020, App. B.5).

For each split of the images, 75 to 25 within each category: PLS regression with 25 components from
the features to all sites' responses; for each site the correlation r of prediction and response
over held-out images. Noise in the responses lowers r: it is divided by the square root
of the responses' reliability over the same images, which is the correlation between the averages
of two random halves of the trials, carried over to all trials by Spearman and Brown's formula.
Then the median over sites, and over splits its mean and standard deviation.
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
HELD_OUT = 0.25
SMALLEST_CATEGORY = 4
"""Images of a category that can be split 75 to 25."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerFit:
    """How well one layer predicts the sites.

    Attributes:
        layer: its name.
        features: how many it has.
        correlations: (splits, sites), as measured.
        reliabilities: (splits, sites), of the average over trials of held-out images.
    """

    layer: str
    features: int
    correlations: Matrix
    reliabilities: Matrix

    @property
    def corrected(self) -> Matrix:
        """(splits, sites): correlations less the responses' noise; NaN at reliability <= 0."""
        reliable = np.where(self.reliabilities > 0, self.reliabilities, np.nan)
        corrected: Matrix = self.correlations / np.sqrt(reliable)
        return corrected

    @property
    def left_out(self) -> int:
        """Sites that have no corrected correlation in some split."""
        return int(np.isnan(self.corrected).any(axis=0).sum())

    def median(self, *, corrected: bool = True) -> tuple[float, float]:
        """The median over sites: its mean over splits, and its standard deviation over them."""
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
    """Fit each layer's features (images, ...) to the recordings, over the same splits.

    `halvings` random halvings of the trials are averaged for the reliability.

    Raises ConfigurationError for features of other images, values that aren't finite, a
    category with too few images, or more components than there are features or images.
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
    """Indices of training and held-out images, 75 to 25 within each category.

    Raises ConfigurationError for a category that can't be split.
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
    """(sites,): the split-half reliability of the average over all trials.

    `trials` (images, repetitions, sites). With r the mean over `halvings` of the correlation
    between the averages of two disjoint sets of m trials each, and k = repetitions / m, it is
    k r / (1 + (k - 1) r) (Spearman 1910, Brown 1910); m is half of the repetitions, rounded
    down.
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
    """Pearson's correlation of each column (images, sites); NaN for a constant one."""
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
