"""The fast density against HyperOpt's own."""

import numpy as np
import pytest
from hyperopt import tpe as hyperopt_tpe

from alignsearch.search.samplers.densities import (
    SCORE_TOLERANCE,
    approximate_log_density,
    parzen_mixture,
)


@pytest.mark.parametrize("components", [1, 4, 300, 5000])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1000.0, 1001.0), (-25.3, 16.1)])
def test_the_quick_density_differs_from_hyperopts_by_a_constant_and_less_than_a_tenth_of_the_doubt(
    low, high, components
):
    rng = np.random.default_rng(components)
    spread = rng.uniform(low, high, components)
    cluster = low + (high - low) * (0.3 + 1e-3 * rng.random(components))
    places = rng.uniform(low, high, 200)
    for observed in (spread, cluster, np.concatenate([spread, cluster])):
        mixture = parzen_mixture(observed, low, high)
        exact = hyperopt_tpe.GMM1_lpdf(places, *mixture)
        difference = approximate_log_density(places, *mixture) - exact
        assert np.ptp(difference) < SCORE_TOLERANCE / 10
