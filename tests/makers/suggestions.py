"""Points, histories and suggestions for the tests of samplers and of the driver."""

from functools import lru_cache

import numpy as np

from alignsearch.search.documents import DEFAULT_PENDING, Observation, Pending
from alignsearch.search.samplers import random_search as samplers
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.search.samplers.sampler import make_sampler


def suggest(space, history, pending, *, tid, seed, algo, startup, policy=DEFAULT_PENDING):
    """The point of trial `tid` by a new sampler that was told all of `history`."""
    sampler = make_sampler(algo, space, seed=seed, startup=startup, pending=policy)
    for observation in history:
        sampler.tell(observation)
    return sampler.suggest(tid, pending)


def random_point(space, rng):
    return samplers.random_point(drawing_order(space), rng)


# HyperOpt's graph of a space takes as long to build as many points take.
drawing_order = lru_cache(dimensions_of)


def random_losses(size, rng):
    """Losses of one of three kinds: all different, of a few levels (tied), or all the same."""
    kind = rng.integers(3)
    if kind == 0:
        losses = rng.normal(size=size)
    else:
        losses = rng.integers(4, size=size) / 4 if kind == 1 else np.full(size, 0.9)
    failed = rng.random(size) < rng.choice([0.0, 0.2, 1.0], p=[0.3, 0.6, 0.1])
    return [None if fail else float(loss) for loss, fail in zip(losses, failed, strict=True)]


def random_trials(space, size, pending, rng):
    """Observations and pending trials, their tids mixed; some points are there several times."""
    points = [random_point(space, rng) for _ in range(max(1, int(size * rng.uniform(0.3, 1.0))))]
    tids = [int(tid) for tid in rng.choice(3 * (size + pending) + 1, size + pending, replace=False)]
    observations = [
        Observation(tid, points[rng.integers(len(points))], loss)
        for tid, loss in zip(tids[:size], random_losses(size, rng), strict=True)
    ]
    return observations, [Pending(tid, random_point(space, rng)) for tid in tids[size:]]
