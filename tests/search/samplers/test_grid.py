"""The grid: every point once, coarse before fine, and an end where there is one."""

import itertools
import math

import pytest
from hyperopt import hp

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers import grid_points
from alignsearch.search.samplers.sampler import ExhaustedError, make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt


def grid(space, seed=0):
    return make_sampler("grid", space, seed=seed, startup=0)


def searched(space, most, seed=0):
    """The points of a search of one slot, until its grid ends, and why it ended."""
    sampler, points = grid(space, seed), []
    for tid in range(most):
        try:
            points.append(sampler.suggest(tid, []))
        except ExhaustedError as error:
            return points, str(error)
        space.check_point(points[-1])
        sampler.tell(Observation(tid, points[-1], float(tid)))
    return points, None


def keys(points):
    return [tuple(sorted(point.items())) for point in points]


NESTED = from_hyperopt(
    {
        "model": hp.choice(
            "model",
            [
                "none",
                {"steps": hp.quniform("steps", 0, 10, 1)},
                {"width": hp.randint("width", 2, 9), "norm": hp.choice("norm", [0, 1])},
            ],
        ),
        "odds": hp.pchoice("odds", [(0.5, 1), (0.5, 2), (0, 3)]),
    }
)


def expected_of_nested():
    models = [
        {"model": 0},
        *({"model": 1, "steps": float(step)} for step in range(11)),
        *({"model": 2, "width": w, "norm": n} for w in range(2, 9) for n in (0, 1)),
    ]
    # An option of probability 0 is none.
    return {tuple(sorted({**each, "odds": odds}.items())) for each in models for odds in (0, 1)}


def test_each_point_of_a_nested_space_comes_once_and_then_the_grid_ends():
    points, ended = searched(NESTED, 1000)
    assert ended == "each of the 52 points of its grid is tried"
    assert len(points) == 52
    assert set(keys(points)) == expected_of_nested()


def test_a_range_has_its_ends_and_twice_as_many_steps_in_each_grid():
    space = from_hyperopt({"x": hp.uniform("x", -1, 1), "y": hp.loguniform("y", -2, 2)})
    points, ended = searched(space, 17 * 17)
    assert ended is None
    done = 0
    for levels in (3, 5, 9, 17):
        steps = range(levels)
        xs = {-1 + 2 * step / (levels - 1) for step in steps}
        some = points[done : levels * levels]
        assert len(set(keys(points[: levels * levels]))) == levels * levels
        assert {point["x"] for point in points[: levels * levels]} == xs
        assert len(some) == levels * levels - done
        done = levels * levels
    first = sorted({point["y"] for point in points[:9]})
    assert first == pytest.approx([math.exp(-2), 1.0, math.exp(2)])


def test_normal_distributions_have_levels_of_equal_share_without_ends():
    space = from_hyperopt(hp.normal("x", 10, 2))
    points, _ = searched(space, 7)
    quartile = 0.6744897501960817
    first = sorted(point["x"] for point in points[:3])
    assert first == pytest.approx([10 - 2 * quartile, 10, 10 + 2 * quartile])
    assert len(set(keys(points))) == 7


def test_a_part_of_a_grid_is_spread_over_it_and_follows_from_the_seed():
    space = from_hyperopt({f"x{at}": hp.uniform(f"x{at}", 0, 1) for at in range(12)})
    points, _ = searched(space, 60)
    for label in space.sampled_names:
        values = [point[label] for point in points]
        assert min(values.count(level) for level in (0.0, 0.5, 1.0)) > 8
    assert keys(points) == keys(searched(space, 60)[0])
    assert keys(points) != keys(searched(space, 60, seed=1)[0])


def test_points_that_people_gave_or_that_run_are_not_repeated():
    space = from_hyperopt({"a": hp.choice("a", [0, 1, 2]), "b": hp.choice("b", [0, 1])})
    every = set(itertools.product(range(3), range(2)))
    sampler = grid(space)
    # A warm start's result, one that a person gave, and one that is not on the grid's path.
    sampler.tell(Observation(-1, {"a": 2, "b": 1}, None))
    sampler.tell(Observation(0, {"a": 0, "b": 0}, 0.5))
    running = [Pending(1, {"a": 1, "b": 1})]
    new = [sampler.suggest(2, running)]
    running.append(Pending(2, new[0]))
    new.append(sampler.suggest(3, running))
    running.append(Pending(3, new[1]))
    new.append(sampler.suggest(4, running))
    running.append(Pending(4, new[2]))
    assert {(p["a"], p["b"]) for p in new} == every - {(2, 1), (0, 0), (1, 1)}
    with pytest.raises(ExhaustedError):
        sampler.suggest(5, running)
    # A running trial that is cancelled gives its point back.
    assert sampler.suggest(5, running[1:]) == running[0].point


def test_trials_that_are_not_known_yet_keep_their_points():
    """Two processes that ask at once get different points."""
    sampler = grid(NESTED)
    first = [sampler.suggest(tid, []) for tid in range(52)]
    assert len(set(keys(first))) == 52
    assert sampler.suggest(60, []) in first


def test_a_deep_tree_of_many_choices_is_counted_and_not_listed():
    options = [
        hp.choice(
            f"c{at}", [0, {"u": hp.uniform(f"u{at}", 0, 1)}, {"v": hp.normal(f"v{at}", 0, 1)}]
        )
        for at in range(40)
    ]
    space = from_hyperopt(options)
    points = grid_points.GridPoints(space)
    assert points.new_in(0) == 7**40
    assert points.new_in(1) == (1 + 5 + 7) ** 40 - 7**40
    some, _ = searched(space, 40)
    assert len(set(keys(some))) == 40


def test_a_space_whose_points_cannot_be_counted_is_refused(monkeypatch):
    wide = from_hyperopt([hp.uniform(f"x{at}", 0, 1) for at in range(501)])
    with pytest.raises(ConfigurationError, match=r"up to 500 dimensions, and space .* has 501"):
        grid(wide)
    monkeypatch.setattr(grid_points, "MOST_COUNTS", 5)
    with pytest.raises(ConfigurationError, match="too many combinations of choices"):
        grid(NESTED).suggest(0, [])
