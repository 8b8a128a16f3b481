import dataclasses
import json
import math

import hyperopt
import pytest
from hyperopt import Trials, hp, rand, space_eval

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.catalog import RUNS, SPACES, get_space
from alignsearch.spaces.configuration import Configuration, derive
from alignsearch.spaces.distributions import Choice, LogUniform, Uniform
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.hyperopt_space import to_hyperopt
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import PUBLISHED

BOOLEANS = {
    *("fo_bias", "fo_relu", "fo_bwmc", "fo_fwmc", "fo_fwl2n"),
    *("bo_bias", "bo_relu", "bo_fwmc", "bo_fwl2n", "bi_bwmc", "bi_fwmc", "bi_fwl2n"),
}
# App. B.1.1 to B.1.4, written out a second time.
B11 = {
    "sigma": Uniform(1e-10, 1),
    "alpha_over_beta": Uniform(0.1, 200),
    "beta": LogUniform(1e-11, 1e7),
}
B12 = B11 | {
    "train_batch_size": Choice((256, 1024, 2048, 4096)),
    "alignment_learning_rate": LogUniform(1e-6, 1e-2),
    "delay_epochs": Choice((0, 1, 2)),
    "alternating_minimization": Choice((False, True)),
}
B13 = B12 | dict.fromkeys(BOOLEANS, Choice((False, True)))
B14 = B13 | {"gamma": LogUniform(1e-11, 1e7)}


@pytest.mark.parametrize(
    ("name", "published"), [("wm", B11), ("wm_ad", B12), ("wm_ad_ops", B13), ("ia", B14)]
)
def test_each_space_samples_exactly_what_the_appendix_says(name, published):
    assert {p.name: p.distribution for p in get_space(name).sampled} == published


def test_weight_mirror_is_fixed_as_akrout_prescribes_and_table_5_prints():
    fixed = {entry.name: entry.value for entry in get_space("wm").fixed}
    on = {"fo_bias", "fo_relu", "fo_bwmc", "bi_bwmc"}
    assert fixed == {name: name in on for name in BOOLEANS} | {
        "alternating_minimization": True,
        "delay_epochs": 2,
        "train_batch_size": 2048,
        "alignment_optimizer": "Vanilla GD",
        "alignment_learning_rate": 1.0,
        "gamma": None,
    }


def test_every_space_speaks_of_all_rows_of_table_5_with_a_source():
    for space in SPACES.values():
        entries = [*space.sampled, *space.fixed, *space.derived]
        assert sorted(e.name for e in entries) == sorted(Configuration.model_fields)
        assert all(entry.source.startswith("Kunin et al. 2020") for entry in entries)


def test_an_unknown_space_is_named_with_its_neighbours():
    with pytest.raises(UnknownNameError, match=r"no search space is named 'wm_ops'.*wm_ad_ops"):
        get_space("wm_ops")


@pytest.mark.parametrize("distribution", [Uniform(0.1, 200.0), LogUniform(1e-6, 1e-2)])
def test_ranges_include_their_ends_and_nothing_beyond(distribution):
    low, high = distribution.low, distribution.high
    assert all(map(distribution.contains, (low, (low * high) ** 0.5, high)))
    outside = (low * (1 - 1e-15), high * (1 + 1e-15), float("nan"), float("inf"), None, True, "1")
    assert not any(map(distribution.contains, outside))


def test_a_choice_tells_true_from_one():
    assert Choice((0, 1, 2)).contains(1)
    assert not Choice((0, 1, 2)).contains(True)
    assert not Choice((False, True)).contains(1)
    assert not Choice((0, 1, 2)).contains(3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Uniform(1.0, 1.0),
        lambda: Uniform(0.0, float("inf")),
        lambda: LogUniform(0.0, 1.0),
        lambda: LogUniform(2.0, 1.0),
        lambda: Choice(()),
        lambda: Choice((1, 1)),
        lambda: flat_space(
            "twice",
            "twice",
            "weight_mirror",
            "here",
            sampled=(Metaparameter("beta", Uniform(0, 1), "here"),) * 2,
            fixed=(),
            derived=(),
        ),
    ],
)
def test_impossible_spaces_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        wrong()


def _replaced(space, **changes):
    """A flat space with other metaparameters or texts."""
    own = ("name", "title", "learning_rule", "source", "sampled", "fixed", "derived")
    return flat_space(**{field: getattr(space, field) for field in own} | changes)


def _changed(space, name, distribution):
    sampled = tuple(
        dataclasses.replace(p, distribution=distribution) if p.name == name else p
        for p in space.sampled
    )
    return _replaced(space, sampled=sampled)


def test_the_hash_changes_with_whatever_changes_the_meaning():
    ia = get_space("ia")
    fixed = (dataclasses.replace(ia.fixed[0], value="Vanilla GD"),)
    derived = (dataclasses.replace(ia.derived[0], divisor=1024.0),)
    others = [
        *(get_space(name) for name in ("wm", "wm_ad", "wm_ad_ops")),
        _changed(ia, "sigma", Uniform(1e-10, 2.0)),
        _changed(ia, "sigma", LogUniform(1e-10, 1.0)),
        _changed(ia, "delay_epochs", Choice((0, 1))),
        _changed(ia, "delay_epochs", Choice((2, 1, 0))),
        _replaced(ia, fixed=fixed),
        _replaced(ia, derived=derived),
        _replaced(ia, learning_rule="weight_mirror"),
    ]
    hashes = {space.space_hash for space in (ia, *others)}
    assert len(hashes) == 1 + len(others)


def test_the_hash_doesnt_change_with_citations_or_order():
    ia = get_space("ia")
    mended = _replaced(
        ia,
        title="IA",
        source="elsewhere",
        sampled=tuple(dataclasses.replace(p, source="elsewhere") for p in reversed(ia.sampled)),
    )
    assert mended.space_hash == ia.space_hash


def test_the_published_spaces_keep_their_hashes():
    # Stored searches name these: a change here means that they can't be resumed.
    assert {space.name: space.space_hash for space in (*SPACES.values(), RUNS)} == {
        "wm": "b766f97d2bc7af88a206fd1fefbf28cee02ab0410702cd548bde8efca954fe2b",
        "wm_ad": "49cacba0930a83d14f3b0aee793bbd32f59e6ac154bc635b5642ee8e53c84c19",
        "wm_ad_ops": "9f7b74a7565448c416f4a6aad4e2463a909c6d46784d4655c33e995ca8235634",
        "ia": "34618adf50ec643fe0b10005713b73e107da84b99009ed370a62700778f8150c",
        "runs": "4218780a4b4c02b6532a2d70d128170830b8a3242068a56773dd91bd38db0b11",
    }


@pytest.mark.parametrize("name", SPACES)
def test_a_published_space_is_a_tree_like_any_other(name):
    space = SPACES[name]
    read = SearchSpace.from_data(json.loads(json.dumps(space.to_data(), allow_nan=False)))
    assert (read, read.space_hash) == (space, space.space_hash)
    for field in ("name", "title", "learning_rule", "source", "sampled", "fixed", "derived"):
        assert getattr(read, field) == getattr(space, field)
    column = PUBLISHED[name].model_dump()
    point = {
        each.name: each.distribution.options.index(column[each.name])
        if isinstance(each.distribution, Choice)
        else column[each.name]
        for each in space.sampled
    }
    space.check_point(point)
    assert space.resolve(point) == column
    assert space_eval(to_hyperopt(space), point) == column
    assert space.values(point) == {label: column[label] for label in space.sampled_names}
    assert derive(space, space.values(point)) == PUBLISHED[name]


@pytest.mark.parametrize("name", SPACES)
def test_a_published_space_is_sampled_as_stored_searches_were(name):
    # Their points came from an expression a dimension, without constants and ratios beside them.
    nodes = {
        Choice: lambda label, each: hp.choice(label, each.options),
        LogUniform: lambda label, each: hp.loguniform(
            label, math.log(each.low), math.log(each.high)
        ),
        Uniform: lambda label, each: hp.uniform(label, each.low, each.high),
    }
    before = {
        p.name: nodes[type(p.distribution)](p.name, p.distribution) for p in SPACES[name].sampled
    }
    domains = [
        hyperopt.base.Domain(lambda _: 0.0, each) for each in (before, to_hyperopt(SPACES[name]))
    ]
    for seed in range(10):
        old, new = (rand.suggest([0], each, Trials(), seed)[0]["misc"]["vals"] for each in domains)
        assert old == new
