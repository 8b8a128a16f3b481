import math

import hyperopt
import numpy as np
import pytest
from hyperopt import Trials, hp, rand
from hyperopt.pyll import scope

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import contains, derive
from alignsearch.spaces.hyperopt_space import from_hyperopt, plain_point, to_hyperopt, to_point
from alignsearch.spaces.narrowing import parse_fixed, parse_ranges
from alignsearch.spaces.space import SearchSpace

CHOSEN = {"train_batch_size": "1024", "bo_relu": "False", "gamma": "1e-3"}
RANGES = {"beta": (1e-8, 1)}


def own():
    return from_hyperopt(
        {
            "model": hp.choice(
                "model",
                [
                    {"kind": "svm", "c": hp.lognormal("c", 0, 1)},
                    {"kind": "forest", "trees": scope.int(hp.quniform("trees", 10, 100, 10))},
                    None,
                ],
            ),
            "seed": hp.randint("seed", 5, 9),
            "lr": hp.loguniform("lr", -7.3, 0.1),
            "w": hp.pchoice("w", [(0.1, 1), (0.9, 1.5)]),
        },
        name="own",
    )


def draws(space, number=50):
    domain = hyperopt.base.Domain(lambda _: 0.0, to_hyperopt(space))
    for seed in range(number):
        yield rand.suggest([0], domain, Trials(), seed)[0]["misc"]["vals"]


def test_a_shipped_space_keeps_its_name_and_gets_another_hash():
    ia = get_space("ia")
    space = ia.narrowed(CHOSEN, RANGES)
    assert space.name == "ia"
    assert space.sampled_names == ia.sampled_names - CHOSEN.keys()
    hashes = {
        each.space_hash
        for each in (
            ia,
            space,
            ia.narrowed(CHOSEN, {}),
            ia.narrowed({}, RANGES),
            ia.narrowed({**CHOSEN, "bo_relu": "True"}, RANGES),
        )
    }
    assert len(hashes) == 5
    assert ia.narrowed({}, {}) is ia
    read = SearchSpace.from_data(space.to_data())
    assert (read, read.space_hash) == (space, space.space_hash)
    assert read.settled_values({}) == {"train_batch_size": 1024, "bo_relu": False, "gamma": 1e-3}
    # A store of before names nothing that was fixed.
    data = {name: value for name, value in space.to_data().items() if name != "settled"}
    assert SearchSpace.from_data(data) == space
    sources = {each.name: each.source for each in (*space.sampled, *space.fixed)}
    assert sources["beta"] == "narrowed; Kunin et al. 2020, App. B.1.1"
    assert sources["bo_relu"] == "narrowed; Kunin et al. 2020, App. B.1.3"
    assert sources["sigma"] == "Kunin et al. 2020, App. B.1.1"


def test_its_points_are_configurations_of_the_whole_space():
    ia = get_space("ia")
    space = ia.narrowed(CHOSEN, RANGES)
    for vals in draws(space):
        made = derive(space, to_point(space, vals))
        assert contains(ia, made) == []
        assert contains(space, made) == []
        assert (made.train_batch_size, made.sgdm_learning_rate) == (1024, 0.5)
        assert (made.bo_relu, made.gamma) == (False, 1e-3)
        assert 1e-8 <= made.beta <= 1
        assert space.resolve(plain_point(vals))["sgdm_learning_rate"] == 0.5


def test_what_only_another_option_had_is_gone():
    space = own().narrowed({"model": "forest", "w": "1.50"}, {"seed": (6, 7), "lr": (1e-2, 1)})
    assert [each.name for each in space.sampled] == ["trees", "seed", "lr"]
    assert not any(each.conditional for each in space.sampled)
    for vals in draws(space):
        resolved = space.resolve(plain_point(vals))
        assert resolved["model"]["kind"] == "forest"
        assert resolved["w"] == 1.5
        assert resolved["seed"] in (6, 7)
        assert 0.01 <= resolved["lr"] <= 1
    assert own().narrowed({"model": "None"}, {}).sampled_names == {"seed", "lr", "w"}
    assert own().narrowed({"model": "svm", "c": "2"}, {}).sampled_names == {"seed", "lr", "w"}


def test_a_fixed_number_has_the_type_that_the_objective_expects():
    space = own().narrowed({"model": "forest", "trees": "50", "seed": "7"}, {})
    resolved = space.resolve({"lr": 1.0, "w": 0})
    assert resolved["model"]["trees"] == 50
    assert (type(resolved["model"]["trees"]), type(resolved["seed"])) == (int, int)
    assert own().narrowed({"lr": "1"}, {}).resolve({"model": 2, "seed": 5, "w": 0})["lr"] == 1.0


def test_an_end_that_stays_keeps_hyperopts_logarithm():
    printed = own().narrowed({}, {"lr": (1e-2, float(f"{math.exp(0.1):.12g}"))})
    (lr,) = [each.distribution for each in printed.sampled if each.name == "lr"]
    assert lr.logs == (np.log(1e-2), 0.1)


@pytest.mark.parametrize(
    ("fixed", "ranges", "said"),
    [
        ({"model": "tree"}, {}, "model can't be fixed at tree: it is one of svm, forest, None"),
        ({"c": "0"}, {}, "c can't be fixed at 0: it is log-normal"),
        ({"trees": "15"}, {}, "it is a multiple of 10, uniform in"),
        ({"seed": "7.5"}, {}, "it is a whole number from 5 to 8"),
        ({"lr": "fast"}, {}, "lr can't be fixed at fast"),
        ({"lr": "nan"}, {}, "lr can't be fixed at nan"),
        ({"seed": "6"}, {"seed": (5, 6)}, "seed is fixed: it can't have a range, too"),
        ({}, {"model": (0, 1)}, "model has no range"),
        ({}, {"c": (0, 1)}, "c has no range that could be narrowed"),
        ({}, {"trees": (15, 50)}, "--range trees=15:50 must begin and end at a multiple of 10"),
        ({}, {"lr": (1e-9, 1)}, "--range lr=1e-9:1 is no part of its own range"),
        ({}, {"lr": (1, 0.1)}, "--range lr=1:0.1 is no part"),
        ({}, {"lr": (math.nan, 1)}, "is no part of its own range"),
        ({}, {"seed": (5, 9)}, "--range seed=5:9 is no part of its own range"),
        ({}, {"seed": (5.5, 7)}, "is no part"),
        ({"model": "svm", "trees": "50"}, {}, "trees is no part of space 'own' any more"),
        ({"model": "svm"}, {"trees": (10, 20)}, "trees is no part of space 'own' any more"),
    ],
)
def test_what_cannot_be_narrowed_is_refused(fixed, ranges, said):
    with pytest.raises(ConfigurationError, match=said) as refused:
        own().narrowed(fixed, ranges)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("fixed", "ranges"), [({"modl": "svm"}, {}), ({}, {"modl": (0, 1)})])
def test_an_unknown_dimension_is_named_with_its_neighbours(fixed, ranges):
    with pytest.raises(
        UnknownNameError, match="of space 'own' is named 'modl'; did you mean model"
    ):
        own().narrowed(fixed, ranges)


def test_a_whole_number_that_chooses_is_fixed_where_it_is_used_too():
    number = hp.randint("n", 3)
    space = from_hyperopt([scope.switch(number, "a", hp.uniform("x", 0, 1), "b"), number * 2])
    fixed = space.narrowed({"n": "x"}, {})
    assert fixed.sampled_names == {"x"}
    assert fixed.resolve({"x": 0.5}) == (0.5, 2)
    assert space.narrowed({}, {"x": (0, 0.5)}).sampled_names == {"n", "x"}


def test_options_that_read_alike_are_told_apart_by_their_exact_text():
    space = from_hyperopt([hp.choice("c", ["a", "A", 1, True])])
    assert space.narrowed({"c": "A"}, {}).resolve({}) == ("A",)
    assert space.narrowed({"c": "true"}, {}).resolve({}) == (True,)
    same = from_hyperopt([hp.choice("c", [1, "1"])])
    with pytest.raises(ConfigurationError, match="1 is more than one of them"):
        same.narrowed({"c": "1"}, {})


def test_the_command_lines_texts_are_read():
    assert parse_fixed(["bo_relu=False", "a=b=c"]) == {"bo_relu": "False", "a=b": "c"}
    assert parse_ranges(["gamma=1e-8:1"]) == {"gamma": (1e-8, 1.0)}


@pytest.mark.parametrize(
    ("read", "texts", "said"),
    [
        (parse_fixed, ["bo_relu"], "--fix bo_relu needs a name and a value: --fix bo_relu=False"),
        (parse_fixed, ["a=1", "a=2"], "--fix gives a twice"),
        (parse_ranges, ["gamma=1"], "--range gamma=1 needs two numbers"),
        (parse_ranges, ["gamma=a:b"], "needs two numbers, as in --range gamma=1e-8:1"),
    ],
)
def test_texts_without_a_value_are_refused(read, texts, said):
    with pytest.raises(ConfigurationError, match=said):
        read(texts)
