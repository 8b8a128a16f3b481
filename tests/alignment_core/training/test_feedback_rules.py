"""Trainings under the rules that decide how gradients are propagated: DFA, uSF, brSF, frSF, PFA."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from digits_trainings import assert_same, weights

from alignment_core.errors import ConfigurationError
from alignment_core.layers.dense import Dense
from alignment_core.models import get_model
from alignment_core.optimizers.optimizers import NesterovMomentum
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
from alignment_core.rules.product_feedback import ProductFeedbackAlignment
from alignment_core.rules.table import LEARNING_RULES
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.config import TrainingConfig
from alignment_core.training.trainer import Trainer

DECAY = 0.01
"""Product feedback alignment aligns as fast as both kernels decay."""

BACKPROPAGATION = TrainingConfig(
    dataset="digits",
    epochs=6,
    batch_size=64,
    learning_rate=0.05,
    model="dense",
    width=16,
    schedule_epochs=100,
    warmup_epochs=0,
    weight_decay=DECAY,
)
RULES = {
    "direct_feedback_alignment": {},
    "uniform_sign_feedback": {},
    "batchwise_random_sign_feedback": {},
    "fixed_random_sign_feedback": {},
    "product_feedback_alignment": {"decay": DECAY},
}
BATCHWISE = replace(BACKPROPAGATION, learning_rule="batchwise_random_sign_feedback", epochs=2)


@pytest.fixture(scope="module", params=RULES)
def trained(request):
    """A rule's name, its trainer, and the result of a training."""
    config = replace(BACKPROPAGATION, learning_rule=request.param, weights=RULES[request.param])
    trainer = Trainer(config)
    return request.param, trainer, trainer.fit()


def test_digits_are_learnt_by_each(trained):
    rule, _, result = trained
    assert result.chance_error > 0.85
    assert result.validation_error < 0.4, rule


def test_its_layers_are_measured(trained):
    rule, _, result = trained
    *hidden, last = result.epochs[-1].layers
    for layer in hidden:
        assert 0 < layer.gradient_angle < 90
        if rule == "direct_feedback_alignment":
            assert math.isnan(layer.angle)
            assert math.isnan(layer.norm_ratio)
            assert layer.sign_agreement is None
        elif rule != "product_feedback_alignment":
            # Equal signs, so less than 90 degrees: uniform weights and magnitudes have cos 3/4.
            assert 10 < layer.angle < 60
            assert layer.sign_agreement == 1
    assert last.gradient_angle == pytest.approx(0, abs=1e-3)


def test_another_rule_needs_another_network(trained):
    rule, trainer, _ = trained
    assert not trainer.reconfigure(replace(BACKPROPAGATION, learning_rule="feedback_alignment"))
    others = [other for other in RULES if other != rule]
    for other in others:
        config = replace(BACKPROPAGATION, learning_rule=other, weights=RULES[other])
        assert not trainer.reconfigure(config)
    same = replace(trainer._config, seed=7)
    assert trainer.reconfigure(same)


def test_new_magnitudes_are_drawn_at_each_step_and_the_same_after_a_resume(tmp_path):
    whole = Trainer(BATCHWISE)
    result = whole.fit()
    stopping = Trainer(BATCHWISE)
    steps = iter(range(10**9))
    interrupted = stopping.fit(should_stop=lambda: next(steps) > 30, checkpoint_dir=tmp_path)
    assert interrupted.status == "interrupted"
    resumed = Trainer(BATCHWISE)
    again = resumed.fit(checkpoint_dir=tmp_path)
    assert_same(weights(whole), weights(resumed))
    assert [e.validation_loss for e in again.epochs] == [e.validation_loss for e in result.epochs]

    fixed = Trainer(replace(BATCHWISE, learning_rule="fixed_random_sign_feedback"))
    fixed.fit()
    assert not np.allclose(weights(fixed)[0], weights(whole)[0])


def test_the_parts_of_a_batch_share_its_magnitudes():
    """Without batch norm, a batch in two parts has the gradients of the whole one."""
    one, two = (
        Trainer(replace(BATCHWISE, epochs=1)),
        Trainer(replace(BATCHWISE, epochs=1, minibatches=2)),
    )
    one.fit()
    two.fit()
    for found, expected in zip(weights(two), weights(one), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("minibatches", [1, 2])
def test_fit_draws_the_magnitudes_that_the_trainer_draws(minibatches):
    config = replace(BATCHWISE, epochs=1, schedule_epochs=1, drop_epochs=(), seed=4)
    trainer = Trainer(config)
    batches = list(trainer._train_batches(0))
    trainer.fit()
    rule = LEARNING_RULES[config.learning_rule]()
    plain = get_model("dense")(
        trainer.model.input_shape[1:], 10, width=16, learning_rule=rule, seed=4
    )
    model = AlignedModel(plain.inputs, plain.outputs)
    model.compile(
        NesterovMomentum(config.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weight_decay=config.weight_decay,
        minibatches=minibatches,
        seed=config.seed,
    )
    for images, labels in batches:
        model.train_on_batch(images, labels)
    for found, expected in zip(model.variables, trainer.model.variables, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=found.path)


def small_model(kind, rule):
    """Two dense layers in a model of a class, with given weights."""
    layers = [
        keras.Input((4,)),
        Dense(6, activation="relu", learning_rule=rule, use_bias=False),
        Dense(3, learning_rule=rule, use_bias=False),
    ]
    x = layers[0]
    for layer in layers[1:]:
        x = layer(x)
    model = kind(layers[0], x)
    loss = keras.losses.MeanSquaredError(reduction="sum")
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model, layers[1:]


def test_a_step_of_fit_in_an_aligned_model_sends_the_error_directly(rng):
    model, (first, second) = small_model(AlignedModel, DirectFeedbackAlignment(outputs=3))
    x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
    w1, w2, b2 = (v.numpy() for v in (first.kernel, second.kernel, second.backward_kernel))
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    hidden = np.maximum(x @ w1, 0)
    # Keras's squared error is the mean over the outputs, and summed over the batch here.
    error = 2 * (hidden @ w2 - y) / 3
    expected = w1 - 0.1 * x.T @ (error @ b2 * (hidden > 0))
    np.testing.assert_allclose(first.kernel, expected, atol=1e-5)
    np.testing.assert_allclose(second.kernel, w2 - 0.1 * hidden.T @ error, atol=1e-5)


def test_keras_own_model_refuses_the_rule_that_needs_the_error(rng):
    model, _ = small_model(keras.Model, DirectFeedbackAlignment(outputs=3))
    with pytest.raises(ConfigurationError, match="use AlignedModel or Trainer"):
        model.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 3)), verbose=0)


def test_a_rule_for_another_number_of_outputs_is_refused_by_name(rng):
    model, _ = small_model(AlignedModel, DirectFeedbackAlignment(outputs=4))
    with pytest.raises(ConfigurationError, match=r"made for 4 outputs .* give the rule outputs=3"):
        model.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 3)), verbose=0)


def test_fit_moves_both_kernels_of_product_feedback(rng):
    model, (first, _) = small_model(AlignedModel, ProductFeedbackAlignment(decay=0.5))
    before = first.backward_kernel.numpy()
    model.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 3)), epochs=2, verbose=0)
    assert np.abs(first.backward_kernel.numpy() - before).max() > 1e-3
