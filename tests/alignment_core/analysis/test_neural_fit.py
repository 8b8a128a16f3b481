"""App. B.5's fit of simulated recordings, whose true fit is known."""

import numpy as np
import pytest

from alignment_core.analysis.neural_fit import fit, reliability, split
from alignment_core.analysis.recordings import read
from alignment_core.analysis.simulated_recordings import read_out, simulate
from alignment_core.errors import ConfigurationError

IMAGES, SITES, REPETITIONS = 800, 40, 6
EXPLAINED, NOISE = 0.7, 6.0
RELIABILITY = 1 / (1 + NOISE / REPETITIONS)
CATEGORIES = np.arange(IMAGES) % 8


@pytest.fixture(scope="module")
def features():
    generator = np.random.default_rng(4)
    return generator.normal(size=(IMAGES, 10)) @ generator.normal(size=(10, 60))


@pytest.fixture(scope="module")
def recorded(features, tmp_path_factory):
    """Half of each response's variance is noise; the features explain 0.7 of the rest."""
    path = tmp_path_factory.mktemp("recorded") / "recordings.npz"
    signal = read_out(features, SITES, EXPLAINED, seed=0)
    np.savez(path, **simulate(signal, CATEGORIES, repetitions=REPETITIONS, noise=NOISE, seed=0))
    return read(path)


@pytest.fixture(scope="module")
def fitted(features, recorded):
    unrelated = np.random.default_rng(5).normal(size=features.shape)
    layers = {"read": features, "unrelated": unrelated}
    return dict(zip(layers, fit(layers, recorded, components=10, splits=5), strict=True))


def test_the_corrected_correlation_is_the_noiseless_one(fitted):
    """sqrt(explained); the measured one is lower by the square root of the reliability.

    A median over 40 sites of 200 held-out images each has an error of about
    1.25 (1 - r^2) / sqrt(200 * 40) < 0.01, and ten components fitted to 600 images lose
    about as much: in all within 0.03.
    """
    corrected, deviation = fitted["read"].median()
    measured, _ = fitted["read"].median(corrected=False)
    truth = np.sqrt(EXPLAINED)
    assert abs(corrected - truth) < 0.03
    assert abs(measured - truth * np.sqrt(RELIABILITY)) < 0.03
    assert measured < corrected - 0.15
    assert 0 < deviation < 0.03


def test_the_reliability_is_the_closed_forms(fitted, recorded):
    assert abs(np.median(fitted["read"].reliabilities) - RELIABILITY) < 0.03
    generator = np.random.default_rng(0)
    # With an odd number of trials, one is left out of the halves, but not of the average.
    odd = reliability(recorded.trials[:, :5], 20, generator)
    assert abs(np.median(odd) - 1 / (1 + NOISE / 5)) < 0.03


def test_features_that_know_nothing_predict_nothing(fitted):
    assert abs(fitted["unrelated"].median()[0]) < 0.05


def test_splits_are_75_to_25_within_each_category():
    for train, test in split(CATEGORIES, splits=3, seed=1):
        assert set(np.bincount(CATEGORIES[test])) == {25}
        assert sorted([*train, *test]) == list(range(IMAGES))


def test_the_same_seed_gives_the_same_fit(features, recorded, fitted):
    (again,) = fit({"read": features}, recorded, components=10, splits=5)
    np.testing.assert_array_equal(again.corrected, fitted["read"].corrected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"features": np.ones((IMAGES - 1, 60))}, "799 images, but the recordings have 800"),
        ({"features": np.ones((IMAGES, 4))}, "4 features .* at most 4 with --components"),
        ({"features": np.full((IMAGES, 60), np.nan)}, "no finite numbers"),
    ],
)
def test_what_cannot_be_fitted_is_said(recorded, change, said):
    with pytest.raises(ConfigurationError, match=said):
        fit({"layer": change["features"]}, recorded, components=10)


def test_a_category_with_too_few_images_is_named():
    with pytest.raises(ConfigurationError, match="category zebra has 3 images, and 1 of 2"):
        split(np.array(["ape"] * 8 + ["zebra"] * 3), splits=2, seed=0)
