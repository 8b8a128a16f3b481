"""Priors that fade: densities and scores against loops over one point and one dimension."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from expressions import Expressions
from hyperopt import hp
from naive_densities import score_of
from scipy import stats
from suggestions import random_point

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Observation, Prior
from alignsearch.search.samplers import combined
from alignsearch.search.samplers.axes import OptionsAxis, axis_of
from alignsearch.search.samplers.beliefs import STRAY, given
from alignsearch.search.samplers.densities import Densities, Kinds
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.search.samplers.fading_prior import FADE, OPEN, FadingPrior
from alignsearch.search.samplers.random_search import trial_seed
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.hyperopt_space import distributions_of, from_hyperopt

WIDTH = 0.15


def parts_of(space):
    """A space's axes by label in the order of columns, and its own distributions."""
    own = {each.name: each.distribution for each in space.sampled}
    return {each.label: axis_of(own[each.label]) for each in dimensions_of(space)}, own


def placed_at(axes, points):
    """The positions of points, NaN where a point has none."""
    rows = np.full((len(points), len(axes)), math.nan)
    for row, point in zip(rows, points, strict=True):
        for at, (label, axis) in enumerate(axes.items()):
            if label in point:
                row[at] = axis.positions(np.array([float(point[label])]))[0]
    return rows


def around(axis, centre, position):
    """The density at a position around a prior's point, as it is defined."""
    if isinstance(axis, OptionsAxis):
        own = axis.likely[int(position) - axis.first]
        return STRAY + (position == centre) * (1 - STRAY) / own
    normal = NormalDist(centre, max(WIDTH, 0.35 * axis.step))
    if axis.q is None:
        low, high = max(0.0, position - 5e-4), min(1.0, position + 5e-4)
    else:
        (low,), (high,) = axis.cells(np.array([position]))
    mass = (normal.cdf(high) - normal.cdf(low)) / (high - low)
    return mass / (normal.cdf(1) - normal.cdf(0))


def logarithm(axes, centres, position):
    """The logarithm of the density of a prior around some points, one factor at a time."""
    products = [
        math.prod(
            around(axis, own, here)
            for axis, own, here in zip(axes.values(), centre, position, strict=True)
            if not (math.isnan(own) or math.isnan(here))
        )
        for centre in centres
    ]
    return math.log(OPEN + (1 - OPEN) * sum(products) / len(products))


@pytest.mark.parametrize("seed", range(6))
def test_a_priors_density_is_the_mean_of_those_around_its_points(seed):
    space = from_hyperopt(Expressions(seed=70 + seed).make(depth=4))
    rng = np.random.default_rng(seed)
    points = [random_point(space, rng) for _ in range(12)]
    # A label that a prior's point lacks is open.
    centres = [dict(list(each.items())[1:]) for each in points[:3]]
    axes, own = parts_of(space)
    prior = FadingPrior(Prior(source="test", points=centres, width=WIDTH), own, axes)
    placed = placed_at(axes, points)
    naive = [logarithm(axes, placed_at(axes, centres), each) for each in placed]
    assert prior.logarithms(placed) == pytest.approx(naive, rel=1e-6)
    assert prior.weights(placed, 25) == pytest.approx(np.array(naive) * FADE / 25, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_a_suggestion_has_the_highest_score_times_the_faded_prior(seed):
    """Hvarfner et al. 2022, computed one candidate, trial and dimension at a time."""
    space = from_hyperopt(Expressions(seed=20 + seed).make(depth=3) | {"x": hp.uniform("x", 0, 1)})
    rng = np.random.default_rng(seed)
    told = [Observation(tid, random_point(space, rng), rng.normal()) for tid in range(30)]
    centres = [random_point(space, rng) for _ in range(2)]
    prior = Prior(source="test", points=centres, width=WIDTH)
    sampler = make_sampler("combined", space, seed=seed, startup=5, prior=prior)
    for each in told:
        sampler.tell(each)
    axes, own = parts_of(space)
    rows = placed_at(axes, [each.point for each in told])
    order = np.argsort([each.loss for each in told])
    good, bad = rows[order[:3]], rows[np.sort(order[3:])]
    draws = np.random.default_rng(trial_seed(seed, 30))
    drawn = np.concatenate(
        [
            Densities(Kinds([*axes.values()]), good, combined.FINE).draw(
                combined.CANDIDATES, draws
            ),
            FadingPrior(prior, own, axes).draw(combined.EXPECTED, draws),
        ]
    )
    scores, points = [], []
    for row in drawn:
        point = {}
        for at, dimension in enumerate(dimensions_of(space)):
            if dimension.is_active(point):
                point[dimension.label] = axes[dimension.label].value(row[at])
            else:
                row[at] = math.nan
        score = score_of([*axes.values()], good, row, combined.FINE)
        score -= score_of([*axes.values()], bad, row, combined.FINE)
        scores.append(score + FADE / 30 * logarithm(axes, placed_at(axes, centres), row))
        points.append(point)
    suggested = sampler.suggest(30, [])
    assert scores[points.index(suggested)] == pytest.approx(max(scores), rel=1e-6)


GIVEN = {
    "normal in a range": (
        hp.uniform("x", -1, 3),
        hp.normal("x", 0, 1),
        lambda x: stats.truncnorm(-1, 3).pdf(x) * 4,
    ),
    "log-normal in a log-uniform range": (
        hp.loguniform("x", -3, 0),
        hp.lognormal("x", -1, 0.5),
        lambda x: stats.truncnorm(-4, 2, -1, 0.5).pdf(math.log(x)) * 3,
    ),
    "a part of a range": (
        hp.uniform("x", 0, 1),
        hp.uniform("x", 0.5, 2),
        lambda x: 2.0 * (x > 0.5),
    ),
    "steps": (
        hp.quniform("x", 0, 4, 1),
        hp.normal("x", 2, 1),
        lambda x: _step(NormalDist(2, 1), x) * 4 / (min(x + 0.5, 4) - max(x - 0.5, 0)),
    ),
    "whole numbers": (
        hp.randint("x", 1, 5),
        hp.randint("x", 2, 4),
        lambda x: 2.0 * (x in (2, 3)),
    ),
    "whole numbers around one": (
        hp.randint("x", 0, 3),
        hp.normal("x", 0, 1),
        lambda x: (
            (NormalDist().cdf(x + 0.5) - NormalDist().cdf(x - 0.5))
            / (NormalDist().cdf(2.5) - NormalDist().cdf(-0.5))
            * 3
        ),
    ),
    "options": (
        hp.choice("x", ["a", "b", "c"]),
        hp.pchoice("x", [(0.8, "c"), (0.2, "a")]),
        lambda x: 3 * (0.2, 0.0, 0.8)[int(x)],
    ),
}


def _step(normal, x):
    inside = normal.cdf(4) - normal.cdf(0)
    return (normal.cdf(min(x + 0.5, 4)) - normal.cdf(max(x - 0.5, 0))) / inside


@pytest.mark.parametrize("case", GIVEN)
def test_a_given_distribution_is_cut_off_at_the_spaces_ends(case):
    own, wanted, density = GIVEN[case]
    space = from_hyperopt({"x": own})
    axes, distributions = parts_of(space)
    belief = given(distributions["x"], distributions_of({"x": wanted})["x"])
    rng = np.random.default_rng(1)
    values = [float(random_point(space, rng)["x"]) for _ in range(300)]
    positions = axes["x"].positions(np.array(values))
    expected = np.array([density(value) for value in values])
    # At the edge of a part, the mean over a small piece of the axis lies between.
    found = belief.density(positions)[:, 0]
    assert np.mean(np.abs(found - expected) < 0.01 * (1 + expected)) > 0.98
    drawn = belief.draw(np.zeros(4000, int), rng)
    assert belief.density(drawn)[:, 0].min() > 0
    assert np.mean(1 / belief.density(drawn)[:, 0]) == pytest.approx(
        np.mean(belief.density(positions)[:, 0] > 0), abs=0.1
    )
    (likeliest,) = belief.likeliest()
    assert belief.density(np.array([likeliest]))[0, 0] == pytest.approx(found.max(), rel=0.05)


def searched(space, loss, prior, trials, seed=0):
    sampler = make_sampler("combined", space, seed=seed, startup=10, prior=prior)
    points = []
    for tid in range(trials):
        points.append(sampler.suggest(tid, []))
        sampler.tell(Observation(tid, points[-1], loss(points[-1])))
    return points


def test_a_search_begins_at_the_prior_and_leaves_a_misleading_one():
    space = from_hyperopt({"x": hp.uniform("x", 0, 1), "kind": hp.choice("kind", ["a", "b"])})
    prior = Prior(source="test", points=[{"x": 0.9, "kind": 1}], width=0.1)

    def loss(point):
        return abs(point["x"] - 0.2) + (point["kind"] == 1)

    points = searched(space, loss, prior, 80)
    assert points[0] == {"x": pytest.approx(0.9), "kind": 1}
    assert np.mean([each["kind"] == 1 for each in points[:10]]) >= 0.4
    assert np.mean([abs(each["x"] - 0.2) < 0.1 and each["kind"] == 0 for each in points[60:]]) > 0.7


def test_distributions_reach_conditional_dimensions_and_leave_others_open():
    space = from_hyperopt(
        {
            "model": hp.choice("model", ["linear", {"rate": hp.loguniform("rate", -9, 0)}]),
            "free": hp.uniform("free", 0, 1),
        }
    )
    given_ = distributions_of({"rate": hp.lognormal("rate", -2, 0.2)})
    data = {label: each.to_json() for label, each in given_.items()}
    prior = Prior(source="definition", distributions=data)
    points = [
        make_sampler("combined", space, seed=seed, startup=20, prior=prior).suggest(5, [])
        for seed in range(300)
    ]
    for point in points:
        space.check_point(point)
    near = [abs(math.log(each["rate"]) + 2) < 0.6 for each in points if "rate" in each]
    assert np.mean(near) > 0.3
    assert np.mean([each["free"] for each in points]) == pytest.approx(0.5, abs=0.06)


DAMAGED = {
    "another kind": (
        {"lr": {"kind": "randint", "low": 0, "high": 6}},
        (),
        "of lr can't be used: its",
    ),
    "no mass": (
        {"lr": {"kind": "uniform", "low": 5, "high": 6}},
        (),
        "of lr can't be used: it has no",
    ),
    "no such option": ({}, ({"width": 77},), "of width can't be used: .* has 77"),
    "half an option": ({}, ({"lr": 0.1}, {"width": 0.5}), "of width can't be used: .* has 0.5"),
}


@pytest.mark.parametrize("case", [*DAMAGED, "no width"])
def test_a_prior_that_was_damaged_in_the_store_is_refused_in_a_line(case):
    space = from_hyperopt(
        {"lr": hp.loguniform("lr", -9, 0), "width": hp.choice("width", [16, 32, 64])}
    )
    distributions, points, said = DAMAGED.get(case, ({}, ({"lr": 0.1},), "no width around them"))
    width = WIDTH if case != "no width" else None
    prior = Prior(source="test", distributions=distributions, points=points, width=width)
    with pytest.raises(ConfigurationError, match=said):
        make_sampler("combined", space, seed=0, startup=3, prior=prior)
