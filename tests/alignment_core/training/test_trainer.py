"""Whole trainings: what they learn, that they repeat, stop, and go on."""

import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.models import initialize
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.table import LEARNING_RULES
from alignment_core.training import accelerators
from alignment_core.training.trainer import PHASES, Trainer, TrainingConfig, trainer_for

pytestmark = pytest.mark.usefixtures("small_resnet")

BACKPROPAGATION = TrainingConfig(
    dataset="digits", epochs=2, batch_size=128, learning_rate=0.125, width=4, schedule_epochs=4
)
MIRROR = replace(
    BACKPROPAGATION,
    learning_rule="weight_mirror",
    weights={"amp": 1.0, "decay": 0.5},
    operations=BackwardPassOperations(fo_bias=True, fo_relu=True, fo_bwmc=True, bi_bwmc=True),
    noise_stddev=0.5,
    alignment_learning_rate=0.01,
)
INFORMATION = replace(
    MIRROR,
    learning_rule="information_alignment",
    weights={"amp": 10.0, "decay": 1.0, "null": 0.1},
    operations=BackwardPassOperations(bo_fwl2n=True),
    batch_size=64,
    learning_rate=0.25,
    noise_stddev=0.9,
    alternating=False,
    seed=3,
)


@pytest.fixture(scope="module")
def mirror():
    """One trainer for the tests that need no new one, with the result of a first training."""
    trainer = Trainer(MIRROR)
    return trainer, trainer.fit(), weights(trainer)


def weights(trainer):
    return [variable.numpy() for variable in trainer.model.variables]


def assert_same(one, other):
    for value, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(value, same)


def numbers(result):
    """A result without what the clock adds to it."""
    return replace(
        result,
        timings={},
        epochs=tuple(replace(epoch, seconds=0.0) for epoch in result.epochs),
    )


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
    """2 epochs for the paper's 4: a warm-up of 6 paper epochs is two thirds done."""
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
    """The used one has trained another rule, batch size, rate and seed in between."""
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


def test_what_a_trainer_can_not_take_needs_another_one():
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
    """One of 2 epochs is delay; nothing runs forward either: no batch norm moment moves."""
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


def test_an_interrupted_training_goes_on_to_the_same_end(mirror, tmp_path):
    trainer, result, ends = mirror
    trainer.reconfigure(MIRROR)
    asked = []

    def in_the_second_epoch():
        asked.append(True)
        return len(asked) > 15

    interrupted = trainer.fit(should_stop=in_the_second_epoch, checkpoint_dir=tmp_path)
    assert interrupted.status == "interrupted"
    assert "epoch 2" in interrupted.reason
    assert interrupted.epochs_done == 1

    told = []
    new = Trainer(MIRROR)
    resumed = new.fit(on_epoch=told.append, checkpoint_dir=tmp_path)
    assert [report.epoch for report in told] == [2]
    assert numbers(resumed) == numbers(result)
    assert_same(weights(new), ends)
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-1-step-4", "epoch-2"}


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(mirror, tmp_path):
    trainer, result, ends = mirror
    trainer.reconfigure(MIRROR)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(report):
        if report.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))

    said = []
    try:
        full = trainer.fit(on_epoch=fill, checkpoint_dir=tmp_path, on_warning=said.append)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert numbers(full) == numbers(result)
    assert_same(weights(trainer), ends)
    (warning,) = said
    assert warning.startswith("training goes on without a checkpoint: ")
    assert "epoch-2 can't be written" in warning
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-1"]
    assert numbers(trainer.fit(checkpoint_dir=tmp_path)) == numbers(result)


def test_a_finished_training_is_not_repeated(mirror, tmp_path):
    trainer, result, ends = mirror
    trainer.reconfigure(MIRROR)
    trainer.fit(checkpoint_dir=tmp_path)
    initialize(trainer.model, 77)
    told = []
    again = trainer.fit(on_epoch=told.append, checkpoint_dir=tmp_path)
    assert told == []
    assert numbers(again) == numbers(result)
    assert_same(weights(trainer), ends)


def test_the_state_of_another_training_is_refused(mirror, tmp_path):
    trainer, _, _ = mirror
    trainer.reconfigure(replace(MIRROR, epochs=1))
    trainer.fit(checkpoint_dir=tmp_path)
    trainer.reconfigure(replace(MIRROR, epochs=1, seed=5))
    with pytest.raises(ConfigurationError, match="seed differ"):
        trainer.fit(checkpoint_dir=tmp_path)


def test_an_unfinished_state_does_no_harm(mirror, tmp_path):
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "state.index").write_bytes(b"half of it")
    trainer, result, _ = mirror
    trainer.reconfigure(MIRROR)
    assert numbers(trainer.fit(checkpoint_dir=tmp_path)) == numbers(result)


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 1438}, "1,437"),
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"minibatches": 3}, "3 equal parts"),
        (
            {"delay_epochs": 1.0, "learning_rule": "feedback_alignment", "weights": {}},
            "no alignment loss",
        ),
        ({"delay_epochs": 4.0}, "delay"),
        ({"weights": {"amp": 1.0}}, "amp, decay"),
        ({"weights": {"amp": 1.0, "decay": float("inf")}}, "decay"),
        ({"noise_stddev": 0.0}, "noise_stddev"),
        ({"update_noise_variance": -1.0}, "update_noise_variance"),
        (
            {
                "alignment_update_noise_variance": 0.1,
                "learning_rule": "kolen_pollack",
                "weights": {"decay": 0.1},
            },
            "no optimizer of its own",
        ),
        (
            {"learning_rule": "kolen_pollack_angle", "weights": {"angle": 1.0, "decay": 0.1}},
            "alternating to False",
        ),
        ({"learning_rule": "backpropagation"}, "no weights"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_built(change, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(MIRROR, **change)


def test_unknown_names_are_refused():
    for field in ("dataset", "model", "learning_rule", "alignment_optimizer"):
        with pytest.raises(UnknownNameError):
            replace(MIRROR, **{field: "nothing"})


def test_noisy_kolen_pollack_goes_on_to_the_same_end(tmp_path):
    """Tied gradients shrink W - B^T in every layer; another variance compiles nothing."""
    config = replace(
        BACKPROPAGATION,
        learning_rule="kolen_pollack",
        weights={"decay": 0.2},
        weight_decay=0.2,
        update_noise_variance=1e-3,
    )
    trainer = Trainer(config)
    layers = aligned_layers(trainer.model)

    def distances():
        return [np.linalg.norm(a.as_backward(a.kernel) - a.backward_kernel) for a in layers]

    start, told = distances(), []
    result = trainer.fit(on_epoch=told.append)
    ends = weights(trainer)
    assert all(after < 0.9 * before for before, after in zip(start, distances(), strict=True))
    assert all(layer.gradient_angle is not None for layer in result.epochs[-1].layers)
    assert result.epochs[-1].alignment_loss is None

    trainer.fit(should_stop=lambda: len(list(tmp_path.iterdir())) > 0, checkpoint_dir=tmp_path)
    assert numbers(trainer.fit(checkpoint_dir=tmp_path)) == numbers(result)
    assert_same(weights(trainer), ends)

    assert trainer.reconfigure(replace(config, update_noise_variance=0.1))
    assert trainer.fit().timings["trace"] == 0
    assert np.abs(weights(trainer)[0] - ends[0]).max() > 1e-3


def test_the_readmes_own_rule_trains(monkeypatch, capsys):
    """The example as it stands, but for the size."""
    monkeypatch.setitem(LEARNING_RULES, "sparse_mirror", None)  # Taken out again afterwards.
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    for size, smaller in (("epochs=3", "epochs=1"), ("=32", "=256"), ("width=8", "width=2")):
        assert example.count(size) == 1
        example = example.replace(size, smaller)
    exec(compile(example, "README.md", "exec"), {"__name__": "example"})
    assert re.fullmatch(r"[\d.]+%\n", capsys.readouterr().out)


def test_two_replicas_train_as_two_minibatches_do():
    """Each replica sees half of the batch, and batch norm only its own half; noise is one."""
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
