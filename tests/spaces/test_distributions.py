import math

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll.stochastic import sample

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import (
    DISTRIBUTIONS,
    Choice,
    LogNormal,
    LogUniform,
    Normal,
    PChoice,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
    from_json,
)

# Each with HyperOpt's own expression, and a value that it doesn't have.
EXAMPLES = [
    (Uniform(-1.0, 2.0), hp.uniform("x", -1, 2), 2.1),
    (LogUniform(0.01, 10.0), hp.loguniform("x", math.log(0.01), math.log(10)), 0.0),
    (QUniform(0.7, 5.2, 0.5), hp.quniform("x", 0.7, 5.2, 0.5), 5.5),
    (
        QLogUniform(0.1, 30.0, 2.0),
        hp.qloguniform("x", math.log(0.1), math.log(30), 2),
        3.0,
    ),
    (Normal(1.0, 2.0), hp.normal("x", 1, 2), math.inf),
    (QNormal(1.0, 2.0, 0.1), hp.qnormal("x", 1, 2, 0.1), 0.15),
    (LogNormal(0.0, 1.0), hp.lognormal("x", 0, 1), 0.0),
    (QLogNormal(0.0, 1.0, 1.0), hp.qlognormal("x", 0, 1, 1), -1.0),
    (RandInt(3, 8), hp.randint("x", 3, 8), 8),
]


@pytest.mark.parametrize(("distribution", "expression", "strange"), EXAMPLES)
def test_what_hyperopt_draws_is_a_value_within_the_ends(distribution, expression, strange):
    rng = np.random.default_rng(0)
    drawn = [sample(expression, rng) for _ in range(300)]
    assert all(map(distribution.contains, drawn))
    assert not distribution.contains(strange)
    assert not any(map(distribution.contains, (True, None, "1", math.nan)))
    if distribution.ends is not None and not isinstance(distribution, Uniform | LogUniform):
        # Every value that steps leave is drawn in so many.
        assert (min(drawn), max(drawn)) == distribution.ends


def test_a_step_may_round_out_of_the_range():
    assert QUniform(0.7, 5.2, 0.5).ends == (0.5, 5.0)
    assert QLogUniform(0.1, 30.0, 2.0).ends == (0.0, 30.0)
    assert QLogUniform(0.1, 30.0, 2.0).scale == "linear"
    assert QLogUniform(1.1, 30.0, 1.0).scale == "log"


OTHERS = [
    Choice((None, True, 1, 1.0, "1")),
    PChoice((0.25, 0.75), ("a", None)),
    LogUniform.of_arguments(low=-7.3, high=0.1),
    QLogUniform.of_arguments(low=-7.3, high=0.1, q=0.5),
]


def test_each_kind_is_read_back_from_its_json():
    every = [example[0] for example in EXAMPLES] + OTHERS
    assert [from_json(each.to_json()) for each in every] == every
    assert {each.kind for each in every} == DISTRIBUTIONS.keys()


def test_hyperopts_logarithms_are_kept_where_rounding_would_change_them():
    rng = np.random.default_rng(0)
    logs = rng.uniform(-30, 30, (1000, 2))
    changed = 0
    for low, high in np.sort(logs).tolist():
        made = from_json(LogUniform.of_arguments(low=low, high=high).to_json())
        assert made.logs == (low, high)
        changed += math.log(math.exp(low)) != low
    assert changed > 10


def test_values_are_described_in_words():
    assert str(QUniform(1.0, 9.0, 2.0)) == "a multiple of 2, uniform in [1, 9]"
    assert str(RandInt(0, 5)) == "a whole number from 0 to 4"
    assert str(PChoice((0.25, 0.75), ("a", None))) == "one of a (25%), None (75%)"
    assert str(Normal(0.0, 1.0)) == "normal with mean 0 and deviation 1"


def test_options_have_an_order_if_they_are_numbers():
    assert Choice((256, 1024, 0.5)).ordered
    assert not Choice((False, True)).ordered
    assert not Choice((1, "auto")).ordered
    assert Choice((1, 2)).is_categorical
    assert not RandInt(1, 2).is_categorical


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Uniform(1.0, 1.0), "the lower one first"),
        (lambda: QUniform(0.0, 1.0, 0.0), "q must be positive"),
        (lambda: Normal(0.0, 0.0), "a deviation must be positive"),
        (lambda: QLogNormal(math.nan, 1.0, 1.0), "a mean must be finite"),
        (lambda: RandInt(3, 3), "there is none"),
        (lambda: PChoice((0.5, 0.4), (1, 2)), "sum to 1"),
        (lambda: PChoice((1.5, -0.5), (1, 2)), "sum to 1"),
        (lambda: PChoice((1.0,), (1, 2)), "give one to each"),
        (lambda: Choice(()), "at least one"),
        (lambda: LogUniform.of_arguments(low=1e-5, high=1000.0), "take the logarithms of the ends"),
        (lambda: from_json({"kind": "beta", "a": 1}), "no distribution 'beta'"),
        (lambda: from_json({"kind": "uniform", "low": 0.0}), "not a distribution"),
    ],
)
def test_impossible_distributions_are_refused(wrong, said):
    with pytest.raises(ConfigurationError, match=said):
        wrong()
