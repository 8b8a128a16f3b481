"""Validation errors of trained networks whose weights or images are disturbed."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core import data
from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.dense import Dense
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.training import accelerators
from alignment_core.training.disturbances import DISTURBANCES, Disturbance
from alignment_core.training.objectives import Objectives
from alignment_core.training.robustness import noisy_kernels
from alignment_core.training.trainer import Trainer, TrainingConfig

CONFIG = TrainingConfig(
    dataset="digits",
    epochs=3,
    batch_size=64,
    learning_rate=0.1,
    warmup_epochs=0,
    model="dense",
    width=16,
    learning_rule="symmetric_alignment",
    weights={"self": 1.0, "decay": 1.0},
    seed=5,
)
NONE = tuple(Disturbance(each, 0.0) for each in ("weight_noise", "image_noise", "fgsm"))


class Measured:
    """A training, its weights before and after the measurement, and the errors."""

    def __init__(self, config, strategy="one"):
        with accelerators.get_strategy(strategy).scope():
            self.trainer = Trainer(config)
            self.result = self.trainer.fit()
            self.before = self.weights()
            self.errors = self.trainer.robustness()
            self.undisturbed = self.trainer._robustness.errors(config.seed, NONE)
        self.after = self.weights()

    def weights(self):
        return [variable.numpy() for variable in self.trainer.model.variables]


@pytest.fixture(scope="module")
def measured():
    return Measured(CONFIG)


@pytest.fixture(
    scope="module",
    params=["plain", "direct", "bfloat16", "xla", "mirrored"],
)
def case(request, measured):
    if request.param == "plain":
        return measured
    if request.param == "mirrored":
        return Measured(CONFIG, "mirrored")
    changes = {
        "direct": {"learning_rule": "direct_feedback_alignment", "weights": {}},
        "bfloat16": {"precision": "bfloat16"},
        "xla": {"jit_compile": True},
    }
    return Measured(replace(CONFIG, **changes[request.param]))


def test_weights_are_the_same_afterwards_bit_by_bit(case):
    for before, after in zip(case.before, case.after, strict=True):
        assert before.tobytes() == after.tobytes()


def test_a_level_of_zero_leaves_the_error_as_it_is(case):
    assert len(case.undisturbed) == 3
    for error in case.undisturbed.values():
        assert error == pytest.approx(case.result.validation_error, abs=1e-9)


def test_errors_are_shares_and_grow_with_the_level(case):
    assert list(case.errors) == [each.name for each in DISTURBANCES]
    assert all(0 <= error <= 1 for error in case.errors.values())
    trained, found = case.result.validation_error, case.errors
    assert found["error_fgsm_0.1"] > found["error_fgsm_0.03"] > trained
    # An attack harms more than noise that moves images as far.
    assert found["error_fgsm_0.1"] > found["error_image_noise_0.1"]
    assert found["error_weight_noise_0.3"] > trained - 0.01


def test_two_replicas_measure_nearly_what_one_device_does(measured):
    """Their noise is of other numbers, and their weights are equal up to rounding."""
    two = Measured(CONFIG, "mirrored")
    for name, error in measured.errors.items():
        assert two.errors[name] == pytest.approx(error, abs=0.03), name


def test_a_measurement_can_be_repeated_and_follows_the_seed(measured):
    assert measured.trainer.robustness() == measured.errors
    other = measured.trainer._robustness.errors(6)
    assert other.keys() == measured.errors.keys()
    assert other != measured.errors
    attacks = [name for name in other if "fgsm" in name]
    assert [other[name] for name in attacks] == [measured.errors[name] for name in attacks]


def test_further_levels_and_batches_trace_nothing(measured):
    robustness = measured.trainer._robustness
    graphs = [*robustness._directions.values(), robustness._evaluate_moved]
    before = [graph.experimental_get_tracing_count() for graph in graphs]
    robustness.errors(7, [Disturbance(each.kind, 0.2) for each in NONE])
    assert [graph.experimental_get_tracing_count() for graph in graphs] == before == [1, 1, 1]


def test_it_stops_when_asked_with_the_weights_as_they_were(measured):
    asked = []

    def should_stop():
        asked.append(True)
        return len(asked) > 1

    assert measured.trainer.robustness(should_stop) is None
    for before, after in zip(measured.before, measured.weights(), strict=True):
        assert before.tobytes() == after.tobytes()


def test_images_are_measured_in_units_of_all_validation_pixels(measured):
    images = data.load("digits").validation_images.astype(np.float64)
    assert measured.trainer._robustness._stddev == pytest.approx(images.std(), rel=1e-5)


def test_image_noise_of_the_name_gives_the_error_of_the_name(measured):
    """The same level of noise from another generator, on the same network."""
    found = data.load("digits")
    images = found.validation_images
    rng = np.random.default_rng(0)
    level = 1.0
    errors = []
    for _ in range(5):
        noise = rng.normal(scale=level * images.std(), size=images.shape)
        logits = measured.trainer.model((images + noise).astype("float32"))
        errors.append(np.mean(np.argmax(logits, axis=-1) != found.validation_labels))
    got = measured.trainer._robustness.errors(5, [Disturbance("image_noise", level)])
    assert got["error_image_noise_1"] == pytest.approx(np.mean(errors), abs=0.06)
    assert np.mean(errors) > measured.result.validation_error + 0.05


def test_noise_in_weights_has_the_size_that_its_level_says():
    model = keras.Sequential([keras.Input((40,)), Dense(300), keras.layers.Dense(200)])
    before = [layer.kernel.numpy().astype(np.float64) for layer in model.layers]
    moves = {}
    for level in (0.1, 0.3):
        with noisy_kernels(model, level, seed=1):
            after = [layer.kernel.numpy() for layer in model.layers]
        moves[level] = [one - other for one, other in zip(after, before, strict=True)]
        for move, kernel in zip(moves[level], before, strict=True):
            size = np.sqrt(np.mean(kernel**2))
            # The deviation of a standard deviation from 12,000 numbers is 0.6 %.
            assert move.std() == pytest.approx(level * size, rel=0.03)
            assert abs(move.mean()) < 0.05 * level * size
    # Levels share their numbers, layers don't.
    for small, large in zip(moves[0.1], moves[0.3], strict=True):
        np.testing.assert_allclose(large, 3 * small, atol=1e-6)
    assert abs(np.corrcoef(*(move.ravel()[:12_000] for move in moves[0.1]))[0, 1]) < 0.05


def test_weights_come_back_when_the_measurement_fails():
    model = keras.Sequential([keras.Input((4,)), Dense(3)])
    before = model.layers[0].kernel.numpy()

    def fail():
        with noisy_kernels(model, 0.5, seed=0):
            assert (model.layers[0].kernel.numpy() != before).all()
            raise ConfigurationError("a test")

    with pytest.raises(ConfigurationError, match="a test"):
        fail()
    assert model.layers[0].kernel.numpy().tobytes() == before.tobytes()


def test_an_attack_follows_the_gradient_written_down(rng):
    """Softmax cross-entropy of two dense layers; the pseudogradient would point elsewhere."""
    rule = FeedbackAlignment({})
    model = keras.Sequential(
        [
            keras.Input((2, 3, 1)),
            keras.layers.Flatten(),
            Dense(5, activation="relu", learning_rule=rule),
            Dense(4, learning_rule=rule),
        ]
    )
    hidden, output = aligned_layers(model)
    images = rng.normal(size=(7, 2, 3, 1)).astype("float32")
    labels = rng.integers(0, 4, 7).astype("int32")
    w1, b1, w2, b2 = (
        each.numpy().astype(np.float64)
        for each in (hidden.kernel, hidden.bias, output.kernel, output.bias)
    )

    def direction(back):
        x = images.reshape(7, 6).astype(np.float64)
        before = x @ w1 + b1
        logits = np.maximum(before, 0) @ w2 + b2
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        error = share - np.eye(4)[labels]
        return ((error @ back[1]) * (before > 0)) @ back[0]

    true = direction((w1.T, w2.T)).reshape(images.shape)
    pseudo = direction((hidden.backward_kernel.numpy(), output.backward_kernel.numpy()))
    assert (np.sign(true) != np.sign(pseudo.reshape(images.shape))).any()
    found = Objectives(model, tf.Variable(0.0)).attack_direction(
        tf.constant(images), tf.constant(labels)
    )
    np.testing.assert_array_equal(found.numpy(), np.sign(true))


def test_a_step_of_the_attack_has_the_units_of_the_images(measured):
    """The error of the name, from images that are moved here by the direction."""
    found = data.load("digits")
    images, labels = found.validation_images, found.validation_labels
    network = measured.trainer._network
    direction = network.objectives.attack_direction(tf.constant(images), tf.constant(labels))
    moved = images + 0.1 * images.std() * direction.numpy()
    error = np.mean(np.argmax(measured.trainer.model(moved), axis=-1) != labels)
    assert measured.errors["error_fgsm_0.1"] == pytest.approx(error, abs=0.003)


def test_every_disturbance_has_a_name_of_its_own():
    assert len({each.name for each in DISTURBANCES}) == len(DISTURBANCES)
    assert Disturbance("weight_noise", 0.1).name == "error_weight_noise_0.1"
    assert Disturbance("fgsm", 0.03).label == "validation error after an FGSM step of 0.03"
