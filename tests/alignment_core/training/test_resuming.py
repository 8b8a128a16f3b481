"""Interrupted trainings resume from their checkpoints and end with the same weights."""

import resource
from dataclasses import replace

import numpy as np
import pytest
from digits_trainings import BACKPROPAGATION, MIRROR, assert_same, numbers, weights

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.models import initialize
from alignment_core.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("small_resnet")


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

    passed_on = []
    new = Trainer(MIRROR)
    resumed = new.fit(on_epoch=passed_on.append, checkpoint_dir=tmp_path)
    assert [report.epoch for report in passed_on] == [2]
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

    warnings = []
    try:
        full = trainer.fit(on_epoch=fill, checkpoint_dir=tmp_path, on_warning=warnings.append)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert numbers(full) == numbers(result)
    assert_same(weights(trainer), ends)
    (warning,) = warnings
    assert warning.startswith("training goes on without a checkpoint: ")
    assert "epoch-2 can't be written" in warning
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-1"]
    assert numbers(trainer.fit(checkpoint_dir=tmp_path)) == numbers(result)


def test_a_finished_training_is_not_repeated(mirror, tmp_path):
    trainer, result, ends = mirror
    trainer.reconfigure(MIRROR)
    trainer.fit(checkpoint_dir=tmp_path)
    initialize(trainer.model, 77)
    passed_on = []
    again = trainer.fit(on_epoch=passed_on.append, checkpoint_dir=tmp_path)
    assert passed_on == []
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


def test_noisy_kolen_pollack_goes_on_to_the_same_end(tmp_path):
    """Tied gradients shrink W - B^T in every layer, and another variance needs no compilation."""
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

    start, passed_on = distances(), []
    result = trainer.fit(on_epoch=passed_on.append)
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
