"""Runs: kept as plain values, and the trainings that they are."""

from dataclasses import replace

import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.catalog import SPACES, get_space, recorded_space
from alignsearch.spaces.presets import preset_config
from alignsearch.spaces.runs import Run
from alignsearch.spaces.table5 import PUBLISHED

PRESET = Run(rule="sa", preset="b3", seed=3, width=4, epochs=2, update_noise_variance=0.1)
SEARCHED = Run(
    rule="ia", label="mine", seed=1, width=4, epochs=2, searched=PUBLISHED["ia"], model="convnet"
)


@pytest.mark.parametrize("run", [PRESET, SEARCHED], ids=["preset", "searched"])
def test_a_run_is_read_back_from_its_plain_values(run):
    values = run.values()
    assert {type(each) for each in values.values()} <= {bool, int, float, str, type(None)}
    assert Run.of(values) == run


def test_what_is_no_run_is_refused():
    with pytest.raises(ConfigurationError, match=r"not a run: .*sede"):
        Run.of({"rule": "sa", "sede": 1})


def test_a_presets_run_is_the_presets_training_with_its_noise():
    config = PRESET.training_config(dataset="digits")
    expected = preset_config("sa", "b3", dataset="digits", width=4, epochs=2, seed=3)
    assert expected.drop_epochs == (30, 60)
    assert (config.update_noise_variance, config.alignment_update_noise_variance) == (0.1, 0.0)
    assert vars(config) == vars(expected) | {"update_noise_variance": 0.1}
    assert PRESET.training_config(dataset="digits", update_noise_variance=0.7) == config


def test_a_run_of_an_older_version_keeps_its_values_and_its_weights_order():
    """Without the field of today, and in the order that was the default then."""
    old = {"rule": "wm", "label": "", "seed": 1, "model": "dense", "width": 4, "epochs": 2}
    old |= {"preset": "table5", "weights_order": None, "update_noise_variance": 0.0}
    old |= {"alignment_update_noise_variance": 0.0}
    run = Run.of(old)
    assert run.values() == old
    paper = preset_config("wm", dataset="digits", weights_order="paper").weights
    assert run.training_config(dataset="digits").weights == paper


def test_noise_can_be_on_kolen_pollacks_backward_kernels_alone():
    run = Run(rule="kp", preset="b3", seed=3, width=4, epochs=2, update_noise_variance=0.1)
    alone = replace(run, noisy_variables="backward")
    assert run.training_config(dataset="digits").noisy_variables == "all"
    assert alone.training_config(dataset="digits").noisy_variables == "backward"
    assert Run.of(alone.values()) == alone
    assert alone.values() != run.values()


def test_a_searched_run_of_table5s_column_is_the_column_itself():
    config = SEARCHED.training_config(dataset="digits")
    expected = preset_config("ia", dataset="digits", width=4, epochs=2, seed=1, model="convnet")
    assert vars(config) == vars(expected)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (Run(rule="saa", seed=0, width=4, epochs=1), "rule"),
        (Run(rule="sa", seed=0, width=4, epochs=1, model="resnet19"), "model"),
        (Run(rule="ia", seed=0, width=4, epochs=1, preset="b3"), "preset of ia"),
        (Run(rule="iaa", seed=0, width=4, epochs=1, searched=PUBLISHED["ia"]), "search space"),
    ],
)
def test_a_run_of_unknown_names_is_refused(wrong, kind):
    with pytest.raises(UnknownNameError, match=f"no {kind} is named"):
        wrong.check("digits")


def test_a_list_of_runs_is_recorded_as_a_space_that_nobody_can_search():
    assert recorded_space("runs").sampled == ()
    assert "runs" not in SPACES
    with pytest.raises(UnknownNameError):
        get_space("runs")
    assert recorded_space("ia") is SPACES["ia"]
