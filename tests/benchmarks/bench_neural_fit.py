"""Benchmark of App. B.5's regression, ours and scikit-learn's, at the paper's size.

    python tests/benchmarks/bench_neural_fit.py [--features 4096] [--splits 10] [--peer]

There are 5,120 images and 256 sites. Features have decreasing variances, as those of a network do,
and half of a site's variance is noise. Splits are 75 to 25, with 25 components. With --peer,
scikit-learn's PLSRegression fits the last split and its predictions are compared.
"""

import argparse
import os
import platform
import time

import numpy as np
from sklearn.cross_decomposition import PLSRegression

from alignment_core.analysis.pls import gram, predict

IMAGES, SITES, COMPONENTS = 5120, 256, 25


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--splits", type=int, default=10, help="Random splits of the images.")
    parser.add_argument("--peer", action="store_true", help="scikit-learn too")
    asked = parser.parse_args()
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(IMAGES, 200)) * np.exp(-np.arange(200) / 40)
    features = hidden @ generator.normal(size=(200, asked.features))
    features += 0.3 * generator.normal(size=features.shape)
    features = features.astype(np.float32)
    signal = hidden @ generator.normal(size=(200, SITES))
    responses = signal + signal.std() * generator.normal(size=signal.shape)

    print(f"{platform.machine()}, {os.cpu_count()} cores; {features.shape} to {SITES} sites")
    began = time.perf_counter()
    products = gram(features)
    made = time.perf_counter()
    for _ in range(asked.splits):
        train, test = np.split(generator.permutation(IMAGES), [3 * IMAGES // 4])
        predictions = predict(products, responses, train, test, COMPONENTS)
    ended = time.perf_counter()
    a_split = (ended - made) / asked.splits
    print(f"ours: {made - began:.1f} s a layer and {a_split:.1f} s a split")
    print(f"ours, {asked.splits} splits: {ended - began:.1f} s")
    if asked.peer:
        began = time.perf_counter()
        peer = PLSRegression(COMPONENTS, scale=False).fit(features[train], responses[train])
        theirs = peer.predict(features[test])
        print(f"scikit-learn: {time.perf_counter() - began:.1f} s a split")
        print(f"largest difference: {np.abs(theirs - predictions).max() / theirs.std():.1e} sd")


if __name__ == "__main__":
    main()
