import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.configuration import configuration, contains, derive
from alignsearch.spaces.table5 import PUBLISHED

WM_POINT = {"sigma": 0.5, "alpha_over_beta": 2.0, "beta": 0.25}


@pytest.mark.parametrize("name", SPACES)
def test_every_published_column_lies_in_its_space(name):
    assert contains(SPACES[name], PUBLISHED[name]) == []


@pytest.mark.parametrize("name", SPACES)
def test_a_point_with_the_fixed_and_derived_values_is_the_published_column(name):
    values = PUBLISHED[name].model_dump()
    point = {label: values[label] for label in SPACES[name].sampled_names}
    assert derive(SPACES[name], point) == PUBLISHED[name]


@pytest.mark.parametrize(("batch", "rate"), [(256, 0.125), (1024, 0.5), (2048, 1.0), (4096, 2.0)])
def test_the_learning_rate_follows_the_batch_size(batch, rate):
    values = PUBLISHED["wm_ad"].model_dump()
    point = {label: values[label] for label in SPACES["wm_ad"].sampled_names}
    assert derive(SPACES["wm_ad"], point | {"train_batch_size": batch}).sgdm_learning_rate == rate


def test_weight_mirrors_batch_and_learning_rate_are_fixed():
    made = derive(get_space("wm"), WM_POINT)
    assert (made.train_batch_size, made.sgdm_learning_rate) == (2048, 1.0)
    assert (made.alignment_optimizer, made.alignment_learning_rate) == ("Vanilla GD", 1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gamma": 1.0}, "surplus gamma"),
        ({"sigma": 1.5}, r"sigma is 1.5, not uniform in \[1e-10, 1\]"),
        ({"beta": float("nan")}, r"beta is nan, not log-uniform in \[1e-11, 1e7\]"),
    ],
)
def test_what_isnt_a_point_of_the_space_is_refused(change, said):
    with pytest.raises(ConfigurationError, match=said):
        derive(get_space("wm"), WM_POINT | change)


def test_a_point_with_a_gap_is_refused():
    with pytest.raises(ConfigurationError, match="missing alpha_over_beta, sigma"):
        derive(get_space("wm"), {"beta": 1.0})


def test_contains_gives_one_reason_for_each_misfit():
    odd = PUBLISHED["wm"].model_copy(
        update={"sigma": 2.0, "delay_epochs": 1, "sgdm_learning_rate": 0.5}
    )
    assert contains(get_space("wm"), odd) == [
        "sigma is 2.0, not uniform in [1e-10, 1]",
        "delay_epochs is 1, but fixed at 2",
        "sgdm_learning_rate is 0.5, but train_batch_size / 2048 is 1.0",
    ]
    assert contains(get_space("wm_ad"), PUBLISHED["ia"]) != []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sigma": -1.0}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"fo_bias": 1}, "fo_bias"),
        ({"delay_epochs": True}, "delay_epochs"),
        ({"alignment_optimizer": "adam"}, "alignment_optimizer"),
        ({"epsilon": 1.0}, "epsilon"),
    ],
)
def test_impossible_values_are_refused_by_name(change, said):
    with pytest.raises(ConfigurationError, match=rf"not a configuration: {said}"):
        configuration(PUBLISHED["ia"].model_dump() | change)


def test_a_whole_number_in_a_file_is_taken_as_a_float():
    made = configuration(PUBLISHED["ia"].model_dump() | {"beta": 8})
    assert isinstance(made.beta, float)
