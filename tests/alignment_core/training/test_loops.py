"""Layers that a model calls at each step of a sequence: every call counts, or it is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.dense import Dense
from alignment_core.models import initialize
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack
from alignment_core.rules.mirroring import InformationAlignment
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
from alignment_core.training.aligned_model import AlignedModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
LENGTH = 5


def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, LENGTH, 3)).astype("float32"), rng.integers(0, 2, 4)


def unknown_length():
    """The batch in a data set that tells neither the batch's size nor the sequences' length."""
    signature = (tf.TensorSpec((None, None, 3)), tf.TensorSpec((None,), tf.int64))
    data = tf.data.Dataset.from_generator(lambda: iter([batch()]), output_signature=signature)
    return data.repeat()


def trained(kind, rule, length, *, wrapped, known=True):
    inputs = keras.Input((length, 3))
    dense = Dense(4, activation="relu", learning_rule=rule, name="each")
    x = keras.layers.TimeDistributed(dense)(inputs) if wrapped else dense(inputs)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = kind(inputs, Dense(2, learning_rule=rule, relu_follows=False)(x))
    initialize(model, 1)
    own = {"alignment_optimizer": keras.optimizers.SGD(0.1)} if kind is AlignedModel else {}
    model.compile(keras.optimizers.SGD(0.1), LOSS, jit_compile=False, **own)
    data = batch() if known else (unknown_length(),)
    model.fit(*data, steps_per_epoch=1, shuffle=False, verbose=0)
    return [variable.numpy() for variable in model.variables]


@pytest.mark.parametrize("kind", [AlignedModel, keras.Model])
def test_time_distributed_layers_count_each_step(kind):
    """As a layer that takes all positions at once does."""
    rule = InformationAlignment(amp=1.0, decay=0.5, null=0.1)
    expected = trained(kind, rule, LENGTH, wrapped=False)
    for length in (LENGTH, None):
        for found, wanted in zip(trained(kind, rule, length, wrapped=True), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [AlignedModel, keras.Model])
def test_unknown_lengths_are_taken_by_dense_and_refused_in_time_distributed(kind):
    """Keras loops by tf.vectorized_map then, and over the batch's size (Keras 3.15)."""
    rule = ActivationAlignment()
    expected = trained(kind, rule, LENGTH, wrapped=False)
    found = trained(kind, rule, None, wrapped=False, known=False)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    with pytest.raises(ConfigurationError, match=r"'each' is called in a loop.*give keras.Input"):
        trained(kind, rule, None, wrapped=True, known=False)


class Cell(keras.layers.Layer):
    """The simplest cell of an RNN, with one dense layer."""

    state_size = output_size = 4

    def __init__(self, rule, **kwargs):
        super().__init__(**kwargs)
        self.dense = Dense(4, learning_rule=rule, relu_follows=False, name="step")

    def build(self, input_shape):
        self.dense.build((None, input_shape[-1] + 4))
        super().build(input_shape)

    def call(self, x, states, training=None):
        x = keras.ops.concatenate([x, states[0]], axis=-1)
        x = keras.ops.tanh(self.dense(x, training=training))
        return x, [x]


def recurrent(rule, cell=Cell, kind=AlignedModel):
    inputs = keras.Input((LENGTH, 3))
    model = kind(inputs, Dense(2)(keras.layers.RNN(cell(rule))(inputs)))
    own = {"alignment_optimizer": keras.optimizers.SGD(0.1)} if kind is AlignedModel else {}
    model.compile(keras.optimizers.SGD(0.1), LOSS, **own)
    return model


class Mapped(keras.layers.Layer):
    """One dense layer, called at each position in a loop of TensorFlow."""

    def __init__(self, rule, **kwargs):
        super().__init__(**kwargs)
        self.dense = Dense(2, learning_rule=rule, relu_follows=False, name="each")

    def build(self, input_shape):
        self.dense.build((None, input_shape[-1]))
        super().build(input_shape)

    def call(self, x, training=None):
        def at(position):
            return self.dense(position, training=training)

        positions = tf.transpose(x, (1, 0, 2))
        return tf.reduce_mean(tf.map_fn(at, positions, fn_output_signature=tf.float32), 0)


def mapped(rule, kind):
    inputs = keras.Input((LENGTH, 3))
    model = kind(inputs, Mapped(rule)(inputs))
    model.compile(keras.optimizers.SGD(0.1), LOSS)
    return model


@pytest.mark.filterwarnings("ignore:.*does not have a `build")
def test_an_rnns_cell_learns_by_rules_of_kernels_and_refuses_others():
    for rule in (SymmetricAlignment(), KolenPollack(decay=0.1)):
        model = recurrent(rule)
        (layer,) = aligned_layers(model)
        before = layer.backward_kernel.numpy()
        model.fit(*batch(), verbose=0)
        assert np.abs(layer.backward_kernel.numpy() - before).max() > 1e-4
    for rule in (ActivationAlignment(), DirectFeedbackAlignment(outputs=2)):
        with pytest.raises(ConfigurationError, match="'step' is called in a loop"):
            recurrent(rule).fit(*batch(), verbose=0)


def test_a_plain_model_refuses_terms_that_a_loop_holds_and_says_what_to_do():
    loop = r"layer 'each': it is called in a loop.*make the model an AlignedModel"
    for rule in (SymmetricAlignment(), KolenPollack(decay=0.1)):
        with pytest.raises(ConfigurationError, match=loop):
            mapped(rule, keras.Model).fit(*batch(), verbose=0)
        model = mapped(rule, AlignedModel)
        (layer,) = aligned_layers(model)
        before = layer.backward_kernel.numpy()
        model.fit(*batch(), verbose=0)
        assert np.abs(layer.backward_kernel.numpy() - before).max() > 1e-4
    with pytest.raises(ConfigurationError, match=r"layer 'step': .* loop.*all positions at once"):
        recurrent(ActivationAlignment(), kind=keras.Model).fit(*batch(), verbose=0)
    # Feedback alignment adds no term.
    mapped("feedback_alignment", keras.Model).fit(*batch(), verbose=0)


def test_losses_of_a_function_are_refused_outside_of_it():
    model = keras.Sequential([keras.Input((3,)), Dense(2, learning_rule=ActivationAlignment())])
    x = tf.ones((4, 3))

    @tf.function
    def outputs(x):
        return model(x, training=True)

    @tf.function
    def term(x):
        outputs = model(x, training=True)
        return tf.reduce_sum(outputs), tf.add_n(model.losses)

    outputs(x)
    with pytest.raises(ConfigurationError, match=r"layer 'dense.*read model.losses in"):
        tf.add_n(model.losses)
    _, inside = term(x)
    model(x, training=True)
    np.testing.assert_allclose(inside, tf.add_n(model.losses), rtol=1e-5)


def test_layers_without_kernels_are_refused_when_the_model_is_compiled():
    class Late(Cell):
        def build(self, input_shape):
            keras.layers.Layer.build(self, input_shape)

    with pytest.raises(ConfigurationError, match=r"step of .* have no kernels yet"):
        recurrent(SymmetricAlignment(), Late)
