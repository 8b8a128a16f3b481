import math

import numpy as np
import pytest
from hyperopt import Trials, fmin, hp, rand
from scipy import stats

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.configuration import contains, derive
from alignsearch.spaces.distributions import Choice, LogUniform
from alignsearch.spaces.hyperopt_space import from_hyperopt, to_hyperopt, to_point

SAMPLES = 200


@pytest.fixture(scope="module")
def points():
    """200 points of each space by HyperOpt's random search."""
    return {name: _sample(space) for name, space in SPACES.items()}


def _sample(space):
    trials = Trials()
    fmin(
        lambda _: 0.0,
        to_hyperopt(space),
        algo=rand.suggest,
        max_evals=SAMPLES,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
    )
    return [to_point(space, trial["misc"]["vals"]) for trial in trials.trials]


@pytest.mark.parametrize("name", SPACES)
def test_every_sample_is_a_configuration_of_the_space(points, name):
    for point in points[name]:
        assert contains(SPACES[name], derive(SPACES[name], point)) == []


@pytest.mark.parametrize("name", SPACES)
def test_continuous_samples_have_the_published_distribution(points, name):
    for parameter in SPACES[name].sampled:
        if isinstance(parameter.distribution, Choice):
            continue
        values = np.array([point[parameter.name] for point in points[name]])
        low, high = parameter.distribution.low, parameter.distribution.high
        if isinstance(parameter.distribution, LogUniform):
            values, low, high = np.log(values), math.log(low), math.log(high)
        # One level of 1% over the sixteen tests of all spaces.
        assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 0.01 / 16


def test_log_uniform_samples_arent_uniform(points):
    values = [point["beta"] for point in points["ia"]]
    assert stats.kstest(values, stats.uniform(1e-11, 1e7).cdf).pvalue < 1e-6


@pytest.mark.parametrize("name", ["wm_ad", "wm_ad_ops", "ia"])
def test_every_option_is_sampled_about_equally_often(points, name):
    for parameter in SPACES[name].sampled:
        if isinstance(parameter.distribution, Choice):
            drawn = [point[parameter.name] for point in points[name]]
            counts = [drawn.count(option) for option in parameter.distribution.options]
            assert sum(counts) == SAMPLES
            assert stats.chisquare(counts).pvalue > 0.001


def _vals(**changes):
    space = get_space("wm_ad")
    middle = {
        p.name: [0 if isinstance(p.distribution, Choice) else p.distribution.high]
        for p in space.sampled
    }
    return middle | changes


def test_an_index_becomes_its_option_from_lists_and_from_scalars():
    lists = _vals(train_batch_size=[3], delay_epochs=[2], alternating_minimization=[1])
    point = to_point(get_space("wm_ad"), lists)
    assert point["train_batch_size"] == 4096
    assert point["delay_epochs"] == 2
    assert point["alternating_minimization"] is True
    scalars = {label: values[0] for label, values in lists.items()}
    assert to_point(get_space("wm_ad"), scalars) == point


@pytest.mark.parametrize("end", [1e-6, 1e-2])
def test_rounding_in_the_logarithm_doesnt_leave_the_range(end):
    off = math.exp(math.log(end))
    assert off != end
    vals = _vals(alignment_learning_rate=[off])
    assert 1e-6 <= to_point(get_space("wm_ad"), vals)["alignment_learning_rate"] <= 1e-2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beta": []}, "beta is missing"),
        ({"beta": None}, "beta is missing"),
        ({"beta": [1.0, 2.0]}, "exactly one value of beta"),
        ({"beta": ["1"]}, "a number for beta"),
        ({"delay_epochs": [3]}, "delay_epochs has options 0 to 2, not 3"),
        ({"delay_epochs": [0.5]}, "delay_epochs has options 0 to 2, not 0.5"),
        ({"sigma": [1.1]}, "sigma is 1.1, not uniform"),
        ({"gamma": [1.0]}, "doesn't sample gamma"),
    ],
)
def test_vals_of_another_space_are_refused(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        to_point(get_space("wm_ad"), _vals(**changes))


def test_a_missing_label_is_refused():
    vals = _vals()
    del vals["sigma"]
    with pytest.raises(ConfigurationError, match="sigma is missing"):
        to_point(get_space("wm_ad"), vals)


@pytest.mark.parametrize(
    "expression",
    [
        hp.uniform("a", 0, 10**400),
        hp.uniform("a", np.array(0.1), np.array([3.0])),
        hp.uniformint("a", 1, 5, 2),
        hp.normal("a", "0", 1),
    ],
)
def test_arguments_that_hyperopt_refuses_when_it_draws_are_refused_before(expression):
    with pytest.raises(ConfigurationError, match=r"space\[\"x\"\], label 'a'"):
        from_hyperopt({"x": expression})
