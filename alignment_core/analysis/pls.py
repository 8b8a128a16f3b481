"""Partial least squares regression that meets the features through their inner products alone.

The same regression as scikit-learn's `PLSRegression(scale=False)`, in the kernel form of
Rosipal and Trejo 2001. PLS sees features only through the products between images, so
one Gram matrix (images, images) serves any number of features and every split of the images;
and each component's direction comes from an eigenvector instead of power iterations that stop
at a tolerance.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alignment_core.errors import ConfigurationError

Matrix = NDArray[np.float64]

EXHAUSTED = 1e-12
"""A component that covaries with the responses less than this, next to the first, is rounding."""

BLOCK = 4096
"""Features that are in double precision at once."""


def gram(features: NDArray[np.floating]) -> Matrix:
    """(images, images): the inner products of features (images, features), less their means."""
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
    """Fit the `train` images' responses and predict the `test` images': (test, sites).

    Args:
        products: the Gram matrix of all images' features; any common shift of the features
            gives the same predictions.
        responses: (images, sites).
        train: indices of images to fit.
        test: indices of images to predict.
        components: how many directions of the features the fit uses.

    Raises:
        ConfigurationError: the features have fewer directions that covary with the responses.
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
        # The squared singular values of the features' covariance with what is left.
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
        # Twice is enough: rounding of the first leaves the second little to do.
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
