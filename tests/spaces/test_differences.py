"""Differences of two spaces in words."""

import pytest
from hyperopt import hp

from alignsearch.spaces.differences import difference
from alignsearch.spaces.hyperopt_space import from_hyperopt


def space(x=(0, 1), width_at=1, constant=3, kind="b", **more):
    options = [{"kind": "a"}, {"kind": kind}]
    if width_at is not None:
        options[width_at]["width"] = hp.quniform("width", 1, 5, 1)
    made = {"x": hp.uniform("x", *x), "net": hp.choice("net", options), "e": constant, **more}
    return from_hyperopt(made, name="a")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"x": (0, 2)}, "x is uniform in [0, 1] there, uniform in [0, 2] here"),
        ({"width_at": None, "y": hp.normal("y", 0, 1)}, "only there: width; only here: y"),
        (
            {"width_at": 0},
            "width is active where net = b there, active where net = a here",
        ),
        ({"constant": 4}, "other values of e"),
        ({"kind": "c"}, "net is one of a, b there, one of a, c here"),
        ({"z": {"deep": 2}}, "the same dimensions, but other constants, other options"),
    ],
)
def test_the_dimensions_that_differ_are_named(given, said):
    assert space().space_hash != space(**given).space_hash
    assert difference(space(), space(**given)).startswith(said)
