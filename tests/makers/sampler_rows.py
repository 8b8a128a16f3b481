"""The samplers of the table as parameters of tests, some with each pending policy."""

import pytest

from alignsearch.search.documents import DEFAULT_PENDING
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.sampler import SAMPLERS, problem_of

BY_POLICY = ("tpe",)
"""Samplers with tests of each policy. `anneal` asks it, too; others don't."""


def row(algo, *more, whole=False):
    """A parameter of a test, skipped where a package of the sampler's is missing.

    whole: one parameter of all values, as fixtures have it.
    """
    problem = problem_of(algo)
    marks = pytest.mark.skip(reason=problem) if problem else ()
    identity = "-".join((algo, *more))
    values = ((algo, *more),) if whole else (algo, *more)
    return pytest.param(*values, marks=marks, id=identity)


ROWS = [row(algo) for algo in SAMPLERS]
"""Every sampler."""

ROWS_BY_POLICY = [
    row(algo, policy, whole=True)
    for algo in SAMPLERS
    for policy in (PENDING_POLICIES if algo in BY_POLICY else [DEFAULT_PENDING])
]
"""Every sampler, some with each policy, as one value."""
