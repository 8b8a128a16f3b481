"""Axes of dimensions: positions and values go both ways, densities are relative to the space's."""

import numpy as np
import pytest
from expressions import Expressions
from hyperopt import hp

from alignsearch.search.samplers.axes import axis_of, widths_by_neighbours
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.spaces.hyperopt_space import from_hyperopt

EVERY = {
    "uniform": hp.uniform("x", -2, 5),
    "loguniform": hp.loguniform("x", -9, 3),
    "quniform": hp.quniform("x", 1, 8, 2),
    "qloguniform": hp.qloguniform("x", -2, 4, 1),
    "normal": hp.normal("x", 3, 2),
    "qnormal": hp.qnormal("x", 0, 3, 0.5),
    "lognormal": hp.lognormal("x", 0, 1),
    "qlognormal": hp.qlognormal("x", 1, 1, 1),
    "uniformint": hp.uniformint("x", 3, 9),
    "randint": hp.randint("x", 5),
    "randint from 2": hp.randint("x", 2, 7),
    "choice": hp.choice("x", ["a", "b", "c"]),
    "pchoice": hp.pchoice("x", [(0.1, "a"), (0.6, "b"), (0.3, "c")]),
}


@pytest.fixture(params=EVERY)
def drawn(request):
    """An axis, and a thousand values that HyperOpt draws from its distribution."""
    space = from_hyperopt({"x": EVERY[request.param]})
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


@pytest.mark.parametrize("by", ["number", "neighbours"])
@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.3)])
def test_a_density_is_one_on_average_over_the_spaces_own_distribution(drawn, by, scales):
    axis, values = drawn
    positions = axis.positions(values)
    kernels = axis.fit(positions[:12], by, scales)
    assert kernels.densities(positions).mean() == pytest.approx(1, abs=0.15)


def test_draws_around_a_trial_are_near_it(drawn):
    axis, values = drawn
    positions = axis.positions(values)[:12]
    kernels = axis.fit(positions)
    rng = np.random.default_rng(5)
    near = kernels.draw(np.zeros(500, int), rng)
    far = axis.draw(500, rng)
    assert np.abs(near - positions[0]).mean() < np.abs(far - positions[0]).mean()


def test_bandwidths_reach_to_the_farther_neighbour():
    assert widths_by_neighbours(np.array([0.5, 0.1, 0.2])) == pytest.approx([0.5, 0.25, 0.3])
    assert widths_by_neighbours(np.array([0.4] * 4)) == pytest.approx([0.4, 0.2, 0.2, 0.6])
    assert widths_by_neighbours(np.array([])).shape == (0,)


def test_every_expression_has_an_axis():
    made = Expressions(seed=11)
    for _ in range(30):
        for parameter in from_hyperopt(made.make(depth=4)).sampled:
            positions = axis_of(parameter.distribution).draw(20, np.random.default_rng(0))
            assert np.isfinite(positions).all()
