"""Densities of rounded numbers against HyperOpt's loop over components, bit by bit."""

import numpy as np
import pytest
from hyperopt import tpe as hyperopt_tpe

from alignsearch.search.samplers.priors import PRIORS
from alignsearch.search.samplers.rounded import rounded_log_density
from alignsearch.search.samplers.settings import DEFAULT_SETTINGS

ROUNDED = {
    "quniform": (-7.3, 20.0),
    "qnormal": (2.0, 3.0),
    "qloguniform": (-4.0, 3.0),
    "qlognormal": (0.5, 1.5),
}


@pytest.mark.parametrize("components", [0, 1, 2, 60, 3000])
@pytest.mark.parametrize("q", [0.1, 0.5, 1, 3.0])
@pytest.mark.parametrize("kind", ROUNDED)
def test_they_are_hyperopts_to_the_last_bit(kind, q, components):
    rng = np.random.default_rng(components)
    prior = PRIORS[kind](*ROUNDED[kind], q=q)
    draw = hyperopt_tpe.LGMM1 if prior.logarithmic else hyperopt_tpe.GMM1
    density = hyperopt_tpe.LGMM1_lpdf if prior.logarithmic else hyperopt_tpe.GMM1_lpdf
    bounds = {"low": prior.low, "high": prior.high, "q": q}
    empty = prior.fit(np.array([]), DEFAULT_SETTINGS)
    observed = draw(*empty, **bounds, rng=rng, size=components)
    # As a search does, half of the trials lie at one place: its components are narrow.
    observed[: components // 2] = observed[:1]
    mixture = prior.fit(observed, DEFAULT_SETTINGS)
    places = draw(*mixture, **bounds, rng=rng, size=24)
    with np.errstate(all="ignore"):
        expected = density(places, *mixture, **bounds)
        found = rounded_log_density(places, *mixture, **bounds, logarithmic=prior.logarithmic)
    assert found.tobytes() == expected.tobytes()
