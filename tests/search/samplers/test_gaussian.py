"""The fast density against HyperOpt's own."""

import numpy as np
import pytest
from hyperopt import tpe as hyperopt_tpe

from alignsearch.search.samplers.gaussian import (
    SCORE_TOLERANCE,
    WIDEST_SPREAD,
    GaussianPrior,
    approximate_log_density,
    windowed_log_density,
)
from alignsearch.search.samplers.priors import PRIORS
from alignsearch.search.samplers.settings import DEFAULT_SETTINGS
from alignsearch.search.samplers.sorted_column import Components, SortedColumn, least_deviation


@pytest.mark.parametrize("components", [1, 4, 300, 5000])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1000.0, 1001.0), (-25.3, 16.1)])
def test_the_quick_density_differs_from_hyperopts_by_a_constant_and_less_than_a_tenth_of_the_doubt(
    low, high, components
):
    rng = np.random.default_rng(components)
    prior = PRIORS["uniform"](low, high)
    spread = rng.uniform(low, high, components)
    cluster = low + (high - low) * (0.3 + 1e-3 * rng.random(components))
    places = rng.uniform(low, high, 200)
    for observed in (spread, cluster, np.concatenate([spread, cluster])):
        mixture = prior.fit(observed, DEFAULT_SETTINGS)
        exact = hyperopt_tpe.GMM1_lpdf(places, *mixture)
        difference = approximate_log_density(places, *mixture, middle=prior.mean) - exact
        assert np.ptp(difference) < SCORE_TOLERANCE / 10
        least = least_deviation(prior.deviation, len(mixture[1]))
        of_near_ones = windowed_log_density(places, Components(*mixture, least), middle=prior.mean)
        assert np.ptp(of_near_ones - exact) < SCORE_TOLERANCE / 10


@pytest.mark.parametrize("components", [300, 5000])
@pytest.mark.parametrize("width", [1.0, 3.0, WIDEST_SPREAD])
def test_the_doubt_grows_with_the_numbers_spread(components, width):
    """Normal numbers have no bounds, so the farthest one decides how well single precision does."""
    rng = np.random.default_rng(components)
    prior = GaussianPrior(mean=3.0, deviation=0.7)
    observed = 3.0 + 0.7 * np.clip(width * rng.normal(0, 0.4, components), -width, width)
    observed[:2] = 3.0 - 0.7 * width, 3.0 + 0.7 * width
    places = 3.0 + 0.7 * rng.uniform(-width, width, 200)
    mixture = prior.fit(observed, DEFAULT_SETTINGS)
    difference = approximate_log_density(
        places, *mixture, middle=prior.mean
    ) - hyperopt_tpe.GMM1_lpdf(places, *mixture)
    assert np.ptp(difference) < width * SCORE_TOLERANCE / 10


def test_a_sorted_column_has_hyperopts_mixture_whatever_the_order_of_its_numbers():
    """Numbers come singly and many at once; a row of weight 0 is left out, as its trial is."""
    rng = np.random.default_rng(0)
    prior = PRIORS["uniform"](0.0, 1.0)
    column, numbers = SortedColumn(), rng.random(1000)
    known = 0
    for many in (2, 1, 300, 3, 694):
        for row in range(known, known + many):
            column.add(numbers[row], row)
        known += many
        weights = np.where(np.arange(known) % 7 == 3, 0.0, rng.random(known))
        found = column.components(weights, prior.mean, prior.deviation, 1.0)
        kept = weights > 0
        _, means, deviations = prior.fit(numbers[:known][kept], DEFAULT_SETTINGS)
        assert (found.means == means).all()
        assert np.allclose(found.deviations, deviations, rtol=1e-12)
        by_number = dict(zip(numbers, weights, strict=False))
        assert [by_number.get(mean, 1.0) for mean in found.means] == found.weights.tolist()


def test_equal_numbers_have_no_order():
    column = SortedColumn()
    for row, number in enumerate((0.2, 0.7, 0.2)):
        column.add(number, row)
    assert column.components(np.ones(3), 0.5, 1.0, 1.0) is None
    assert column.components(np.array([1.0, 1.0, 0.0]), 0.5, 1.0, 1.0) is not None
