"""Spaces that are read from HyperOpt's expressions: data, hashes, conditions, values, refusals."""

import copy
import dataclasses
import enum
import math
import pickle

import numpy as np
import pytest
from hyperopt import hp, space_eval
from hyperopt.pyll import Literal, scope

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.conditions import ALWAYS
from alignsearch.spaces.distributions import QUniform
from alignsearch.spaces.hyperopt_space import from_hyperopt, plain_point, to_point
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.tree import Constant, Mapping


def model():
    c = hp.lognormal("c", 0, 1)
    return {
        "lr": hp.loguniform("lr", -7, 0),
        "model": hp.choice(
            "model",
            [
                {"kind": "svm", "c": c, "kernel": hp.choice("kernel", ["linear", "rbf"])},
                {"kind": "forest", "trees": scope.int(hp.quniform("trees", 10, 100, 10))},
                {"kind": "ridge", "c": c / 2, "features": [1, (2, hp.randint("seed", 5))]},
                None,
            ],
        ),
        "tag": "first",
    }


def test_dimensions_have_conditions_and_a_readers_order():
    space = from_hyperopt(model())
    assert [each.name for each in space.sampled] == ["lr", "model", "c", "kernel", "trees", "seed"]
    conditions = {each.name: each.conditions for each in space.sampled}
    assert conditions["lr"] == conditions["model"] == ALWAYS
    assert conditions["c"] == ((("model", 0),), (("model", 2),))
    assert conditions["kernel"] == ((("model", 0),),)
    distributions = {each.name: each.distribution for each in space.sampled}
    assert distributions["model"].options == ("svm", "forest", "ridge", None)
    assert distributions["trees"] == QUniform(10.0, 100.0, 10.0)
    assert [each.name for each in space.sampled if each.integer] == ["trees", "seed"]


def test_a_point_is_resolved_and_shown():
    space = from_hyperopt(model())
    point = {"lr": 0.01, "model": 1, "trees": 30.0}
    assert space.active(point) == ("lr", "model", "trees")
    assert space.resolve(point) == {
        "lr": 0.01,
        "model": {"kind": "forest", "trees": 30},
        "tag": "first",
    }
    values = space.values(point)
    assert values == {"lr": 0.01, "model": "forest", "trees": 30}
    assert type(values["trees"]) is int
    ridge = {"lr": 1, "model": 2, "c": 4, "seed": 3}
    assert space.resolve(ridge)["model"]["features"] == (1, (2, 3))
    assert repr(space.resolve(ridge)) == repr(space_eval(model(), ridge))
    assert space.values({"lr": 1.0, "model": 3}) == {"lr": 1.0, "model": None}


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"lr": 0.01, "model": 1}, "trees is missing"),
        ({"lr": 0.01, "model": 3, "trees": 30.0}, "trees is inactive with these choices"),
        ({"lr": 2.0, "model": 3}, r"lr is 2.0, not log-uniform in"),
        ({"lr": 0.1, "model": 4}, "model has options 0 to 3, not 4"),
        ({"lr": 0.1, "model": 1.5}, "model has options 0 to 3, not 1.5"),
        ({"lr": 0.1, "model": 1, "trees": 35.0}, "trees is 35.0, not a multiple of 10"),
        ({"lr": 0.1, "model": 3, "width": 1}, "doesn't sample width"),
        ({"lr": "0.1", "model": 3}, "lr is 0.1, not"),
    ],
)
def test_what_is_no_point_is_refused_by_dimension(point, said):
    with pytest.raises(ConfigurationError, match=said):
        from_hyperopt(model()).check_point(point)


def test_a_missing_dimension_is_named_with_its_place():
    with pytest.raises(ConfigurationError, match=r"lacks 'trees', at space\[\"model\"\]\[1\]"):
        from_hyperopt(model()).resolve({"lr": 1, "model": 1})


def test_values_of_fmin_and_of_misc_become_points():
    assert plain_point({"a": [np.int64(1)], "b": [], "c": np.float64(0.5), "d": None}) == {
        "a": 1,
        "c": 0.5,
    }
    space = from_hyperopt(model())
    vals = {"lr": [0.1], "model": [np.int64(1)], "trees": [20.0], "c": [], "kernel": [], "seed": []}
    assert to_point(space, vals) == {"lr": 0.1, "model": "forest", "trees": 20}


def test_a_dimension_that_every_option_has_is_unconditional():
    x = hp.uniform("x", 0, 1)
    inner = hp.choice("inner", [x, [x, 1]])
    space = from_hyperopt([hp.choice("outer", [inner, {"a": inner}])])
    assert [each.conditional for each in space.sampled] == [False, False, False]


def test_options_are_told_apart_by_name():
    def options(*given):
        return from_hyperopt([hp.choice("c", list(given))]).sampled[0].distribution.options

    assert options({"n": 1, "type": "a"}, {"n": 2, "type": "b"}) == ("a", "b")
    assert options(("a", 1), ("b", 2), 3) == ("a", "b", 3)
    assert options({"n": 1}, {"n": 2}) == ("option 0", "option 1")
    assert options({"type": "a"}, {"type": "a"}, None) == ("option 0", "option 1", None)
    assert options(1, True, 1.0, "1") == (1, True, 1.0, "1")
    assert options(0.5, 0.5) == ("option 0", "option 1")
    assert options(hp.uniform("x", 0, 1), math.inf) == ("x", "inf")


def test_a_whole_number_may_choose_and_be_used():
    number = hp.randint("n", 3)
    expression = [scope.switch(number, "a", hp.uniform("x", 0, 1), "b"), number * 2]
    space = from_hyperopt(expression)
    assert [each.conditional for each in space.sampled] == [False, True]
    for point in ({"n": 0}, {"n": 1, "x": 0.5}, {"n": 2}):
        assert space.resolve(point) == space_eval(expression, point)
    with pytest.raises(ConfigurationError, match="'n' chooses here, but its number is used before"):
        from_hyperopt(expression[::-1])


def test_copies_and_pickles_are_the_same_space():
    space = from_hyperopt(model())
    for other in (copy.deepcopy(space), pickle.loads(pickle.dumps(space)), from_hyperopt(model())):
        assert other == space
        assert hash(other) == hash(space)
        assert other.resolve({"lr": 1, "model": 3}) == space.resolve({"lr": 1, "model": 3})


def _hash(expression):
    return from_hyperopt(expression).space_hash


def test_the_hash_changes_with_any_meaning():
    x = hp.uniform("x", 0, 1)
    others = [
        {"a": x},
        {"b": x},
        [x],
        [x, x],
        {"a": hp.uniform("y", 0, 1)},
        {"a": hp.uniform("x", 0, 2)},
        {"a": hp.quniform("x", 0, 1, 0.5)},
        {"a": scope.int(x)},
        {"a": x + 1},
        {"a": x + 2},
        {"a": x + 1.0},
        {"a": x + True},
        {"a": hp.choice("x", [0, 1])},
        {"a": hp.choice("x", [1, 0])},
        {"a": hp.choice("x", [False, True])},
        {"a": hp.choice("x", ["0", "1"])},
        {"a": hp.pchoice("x", [(0.5, 0), (0.5, 1)])},
        {"a": hp.randint("x", 2)},
        {"a": hp.choice("x", [{"kind": "a", "n": 0}, {"kind": "b", "n": 1}])},
        {"a": hp.choice("x", [{"kind": "a", "n": 0}, {"kind": "b", "n": 2}])},
        {"a": hp.choice("x", [float("nan"), 1])},
        {"a": hp.choice("x", [float("inf"), 1])},
    ]
    assert len({_hash(each) for each in others}) == len(others)


def test_the_hash_changes_with_nothing_else():
    space = from_hyperopt(model(), name="a")
    assert (
        dataclasses.replace(space, name="b", title="B", source="c").space_hash == space.space_hash
    )
    turned = dict(reversed(model().items()))
    assert _hash(turned) == space.space_hash
    assert _hash([[1, 2], (1, 2)]) == _hash(((1, 2), (1, 2)))


def test_data_have_no_text_of_a_user_as_a_key():
    space = from_hyperopt({"$set": {"a.b": hp.choice("x.$y", ["$z", {"q.r": 1}])}})

    def keys(data):
        if isinstance(data, dict):
            yield from data
            for each in data.values():
                yield from keys(each)
        elif isinstance(data, list):
            for each in data:
                yield from keys(each)

    assert not [key for key in keys(space.to_data()) if "." in key or "$" in key or key == "q.r"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.update(version=2),
        lambda data: data.pop("nodes"),
        lambda data: data.update(nodes=[]),
        lambda data: data["nodes"].append({"node": "sequence", "items": [99]}),
        lambda data: data["nodes"].append({"node": "lambda"}),
        lambda data: data["nodes"].append({"node": "operation", "name": "eval", "arguments": [0]}),
        lambda data: data["nodes"].append({"node": "constant", "value": [1]}),
    ],
)
def test_damaged_data_are_refused(damage):
    data = from_hyperopt(model()).to_data()
    damage(data)
    with pytest.raises(ConfigurationError):
        SearchSpace.from_data(data)


class Colour(enum.IntEnum):
    RED = 1


def nested(depth):
    value = hp.uniform("x", 0, 1)
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            {"model": hp.choice("m", [1, 2, {"kernel": object()}])},
            r'space\["model"\]\[2\]\["kernel"\] is an object of class object, no plain data',
        ),
        ({"f": len}, r'space\["f"\] is len, no plain data'),
        ([np.zeros(2)], r"space\[0\] is an array, no plain data: write .tolist\(\)"),
        ([Colour.RED], r"space\[0\] is an object of class Colour"),
        (
            [hp.choice("c", [{1: hp.uniform("x", 0, 1)}])],
            r"space\[0\]\[0\]: the key 1 is no text; write '1' instead",
        ),
        ([scope.dict(hp.choice("c", [1]))], r"space\[0\]: write a dictionary instead of"),
        ({"a": {1: 2}}, r"space\[\"a\"\]: the key 1 is no text; write '1' instead"),
        ([2**63], r"space\[0\]: 9223372036854775808 has more than 64 bits"),
        (["a\0b"], r"space\[0\]: 'a\\x00b' has a zero character"),
        ([{"\ud800": 1}], r"space\[0\]: '\\ud800' is no valid Unicode text"),
        ([hp.uniform("", 0, 1)], r"space\[0\]: a dimension needs a label"),
        (
            {"a": hp.uniform("x", 0, 1), "b": [hp.uniform("x", 0, 1)]},
            r"label 'x' stands for two dimensions: at space\[\"a\"\] and at space\[\"b\"\]\[0\]",
        ),
        ([scope.uniform(0, 1)], r"space\[0\]: scope.uniform has no label"),
        ([scope.str_join(",", ["a"])], r"space\[0\]: the operation str_join is none that can"),
        ([hp.uniform("x", 0, hp.uniform("y", 0, 1))], "depends on another dimension"),
        ([hp.uniform("x", 0, 1, size=3)], "leave size out"),
        ([hp.loguniform("x", 1, 1000)], r"label 'x': a range from e\^1 to e\^1000"),
        ([hp.normal("x", 0, -1)], r"space\[0\], label 'x': a deviation must be positive"),
        ([hp.randint("x", 2.5)], "needs whole numbers"),
        ([scope.switch(hp.uniform("x", 0, 1) + 1, 1, 2)], "only hp.choice, hp.pchoice and hp.ran"),
        ([scope.switch(hp.randint("x", 3), 1, 2)], "2 options can't be chosen by randint of"),
        (nested(100), "nested too deep"),
        (nested(5000), "nested too deep"),
    ],
)
def test_what_cannot_be_searched_or_stored_is_refused_with_its_place(expression, said):
    with pytest.raises(ConfigurationError, match=said) as refused:
        from_hyperopt(expression)
    assert "\n" not in str(refused.value)


def test_a_list_that_contains_itself_is_refused():
    endless = [hp.uniform("x", 0, 1)]
    endless.append(endless)
    with pytest.raises(ConfigurationError, match="nested too deep"):
        from_hyperopt(endless)


def test_a_space_as_deep_as_allowed_is_resolved():
    space = from_hyperopt(nested(75))
    value = space.resolve({"x": 0.5})
    for _ in range(75):
        (value,) = value
    assert value == 0.5


def test_an_operation_without_a_value_says_where():
    space = from_hyperopt({"a": 1 / hp.quniform("x", 0, 2, 1)})
    with pytest.raises(ConfigurationError, match=r'space\["a"\]: 1 / x has no value: .*zero'):
        space.resolve({"x": 0.0})


def test_numpys_scalars_are_pythons():
    space = from_hyperopt([hp.choice("n", np.arange(3)), np.float64(0.5), scope.exp(1)])
    resolved = space.resolve({"n": 2})
    assert resolved == (2, 0.5, math.e)
    assert [type(each) for each in resolved] == [int, float, float]


def test_a_literal_list_stays_a_list():
    assert from_hyperopt([Literal([1, 2]), [1, 2]]).resolve({}) == ([1, 2], (1, 2))


def test_many_paths_to_one_dimension_are_no_burden():
    part = hp.uniform("x", 0, 1)
    for level in range(40):
        part = hp.choice(f"c{level}", [part, {"a": part}])
    space = from_hyperopt([part])
    assert not any(each.conditional for each in space.sampled)
    tangled = [hp.choice(f"d{at}", [0, hp.choice(f"e{at}", [0, 1, part])]) for at in range(501)]
    with pytest.raises(ConfigurationError, match="reached by more than 500 combinations"):
        from_hyperopt(tangled)


def test_a_space_can_be_written_without_hyperopt():
    space = SearchSpace("plain", Mapping((("a", Constant(1)),)))
    assert space.sampled == ()
    assert space.resolve({}) == {"a": 1}
