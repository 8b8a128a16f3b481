"""Axes of dimensions: positions and values go both ways."""

import numpy as np
import pytest
from expressions import EVERY_KIND, Expressions

from alignsearch.search.samplers.axes import axis_of
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.spaces.hyperopt_space import from_hyperopt


@pytest.fixture(params=EVERY_KIND)
def drawn(request):
    """An axis, and a thousand values that HyperOpt draws from its distribution."""
    space = from_hyperopt({"x": EVERY_KIND[request.param]})
    ((dimension,), (sampled,)) = dimensions_of(space), space.sampled
    rng = np.random.default_rng(3)
    return axis_of(sampled.distribution), np.array(
        [float(dimension.draw(rng)) for _ in range(1000)]
    )


def test_values_are_found_again_at_their_positions(drawn):
    axis, values = drawn
    assert axis.values(axis.positions(values)) == pytest.approx(values, rel=1e-6, abs=1e-9)


def test_its_draws_are_distributed_as_hyperopts(drawn):
    axis, values = drawn
    own = axis.values(axis.draw(1000, np.random.default_rng(4)))
    ends = np.quantile(values, [0.1, 0.3, 0.5, 0.7, 0.9])
    shares = [[np.mean(each <= end) for end in ends] for each in (values, own)]
    assert shares[1] == pytest.approx(shares[0], abs=0.08)


def test_every_expression_has_an_axis():
    made = Expressions(seed=11)
    for _ in range(30):
        for parameter in from_hyperopt(made.make(depth=4)).sampled:
            positions = axis_of(parameter.distribution).draw(20, np.random.default_rng(0))
            assert np.isfinite(positions).all()
