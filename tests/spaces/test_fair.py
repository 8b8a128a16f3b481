"""The spaces in which rules are compared, and the trainings of their configurations."""

import pytest

from alignment_core import Alignment
from alignment_core.rules.table import LEARNING_RULES
from alignsearch.search.documents import Recipe
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.definitions import SHIPPED, find_definition
from alignsearch.spaces.fair import COMMON, COMPARED, fair_name, own_rule_definition
from alignsearch.spaces.presets import RULES
from alignsearch.spaces.trained import training_of

RECIPE = Recipe(dataset="digits", model="dense", width=8, stem="small", epochs=9, batch_divisor=32)
OWN = {
    **dict.fromkeys(("bp", "fa", "dfa", "usf", "brsf", "frsf", "kp", "pfa"), 0),
    **{"wm": 3, "wm_ad": 6, "ia": 19, "sa": 2, "aa": 2},
}
"""Number of each rule's own metaparameters: App. B.1.1, B.1.2, B.1.4 without the batch size."""

mark_rules = pytest.mark.parametrize("rule", COMPARED)


@mark_rules
def test_each_rule_has_the_same_common_metaparameters_and_its_own(rule):
    definition = find_definition(fair_name(rule))
    assert SHIPPED[fair_name(rule)] is definition
    space = definition.space
    assert space.learning_rule == RULES[rule][0]
    assert space.learning_rule in LEARNING_RULES
    common, own = space.sampled[:3], space.sampled[3:]
    assert tuple(each.name for each in common) == COMMON
    assert common == SHIPPED["fair_bp"].space.sampled
    assert len(own) == OWN[rule]
    assert all(each.source for each in space.sampled)
    assert definition.labels.keys() >= {*COMMON}


@pytest.mark.parametrize("rule", ["wm", "wm_ad", "ia"])
def test_published_ranges_are_the_papers(rule):
    space = SHIPPED[fair_name(rule)].space
    paper = {each.name: each for each in SPACES[rule].sampled}
    own = {each.name: each for each in space.sampled[3:]}
    assert own.keys() == paper.keys() - {"train_batch_size"}
    assert all(own[name].distribution == paper[name].distribution for name in own)
    fixed = {each.name: each.value for each in space.fixed}
    published = {each.name: each.value for each in SPACES[rule].fixed}
    assert fixed.items() <= published.items()
    assert published.keys() - fixed.keys() <= {"train_batch_size"}


@mark_rules
def test_random_configurations_are_trainings(rule):
    definition = SHIPPED[fair_name(rule)]
    sampler = make_sampler("random", definition.space, seed=1, startup=20)
    for tid in range(20):
        values = definition.space.resolve(sampler.suggest(tid, ()))
        config = training_of(definition, values, RECIPE, seed=5)
        assert config.learning_rule == RULES[rule][0]
        assert [getattr(config, name) for name in COMMON] == [values[name] for name in COMMON]
        assert (config.epochs, config.seed) == (9, 5)


def settings(rule, **own):
    values = {"learning_rate": 0.02, "weight_decay": 0.003, "batch_size": 128, **own}
    return training_of(SHIPPED[fair_name(rule)], values, RECIPE, seed=0)


def test_kernels_decay_alike_where_the_rule_needs_it():
    for rule in ("kp", "pfa"):
        assert settings(rule).weights == {"decay": 0.003}
    assert settings("fa").weights == {}


def test_a_ratio_of_one_is_appendix_b2():
    at_one = settings("sa", weight_ratio=1.0, alignment_learning_rate=1e-3)
    assert at_one.weights == {"self": 2e-3, "decay": 2e-3}
    assert (at_one.operations.fo_bias, at_one.operations.bo_bias) == (True, True)
    assert not at_one.alternating
    threefold = settings("aa", weight_ratio=3.0, alignment_learning_rate=1e-3)
    assert threefold.weights == pytest.approx({"amp": 6e-3, "sparse": 2e-3})


def test_weight_mirror_has_the_published_codes_order_and_information_alignment_the_papers():
    wm = find_definition("fair_wm")
    point = make_sampler("random", wm.space, seed=0, startup=1).suggest(0, ())
    values = {**wm.space.resolve(point), "alpha_over_beta": 5.0, "beta": 0.2, "sigma": 0.4}
    mirror = training_of(wm, values, RECIPE, seed=0)
    # alpha = 1 weighs decay, whose half is not in that code's primitive, and beta amp.
    assert mirror.weights == pytest.approx({"decay": 2.0, "amp": 0.2})
    assert (mirror.noise_stddev, mirror.alignment_optimizer) == (0.4, "vanilla_gd")
    assert (mirror.alternating, mirror.delay_epochs) == (True, 2)
    ia = find_definition("fair_ia")
    point = make_sampler("random", ia.space, seed=0, startup=1).suggest(0, ())
    values = {**ia.space.resolve(point), "alpha_over_beta": 5.0, "beta": 0.2, "gamma": 0.3}
    assert training_of(ia, values, RECIPE, seed=0).weights == pytest.approx(
        {"amp": 1.0, "decay": 0.2, "null": 0.3}
    )


class SparseMirror(Alignment):
    primitives = ("amp", "sparse", "decay")


class Tied(Alignment):
    primitives = ("decay",)
    tie_gradients = True


class Fixed(Alignment):
    pass


@pytest.mark.parametrize(
    ("rule", "own"),
    [
        (SparseMirror, ["amp", "sparse", "decay", "alignment_learning_rate"]),
        (Tied, []),
        (Fixed, []),
    ],
)
def test_a_rule_of_ones_own_is_searched_beside_the_common_metaparameters(rule, own, monkeypatch):
    definition = own_rule_definition(rule)
    assert [each.name for each in definition.space.sampled] == [*COMMON, *own]
    assert definition.heading == rule.__name__
    monkeypatch.setitem(LEARNING_RULES, rule.__name__, rule)
    point = make_sampler("random", definition.space, seed=0, startup=1).suggest(0, ())
    values = definition.space.resolve(point)
    config = training_of(definition, values, RECIPE, seed=0)
    expected = {name: values[name] for name in own[:-1]}
    if rule is Tied:
        expected = {"decay": values["weight_decay"]}
    assert config.weights == expected


def test_a_file_may_name_the_rule_alone(tmp_path, monkeypatch):
    (tmp_path / "a_rule_alone.py").write_text(
        "from alignment_core import Alignment\n"
        "class Mirror(Alignment):\n"
        "    primitives = ('amp', 'decay')\n"
    )
    monkeypatch.chdir(tmp_path)
    found = find_definition("a_rule_alone.py:Mirror")
    assert found.space.sampled_names == {*COMMON, "amp", "decay", "alignment_learning_rate"}
    assert (found.objective, found.source.kind) == ("training", "file")
