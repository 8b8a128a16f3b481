"""Options of Keras beside a rule: the rule acts, or the option is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.dense import Dense
from alignment_core.models import initialize
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.rules.symmetry import SymmetricAlignment
from alignment_core.training.aligned_model import AlignedModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
KINDS = pytest.mark.parametrize("kind", [AlignedModel, keras.Model])
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 5)).astype("float32"), RNG.integers(0, 3, 16)


def build(rule, kind=AlignedModel, seed=1, **last):
    inputs = keras.Input((5,))
    hidden = Dense(4, activation="relu", learning_rule=rule, name="hidden")(inputs)
    head = Dense(3, **{"learning_rule": rule, "relu_follows": False, "name": "out", **last})
    model = kind(inputs, head(hidden))
    initialize(model, seed)
    return model


def kernels(model):
    return [layer.backward_kernel.numpy().astype("float32") for layer in aligned_layers(model)]


def moves(model, **arguments):
    """Return how far `fit` moves each backward kernel."""
    before = kernels(model)
    model.fit(X, Y, batch_size=8, verbose=0, **arguments)
    return [np.abs(one - other).max() for one, other in zip(kernels(model), before, strict=True)]


def test_both_optimizers_may_have_one_name():
    """Also the name that R's optimizer has if none is given."""
    for own in ({}, {"alignment_optimizer": "adam"}):
        model = build("symmetric_alignment")
        model.compile("adam", LOSS, **own)
        assert model.alignment_optimizer is not model.optimizer


@KINDS
@pytest.mark.parametrize("rule", ["symmetric_alignment", KolenPollack(decay=0.1)])
def test_a_backward_kernel_may_be_frozen_alone(kind, rule):
    model = build(rule, kind)
    hidden = model.get_layer("hidden")
    hidden.backward_kernel.trainable = False
    forward = hidden.kernel.numpy()
    model.compile("sgd", LOSS)
    first, second = moves(model)
    assert (first, second > 1e-4) == (0, True)
    assert np.abs(hidden.kernel.numpy() - forward).max() > 1e-5


class Untold(keras.Model):
    """A model that doesn't tell its layers whether they are trained."""

    def __init__(self):
        super().__init__()
        self.hidden = Dense(4, activation="relu", learning_rule="symmetric_alignment")
        self.out = Dense(3, learning_rule="symmetric_alignment")

    def call(self, x):
        return self.out(self.hidden(x))


def test_a_model_without_the_training_argument_is_trained_all_the_same():
    model = Untold()
    model(X)
    assert model.losses == []
    model.compile("sgd", LOSS, jit_compile=False)
    assert min(moves(model)) > 1e-4
    loop = build("symmetric_alignment", keras.Model)
    with tf.GradientTape():
        loop(X)
        assert len(loop.losses) == 2
        loop(X, training=False)
        assert loop.losses == []


@KINDS
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize(
    "rule",
    [
        SymmetricAlignment(),
        WeightMirror(amp=1.0, decay=0.1, noise_stddev=0.5),
        KolenPollack(decay=0.1),
        KolenPollackAngle(angle=1.0, decay=0.1),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_layers_of_several_types_are_trained_together(kind, dtype, rule):
    """The layer in single precision as if all were, up to the other one's rounding."""
    ends, start = [], build(rule, kind).get_weights()
    for given in ("float32", dtype):
        model = build(rule, kind, dtype=given)
        model.set_weights(start)
        before = kernels(model)
        own = {"weight_decay": 1e-3, "alternating": False, "alignment_optimizer": "sgd"}
        own = own if kind is AlignedModel else {"jit_compile": False}
        model.compile(keras.optimizers.SGD(0.1), LOSS, **own)
        moves(model, shuffle=False)
        ends.append([end - start for end, start in zip(kernels(model), before, strict=True)])
    (one, _), (other, last) = ends
    if kind is AlignedModel or not rule.draws_noise:
        tolerance = 1e-4 if dtype == "float64" else 0.1
        assert np.linalg.norm(one - other) < tolerance * np.linalg.norm(one)
    assert np.abs(last).max() > 1e-4


def test_a_last_batch_that_minibatches_cannot_share_is_refused_in_words():
    model = build("symmetric_alignment")
    model.compile("sgd", LOSS, minibatches=4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="split into 4 equal minibatches"):
        model.fit(X[:14], Y[:14], batch_size=8, verbose=0)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_error_of_probabilities_is_refused(activation):
    """Their gradient isn't the error that Nokland 2016 sends, which is that of the logits."""
    model = build(DirectFeedbackAlignment(outputs=3), activation=activation)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    with pytest.raises(ConfigurationError, match=r"'hidden' sends the error.*from_logits=True"):
        model.fit(X, Y, verbose=0)


def test_the_error_is_that_of_the_places_that_are_not_masked():
    found = []
    words, labels = np.array([[1, 2, 0, 0]] * 4), np.array([[0, 1, 2, 2]] * 4)
    for rule in (None, DirectFeedbackAlignment(outputs=3)):
        inputs = keras.Input((4,), dtype="int32")
        embedded = keras.layers.Embedding(5, 4, mask_zero=True)(inputs)
        model = AlignedModel(inputs, Dense(3, learning_rule=rule)(embedded))
        initialize(model, 1)
        model.compile(keras.optimizers.SGD(0.1), LOSS)
        found.append(model.fit(words, labels, verbose=0).history["loss"])
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_a_model_that_learns_from_the_error_is_exported(tmp_path):
    model = build(DirectFeedbackAlignment(outputs=3))
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(X)
        tape.watch(x)
        found = served.serve(x)
    np.testing.assert_allclose(found, model(X), rtol=1e-5, atol=1e-6)
    # The error doesn't reach an exported layer, so no gradient passes for one.
    assert bool(tf.reduce_all(tf.math.is_nan(tape.gradient(found, x))))
