"""Whole trainings: they learn, they repeat bit by bit, and used trainers equal new ones."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from digits_trainings import (
    BACKPROPAGATION,
    INFORMATION,
    MIRROR,
    assert_same,
    numbers,
    weights,
)

from alignment_core.layers.aligned import aligned_layers
from alignment_core.models import initialize
from alignment_core.rules.table import LEARNING_RULES
from alignment_core.training import accelerators
from alignment_core.training.trainer import PHASES, Trainer
from alignment_core.training.trainer_cache import trainer_for

pytestmark = pytest.mark.usefixtures("small_resnet")


@pytest.mark.parametrize("rule", ["backpropagation", "weight_mirror"])
def test_digits_are_learnt(rule, whole_resnet):
    config = MIRROR if rule == "weight_mirror" else BACKPROPAGATION
    config = replace(config, epochs=3, batch_size=32, width=8, schedule_epochs=45)
    result = Trainer(config).fit()
    assert result.status == "ok"
    assert result.chance_error == pytest.approx(1 - 37 / 360)
    assert result.validation_error < 0.3
    assert result.epochs[-1].train_accuracy > 0.7


def test_a_result_sums_its_epochs_up(mirror):
    _, result, _ = mirror
    told = []
    again = mirror[0].fit(on_epoch=told.append)
    assert tuple(told) == again.epochs
    assert [report.epoch for report in result.epochs] == [1, 2]
    errors = [1 - report.validation_accuracy for report in result.epochs]
    assert result.validation_error == errors[-1]
    assert result.best_validation_error == min(errors) == errors[result.best_epoch - 1]
    assert result.epochs_done == 2
    assert set(result.timings) == {"build", *PHASES}
    assert result.timings["build"] > 0
    assert result.timings["trace"] > 0
    last = result.epochs[-1]
    assert len(last.layers) == len(aligned_layers(mirror[0].model)) == 7
    assert all(0 <= layer.angle <= 180 for layer in last.layers)
    assert all(0 < layer.gradient_angle < 180 for layer in last.layers[:-1])
    assert last.layers[-1].gradient_angle == pytest.approx(0, abs=1e-3)
    assert np.isfinite(last.alignment_loss)


def test_rates_are_those_of_the_compressed_schedule(mirror):
    """2 epochs stand for 4 of the paper: of the warm-up of 6, two thirds are done."""
    _, result, _ = mirror
    assert [r.learning_rate for r in result.epochs] == pytest.approx([0.125 / 3, 0.25 / 3])
    assert [r.alignment_learning_rate for r in result.epochs] == pytest.approx([0.01 / 3, 0.02 / 3])


def test_backpropagation_reports_no_alignment():
    result = trainer_for(replace(BACKPROPAGATION, epochs=1)).fit()
    report = result.epochs[0]
    assert report.alignment_loss is None
    assert report.layers == ()
    assert report.alignment_learning_rate == 0.0


def test_one_configuration_gives_one_training_on_a_new_and_on_a_used_trainer(mirror):
    """The used trainer trains another rule, batch size, learning rate and seed in between."""
    trainer, result, ends = mirror
    assert trainer.reconfigure(INFORMATION)
    other = trainer.fit()
    assert other.status == "ok"
    assert np.abs(weights(trainer)[0] - ends[0]).max() > 1e-3
    information = weights(trainer)
    assert trainer.reconfigure(MIRROR)
    assert numbers(trainer.fit()) == numbers(result)
    assert_same(weights(trainer), ends)

    new = Trainer(INFORMATION)
    assert numbers(new.fit()) == numbers(other)
    assert_same(weights(new), information)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"noise_stddev": 0.4},
        {"weights": {"amp": 1.0, "decay": 5.0}},
        {"learning_rate": 0.1},
        {"alignment_learning_rate": 0.02},
        {"weight_decay": 0.01},
        {"delay_epochs": 2.0},
        {"alternating": False},
        {"drop_epochs": (2.0,)},
        {"schedule_epochs": 8.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_value_matters_on_a_used_trainer(mirror, change):
    trainer, _, ends = mirror
    assert trainer.reconfigure(replace(MIRROR, **change))
    trainer.fit()
    kernels = range(len(ends))
    assert any(not np.array_equal(weights(trainer)[index], ends[index]) for index in kernels)


def test_another_structure_needs_another_trainer():
    trainer = trainer_for(MIRROR)
    assert trainer_for(INFORMATION) is trainer
    for change in (
        {"width": 8},
        {"alignment_optimizer": "vanilla_gd"},
        {"learning_rule": "backpropagation", "weights": {}},
        {"minibatches": 2},
        {"update_noise_variance": 0.1},
        {"learning_rule": "kolen_pollack", "weights": {"decay": 0.1}},
        {"dataset": "fashion_mnist"},
    ):
        assert not trainer.reconfigure(replace(MIRROR, **change))
    assert trainer_for(replace(MIRROR, width=2)) is not trainer
    assert trainer_for(MIRROR) is trainer


def test_a_second_training_of_the_same_structure_compiles_nothing(mirror):
    trainer, _, _ = mirror
    for change in ({}, {"seed": 9, "noise_stddev": 0.1, "learning_rate": 1.0, "epochs": 1}):
        trainer.reconfigure(replace(MIRROR, **change))
        trainer.fit()
        result = trainer.fit()
        assert result.timings["trace"] == 0
        assert result.timings["build"] == 0


def test_during_the_delay_only_the_backward_kernels_move(mirror):
    """One of 2 epochs is delay. No forward pass runs, so batch norm's moments stay, too."""
    trainer, _, _ = mirror
    trainer.reconfigure(replace(MIRROR, delay_epochs=2.0))
    after_delay = []
    result = trainer.fit(on_epoch=lambda _: after_delay.append(weights(trainer)))
    first, second = result.epochs
    assert first.loss is None
    assert first.train_accuracy is None
    assert first.learning_rate == 0
    assert first.alignment_learning_rate == second.alignment_learning_rate == pytest.approx(0.01)
    assert second.loss is not None

    initialize(trainer.model, MIRROR.seed)
    backward = {id(layer.backward_kernel) for layer in aligned_layers(trainer.model)}
    for variable, value in zip(trainer.model.variables, after_delay[0], strict=True):
        assert np.array_equal(variable.numpy(), value) == (id(variable) not in backward)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"learning_rate": 1e30}, "loss became nan in epoch 1"),
        (
            {"delay_epochs": 2.0, "alignment_learning_rate": 1e30},
            "the alignment loss became",
        ),
    ],
)
def test_a_loss_that_is_no_number_ends_the_training(mirror, change, reason):
    trainer, result, _ = mirror
    trainer.reconfigure(replace(MIRROR, **change))
    diverged = trainer.fit()
    assert diverged.status == "diverged"
    assert reason in diverged.reason
    assert diverged.epochs_done == 0
    assert diverged.validation_error is None
    trainer.reconfigure(MIRROR)
    assert numbers(trainer.fit()) == numbers(result)


def test_the_rule_of_ones_own_in_the_documents_trains(monkeypatch, capsys):
    """The example of docs/experiments.md runs, with a smaller network and fewer epochs."""
    monkeypatch.setitem(LEARNING_RULES, "sparse_mirror", None)  # Taken out again afterwards.
    document = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text()
    _, example = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    for size, smaller in (("epochs=3", "epochs=1"), ("=32", "=256"), ("width=8", "width=2")):
        assert example.count(size) == 1
        example = example.replace(size, smaller)
    exec(compile(example, "experiments.md", "exec"), {"__name__": "example"})
    assert re.fullmatch(r"[\d.]+%\n", capsys.readouterr().out)


def test_two_replicas_train_as_two_minibatches_do():
    """Each replica has half of the batch, batch norm sees its half, and the noise is shared."""
    config = replace(BACKPROPAGATION, epochs=1, batch_size=400, width=2, warmup_epochs=0.0)
    config = replace(config, learning_rate=0.1, update_noise_variance=0.01)
    with accelerators.get_strategy("mirrored").scope():
        mirrored = Trainer(config)
        result = mirrored.fit()
    parts = Trainer(replace(config, minibatches=2))
    expected = parts.fit()
    pairs = zip(mirrored.model.trainable_variables, parts.model.trainable_variables, strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(result.epochs[0].loss, expected.epochs[0].loss, rtol=1e-4)
