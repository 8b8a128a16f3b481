"""`fit` trains the rules: AlignedModel's and a plain keras.Model's kernels are Trainer's."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shipped import shipped_rules

from alignment_core.layers.aligned import aligned_layers
from alignment_core.models import get_model
from alignment_core.optimizers.optimizers import NesterovMomentum, get_optimizer
from alignment_core.rules.backward_pass import AKROUT_OPERATIONS, BackwardPassOperations
from alignment_core.rules.table import LEARNING_RULES
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.config import TrainingConfig
from alignment_core.training.trainer import Trainer

RATE, STEPS = 0.05, 20
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
OPERATIONS = BackwardPassOperations(fo_bias=True, fo_bwmc=True, bi_bwmc=True, bo_bias=True)
MIRROR = {"amp": 0.02, "decay": 0.1}

CASES = {
    "backpropagation": {},
    "feedback_alignment": {},
    "symmetric_alignment": {"weights": {"self": 1.0, "decay": 1.0}},
    "activation_alignment": {"weights": {"amp": 0.1, "sparse": 0.1}},
    "weight_mirror": {
        "weights": MIRROR,
        "operations": AKROUT_OPERATIONS,
        "noise_stddev": 0.5,
        "alignment_optimizer": "vanilla_gd",
        "alignment_learning_rate": 0.1,
    },
    "information_alignment": {
        "weights": {**MIRROR, "null": 0.01},
        "operations": BackwardPassOperations(fo_relu=True, bo_fwl2n=True),
        "noise_stddev": 0.5,
    },
    "kolen_pollack": {"weights": {"decay": 1e-3}},
    "kolen_pollack_angle": {
        "weights": {"angle": 1.0, "decay": 1e-3},
        "alternating": False,
        "alignment_optimizer": "nesterov_momentum",
        "alignment_learning_rate": RATE,
    },
    "direct_feedback_alignment": {},
    "uniform_sign_feedback": {},
    "fixed_random_sign_feedback": {},
    "batchwise_random_sign_feedback": {},
    "batchwise_random_feedback": {},
    "product_feedback_alignment": {"weights": {"decay": 1e-3}},
}
AT_ONCE = {
    "symmetric_alignment": CASES["symmetric_alignment"],
    "activation_alignment": CASES["activation_alignment"],
    "weight_mirror": {"weights": MIRROR, "operations": OPERATIONS},
    "information_alignment": {
        "weights": {**MIRROR, "null": 0.01},
        "operations": BackwardPassOperations(fo_relu=True, fo_bwmc=True),
    },
    "kolen_pollack": CASES["kolen_pollack"],
    "kolen_pollack_angle": {"weights": {"angle": 1.0, "decay": 1e-3}},
}


def trained(rule, settings, model="dense"):
    """Return a configuration, a trained network, the batches that trained it, and its start."""
    config = TrainingConfig(
        dataset="digits",
        epochs=1,
        batch_size=64,
        learning_rate=RATE,
        learning_rule=rule,
        model=model,
        width=6,
        schedule_epochs=1,
        warmup_epochs=0.0,
        drop_epochs=(),
        weight_decay=1e-3,
        seed=5,
        **settings,
    )
    trainer = Trainer(config)
    assert trainer.steps_per_epoch >= STEPS
    batches = list(trainer._train_batches(0))
    trainer.fit()
    return config, trainer.model, batches, network(config, trainer)


def network(config, trainer):
    kind = LEARNING_RULES[config.learning_rule]
    own = {"outputs": 10} if kind and kind.direct else {}
    rule = kind and kind(config.weights, config.operations, config.noise_stddev, **own)
    shape = trainer.model.input_shape[1:]
    return get_model(config.model)(shape, 10, width=config.width, learning_rule=rule, seed=5)


def data(batches):
    images, labels = (np.concatenate(each) for each in zip(*batches, strict=True))
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(64, drop_remainder=True)


def assert_same_training(model, start, expected, rule):
    for variable, wanted in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_allclose(variable, wanted, rtol=1e-5, atol=1e-5, err_msg=variable.path)
    kind = LEARNING_RULES[rule]
    for before, layer in zip(start, aligned_layers(model), strict=True):
        moved = np.abs(layer.backward_kernel.numpy() - before).max()
        assert (moved > 1e-3) == bool(kind.primitives or kind.tie_gradients)


def kernels(model):
    return [layer.backward_kernel.numpy() for layer in aligned_layers(model)]


def fit_equals_trainer(rule, settings, model="dense"):
    config, expected, batches, plain = trained(rule, settings, model)
    aligned = AlignedModel(plain.inputs, plain.outputs)
    start = kernels(aligned)
    rate = config.alignment_learning_rate
    aligned.compile(
        NesterovMomentum(RATE),
        LOSS,
        alignment_optimizer=get_optimizer(config.alignment_optimizer, learning_rate=rate),
        alternating=config.alternating,
        weight_decay=config.weight_decay,
        seed=config.seed,
    )
    aligned.fit(data(batches), shuffle=False, verbose=0)
    assert_same_training(aligned, start, expected, rule)


def test_fit_trains_a_rules_kernels_as_the_trainer_does():
    fit_equals_trainer("symmetric_alignment", CASES["symmetric_alignment"])


def test_every_rule_is_trained_both_ways():
    assert set(CASES) == shipped_rules()


@pytest.mark.parametrize("rule", CASES)
def test_fit_trains_every_rules_kernels_as_the_trainer_does(rule):
    fit_equals_trainer(rule, CASES[rule])


@pytest.mark.parametrize("rule", ["information_alignment", "activation_alignment"])
def test_fit_trains_convolutions_as_the_trainer_does(rule):
    fit_equals_trainer(rule, CASES[rule], "convnet")


@pytest.mark.parametrize("rule", AT_ONCE)
def test_a_plain_keras_model_trains_as_the_trainer_does_at_once(rule):
    """One optimizer on J + R, with the L2 penalty as Keras's regularizer."""
    own = {"alignment_optimizer": "nesterov_momentum", "alignment_learning_rate": RATE}
    tied = rule == "kolen_pollack"
    settings = AT_ONCE[rule] if tied else {**AT_ONCE[rule], "alternating": False, **own}
    config, expected, batches, plain = trained(rule, settings)
    start = kernels(plain)
    for layer in aligned_layers(plain):
        layer._kernel.regularizer = keras.regularizers.L2(config.weight_decay / 2)
    plain.compile(NesterovMomentum(RATE), LOSS, jit_compile=False)
    plain.fit(data(batches), shuffle=False, verbose=0)
    assert_same_training(plain, start, expected, rule)
