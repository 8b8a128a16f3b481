"""Partial least squares (PLS) regression on the Gram matrix of the features.

It is the regression of scikit-learn's `PLSRegression(scale=False)`, in the kernel form of Rosipal
and Trejo 2001. PLS depends on features only through their inner products between images. One Gram
matrix (images, images) is therefore enough for any number of features and all splits of the images.
Each component's direction is an eigenvector, computed directly instead of by power iterations with
a tolerance.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alignment_core.errors import ConfigurationError

Matrix = NDArray[np.float64]

EXHAUSTED = 1e-12
"""Least squared covariance of a component with the responses, relative to the first component's.
Smaller values are rounding errors."""

BLOCK = 4096
"""Features that are converted to double precision at once, which limits the memory."""


def gram(features: NDArray[np.floating]) -> Matrix:
    """Return the inner products (images, images) of centred features (images, features)."""
    products = np.zeros((len(features), len(features)))
    for start in range(0, features.shape[1], BLOCK):
        block = features[:, start : start + BLOCK].astype(np.float64)
        block -= block.mean(axis=0)
        products += block @ block.T
    return products


def predict(
    products: Matrix,
    responses: Matrix,
    train: NDArray[np.int_],
    test: NDArray[np.int_],
    components: int,
) -> Matrix:
    """Fit the responses of the `train` images and return predictions (test, sites) for `test`.

    Args:
        products: Gram matrix (images, images) of the features. A common shift of all features
            doesn't change the predictions.
        responses: (images, sites).
        train: indices of the images to fit.
        test: indices of the images to predict.
        components: number of components.

    Raises:
        ConfigurationError: fewer components covary with the responses.
    """
    inner = products[np.ix_(train, train)]
    column_means = inner.mean(axis=0)
    across = products[np.ix_(test, train)]
    across -= across.mean(axis=1, keepdims=True) + column_means - column_means.mean()
    inner = inner - column_means - column_means[:, None] + column_means.mean()
    mean = responses[train].mean(axis=0)
    centred = responses[train] - mean

    scores = np.zeros((len(train), components))
    directions = np.zeros((len(train), components))
    rest, image = centred.copy(), inner @ centred
    first = 0.0
    for at in range(components):
        # Its eigenvalues are the squared singular values of the features' covariance with `rest`.
        covariance = rest.T @ image
        (value,), vector = eigh(
            (covariance + covariance.T) / 2, subset_by_index=[covariance.shape[0] - 1] * 2
        )
        first = first or value
        if value <= EXHAUSTED * first:
            raise ConfigurationError(
                f"only {at} components of the features covary with the responses, not "
                f"{components}; ask for at most {at} with --components"
            )
        done = scores[:, :at]
        score = (image @ vector)[:, 0]
        # One orthogonalization leaves rounding errors, which a second one removes.
        for _ in range(2):
            score -= done @ (done.T @ score)
        score /= np.linalg.norm(score)
        directions[:, at] = (rest @ vector)[:, 0]
        scores[:, at] = score
        loading = score @ rest
        rest -= np.outer(score, loading)
        image -= np.outer(inner @ score, loading)
    coefficients = np.linalg.solve(scores.T @ inner @ directions, scores.T @ centred)
    predictions: Matrix = mean + across @ directions @ coefficients
    return predictions
