"""Layers that a trained model calls with `training=False`: R leaves them alone, J trains W."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.contexts import recording
from alignment_core.layers.dense import Dense
from alignment_core.models import initialize
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.rules.product_feedback import ProductFeedbackAlignment
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.regularization import Regularization

# A plain Keras model says so of a backward kernel that stands still.
pytestmark = pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")

KINDS = pytest.mark.parametrize("kind", [AlignedModel, keras.Model])
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 5)).astype("float32"), RNG.integers(0, 3, 16)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RULES = [
    SymmetricAlignment(),
    ActivationAlignment(),
    WeightMirror(amp=1.0, decay=0.1),
    WeightMirror(amp=1.0, decay=0.1, noise_stddev=0.5),
    KolenPollackAngle(angle=1.0, decay=0.1),
]


def model_of(kind, rule, last=False, **calls):
    """Two layers with a rule, of which the first is called as `calls` says, for instance frozen."""

    class Base(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout = keras.layers.Dropout(0.9)
            self.dense = Dense(4, activation="relu", learning_rule=rule, name="hidden")

        def build(self, shape):
            self.dense.build(shape)
            self.built = True

        def call(self, x, training=None):
            return self.dense(self.dropout(x, **calls), **calls)

    class Network(kind):
        def __init__(self):
            super().__init__()
            self.base = Base()
            self.out = Dense(3, learning_rule=rule, relu_follows=False, name="out")

        def call(self, x, training=None):
            # Keras tells a layer that isn't told anything what the layer before it was told.
            own = calls if last else {"training": training}
            return self.out(self.base(x), **own)

    model = Network()
    model(X)
    initialize(model, 1)
    return model


def compiled(model, rule, decay=0.0):
    own = {"weight_decay": decay, "alternating": not rule.needs_pseudogradients}
    own["alignment_optimizer"] = keras.optimizers.SGD(0.1)
    own = own if isinstance(model, AlignedModel) else {}
    model.compile(keras.optimizers.SGD(0.1), LOSS, jit_compile=False, **own)
    return model


def moves(model, name="backward_kernel", **arguments):
    """Return how far `fit` moves a variable of each of the two layers."""
    variables = [getattr(layer, name) for layer in (model.base.dense, model.out)]
    before = [variable.numpy() for variable in variables]
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0, **arguments)
    return [np.abs(v.numpy() - b).max() for v, b in zip(variables, before, strict=True)]


@KINDS
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_layer_that_is_told_so_keeps_its_backward_kernel(kind, rule):
    model = compiled(model_of(kind, rule, training=False), rule)
    first, second = moves(model)
    assert (first, second > 1e-4) == (0, True)
    # J trains its forward kernel, as it does Keras's own layers'.
    assert min(moves(model, "kernel")) > 1e-5
    model = compiled(model_of(kind, rule), rule)
    assert min(moves(model)) > 1e-5


@KINDS
@pytest.mark.parametrize("run_eagerly", [False, True])
def test_parts_of_a_batch_and_eager_steps_leave_it_alone_too(kind, run_eagerly):
    model = model_of(kind, RULES[1], training=False)
    own = {"minibatches": 2, "alignment_optimizer": keras.optimizers.AdamW(0.1, weight_decay=0.5)}
    own = own if kind is AlignedModel else {}
    model.compile(keras.optimizers.SGD(0.1), LOSS, run_eagerly=run_eagerly, **own)
    first, second = moves(model)
    assert (first, second > 1e-4) == (0, True)


@KINDS
@pytest.mark.parametrize("rule", [KolenPollack(decay=0.2), ProductFeedbackAlignment(decay=0.2)])
def test_tied_kernels_move_together_all_the_same(kind, rule):
    """B moves wherever W does, by its gradient and its decay, or B - W^T would not go to zero."""
    ends = []
    for calls in ({}, {"training": False}):
        model = model_of(kind, rule, **calls)
        model.base.dropout.rate = 0.0
        compiled(model, rule, decay=0.2)
        moves(model)
        ends.append([variable.numpy() for variable in model.variables])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_model_none_of_whose_layers_would_learn_is_refused():
    for rule in RULES:
        model = compiled(model_of(AlignedModel, rule, last=True, training=False), rule)
        with pytest.raises(ConfigurationError, match=r"the layers hidden, out with training=False"):
            model.fit(X, Y, verbose=0)


def test_a_functional_model_tells_all_layers_the_same_as_keras_does():
    """Keras 3 replaces the argument that a layer was given when the model was made."""
    inputs = keras.Input((5,))
    dropped = keras.layers.Dropout(0.9)(inputs, training=False)
    layer = Dense(3, learning_rule="symmetric_alignment", name="out")
    model = AlignedModel(inputs, layer(dropped, training=False))
    model.compile("sgd", LOSS)
    assert (model(X, training=True).numpy() != model(X).numpy()).any()
    before = layer.backward_kernel.numpy()
    model.fit(X, Y, verbose=0)
    assert np.abs(layer.backward_kernel.numpy() - before).max() > 1e-4


def test_records_say_what_layers_were_told_and_measurements_count_all():
    model = model_of(AlignedModel, RULES[1], training=False)
    with recording() as calls:
        model(X, training=True)
    assert [call.training for call in calls] == [False, True]
    regularization = Regularization(model)
    seed = tf.constant([0, 0])
    trained, measured = (
        regularization.calls(tf.constant(X), seed, training=each) for each in (True, False)
    )
    assert [len(own) for own in trained] == [0, 1]
    assert [len(own) for own in measured] == [1, 1]


def test_a_layer_that_learns_from_the_error_gets_it():
    found = []
    for calls in ({}, {"training": False}):
        rule = DirectFeedbackAlignment(outputs=3)
        model = model_of(AlignedModel, rule, **calls)
        model.base.dropout.rate = 0.0
        compiled(model, rule)
        model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
        found.append(model.base.dense.kernel.numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)


class Untold(AlignedModel):
    """A model that doesn't tell its layers whether they are trained."""

    def __init__(self):
        super().__init__()
        self.out = Dense(3, learning_rule=ActivationAlignment())

    def call(self, x):
        return self.out(x)


def test_a_model_without_the_argument_trains_its_layers():
    model = Untold()
    model.compile("sgd", LOSS)
    model.fit(X, Y, verbose=0)
    before = model.out.backward_kernel.numpy()
    model.fit(X, Y, verbose=0)
    assert np.abs(model.out.backward_kernel.numpy() - before).max() > 1e-4
