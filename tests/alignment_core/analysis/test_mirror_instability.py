"""Weight mirror on a real network behaves as on App. D.1's scalars."""

import numpy as np
import pytest

from alignment_core import data
from alignment_core.analysis.mirror_instability import descend

RATIOS = (0.5, 2.0)


@pytest.fixture(scope="module")
def descents():
    images, _ = data.load("digits", None).sample("train", 128)
    return descend(images.numpy(), RATIOS, width=32, steps=200, step_size=0.05, seed=0)


def test_every_layer_starts_at_the_closed_forms_rates(descents):
    for descent in descents:
        assert [rates.layer for rates in descent.starting] == ["dense1", "dense2", "logits"]
        for rates in descent.starting:
            c = rates.second_moment
            np.testing.assert_allclose(rates.symmetric, rates.decay - c, rtol=1e-3)
            np.testing.assert_allclose(rates.skew, rates.decay + c, rtol=1e-3)


def test_the_first_layer_keeps_its_rate_and_the_network_explodes_or_collapses(descents):
    """The first layer's inputs are the images, which don't depend on the weights."""
    for ratio, descent in zip(RATIOS, descents, strict=True):
        np.testing.assert_allclose(descent.measured_symmetric, ratio - 1, rtol=1e-3)
    assert [descent.outcome for descent in descents] == ["explodes", "collapses"]
