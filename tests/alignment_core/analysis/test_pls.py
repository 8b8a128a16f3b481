"""Our PLS regression equals scikit-learn's for features of any number and offset."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from alignment_core.analysis.pls import gram, predict
from alignment_core.errors import ConfigurationError

COMPONENTS = 8


@pytest.mark.parametrize(
    ("images", "features", "sites"), [(160, 40, 12), (80, 300, 12), (80, 30, 1)]
)
def test_predictions_are_scikit_learns(images, features, sites):
    """Fewer features than images and more; scikit-learn's iterations go on to rounding."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(images, features)) * np.exp(-np.arange(features) / 20) + 3
    y = x[:, :6] @ generator.normal(size=(6, sites)) + generator.normal(size=(images, sites))
    train, test = np.split(generator.permutation(images), [3 * images // 4])
    peer = PLSRegression(COMPONENTS, scale=False, tol=1e-15, max_iter=100_000)
    expected = peer.fit(x[train], y[train]).predict(x[test]).reshape(len(test), sites)
    found = predict(gram(x), y, train, test, COMPONENTS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_only_inner_products_count():
    """Features that are rotated and embedded in more dimensions give the same predictions."""
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(60, 20)), generator.normal(size=(60, 5))
    turn, _ = np.linalg.qr(generator.normal(size=(200, 20)))
    train, test = np.arange(45), np.arange(45, 60)
    of_turned = predict(gram(x @ turn.T + 7), y, train, test, COMPONENTS)
    np.testing.assert_allclose(of_turned, predict(gram(x), y, train, test, COMPONENTS), atol=1e-9)


def test_more_components_than_the_features_have_are_refused():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(40, 3)) @ generator.normal(size=(3, 20))
    with pytest.raises(ConfigurationError, match="only 3 components of the features"):
        predict(gram(x), generator.normal(size=(40, 6)), np.arange(30), np.arange(30, 40), 8)
