"""The samplers of the table as parameters of tests, some with each pending policy."""

import pytest

from alignsearch.search.documents import DEFAULT_PENDING
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.sampler import SAMPLERS, problem_of

BY_POLICY = ("tpe",)
"""Samplers with tests of each policy. `anneal` asks it, too; others don't."""


SLOW = ("optuna:nsgaii", "optuna:qmc", "optuna:random")
"""Samplers by an adapter that others go through in `make test`: in `make test-slow` alone."""


LARGE = ("optuna:gp",)
"""Samplers that are tested only where their packages happen to be: PyTorch's wheel on PyPI brings
more than 2 GB of CUDA packages, which `make test` doesn't install (docs/operating.md, "Sampler").
"""

TESTED = [algo for algo in SAMPLERS if algo not in LARGE or problem_of(algo) is None]
"""The samplers under test."""


def rows(*algos):
    """The samplers of these names that are under test, as parameters."""
    return [row(algo) for algo in algos if algo in TESTED]


def row(algo, *more, whole=False):
    """A parameter of a test.

    whole: one parameter of all values, as fixtures have it.
    """
    marks = [pytest.mark.slow] if algo in SLOW else []
    identity = "-".join((algo, *more))
    values = ((algo, *more),) if whole else (algo, *more)
    return pytest.param(*values, marks=marks, id=identity)


ROWS = rows(*TESTED)
"""Every sampler."""

ROWS_BY_POLICY = [
    row(algo, policy, whole=True)
    for algo in TESTED
    for policy in (PENDING_POLICIES if algo in BY_POLICY else [DEFAULT_PENDING])
]
"""Every sampler, some with each policy, as one value."""
