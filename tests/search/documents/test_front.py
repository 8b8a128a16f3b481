"""The front of several losses, against the definition itself."""

import numpy as np
import pytest

from alignsearch.search.documents.front import front


def dominates(one, other):
    return bool((one <= other).all() and (one < other).any())


def by_definition(losses):
    rows = np.array(losses)
    return [at for at, each in enumerate(rows) if not any(dominates(other, each) for other in rows)]


@pytest.mark.parametrize("metrics", [1, 2, 3, 5])
@pytest.mark.parametrize("values", [4, 1000])
def test_it_has_the_trials_that_no_other_one_dominates(metrics, values):
    # With four values most losses are tied, and whole trials are equal.
    rng = np.random.default_rng([metrics, values])
    for trials in (0, 1, 2, 60):
        drawn = rng.integers(values, size=(trials, metrics)) / 7
        losses = [tuple(each) for each in drawn.tolist()]
        assert front(losses) == by_definition(losses)


def test_equal_trials_are_on_the_front_together():
    assert front([(1.0, 2.0), (1.0, 2.0), (1.0, 3.0)]) == [0, 1]


def test_infinite_losses_are_the_worst_but_may_be_on_the_front():
    assert front([(0.0, np.inf), (1.0, 1.0), (2.0, np.inf)]) == [0, 1]
