"""A model trains the rules that its layers have, also after a rule or the model has changed."""

import gc
import weakref

import keras
import numpy as np
import pytest

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.dense import Dense
from alignment_core.models import initialize
from alignment_core.rules.kolen_pollack import KolenPollack
from alignment_core.rules.sign_feedback import UniformSignFeedback
from alignment_core.rules.symmetry import SymmetricAlignment
from alignment_core.training.aligned_model import AlignedModel

X, Y = np.random.default_rng(0).normal(size=(8, 4)), np.ones((8, 3))


def model_of(layer, kind=AlignedModel, name=None):
    inputs = keras.Input((4,))
    return kind(inputs, layer(inputs), name=name)


def moved(model, layer):
    before = layer.backward_kernel.numpy()
    model.fit(X, Y, batch_size=8, verbose=0)
    return layer.backward_kernel.numpy() - before


def test_a_layer_of_two_trained_models_is_refused_when_the_second_is_compiled():
    shared = Dense(3, learning_rule=SymmetricAlignment(), name="shared")
    first, second = (model_of(shared, name=name) for name in ("first", "second"))
    first.compile("sgd", "mse")
    with pytest.raises(ConfigurationError, match="'shared' is trained by the model 'first'"):
        second.compile("sgd", "mse")
    first.compile("sgd", "mse")
    gone = weakref.ref(first)
    del first
    second.compile("sgd", "mse")
    assert gone() is None
    second.fit(X, Y, verbose=0)


def test_a_layer_of_two_plain_models_is_refused_before_the_second_one_trains():
    """Keras's own compile doesn't ask the layers, so it comes when the step is traced."""
    shared = Dense(3, learning_rule=SymmetricAlignment(), name="shared")
    first, second = (model_of(shared, keras.Model, name) for name in ("first", "second"))
    for each in (first, second):
        each.compile("sgd", "mse")
    first.train_on_batch(X, Y)
    weights = [variable.numpy() for variable in second.variables]
    with pytest.raises(ConfigurationError, match="'shared' is trained by the model 'first'"):
        second.fit(X, Y, verbose=0)
    for variable, before in zip(second.variables, weights, strict=True):
        np.testing.assert_array_equal(variable, before)


def test_a_layer_that_stays_as_it_is_may_be_shared():
    fixed = Dense(3, learning_rule="feedback_alignment")
    for _ in range(2):
        model = model_of(fixed)
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("kind", [AlignedModel, keras.Model])
def test_a_rule_that_is_replaced_between_two_fits_acts_from_the_next(kind):
    """At first B goes to W^T, then it decays: B moves by -0.1 B, up to W's own step."""
    layer = Dense(3, learning_rule=SymmetricAlignment())
    model = model_of(layer, kind)
    own = {"alignment_optimizer": keras.optimizers.SGD(0.1)} if kind is AlignedModel else {}
    model.compile(keras.optimizers.SGD(0.1), "mse", **own)
    kernel, backward = layer.kernel.numpy().T, layer.backward_kernel.numpy()
    np.testing.assert_allclose(moved(model, layer), 0.1 * (kernel - backward), rtol=1e-4)
    layer.learning_rule = SymmetricAlignment({"self": 0.0, "decay": 1.0})
    backward = layer.backward_kernel.numpy()
    np.testing.assert_allclose(moved(model, layer), -0.1 * backward, rtol=1e-4)


def test_a_fixed_rule_that_is_replaced_acts_from_the_next_fit():
    """uSF propagates through W's signs, feedback alignment through B."""
    ends = []
    for late in (True, False):
        first = Dense(5, learning_rule="feedback_alignment" if late else UniformSignFeedback())
        inputs = keras.Input((4,))
        hidden = Dense(4, name="hidden")(inputs)
        model = AlignedModel(inputs, Dense(3)(first(hidden)))
        initialize(model, 1)
        model.compile(keras.optimizers.SGD(0.0), "mse")
        model.fit(X, Y, batch_size=8, verbose=0)
        first.learning_rule = UniformSignFeedback()
        model.optimizer.learning_rate = 0.1
        model.fit(X, Y, batch_size=8, verbose=0)
        ends.append(model.get_layer("hidden").kernel.numpy())
    np.testing.assert_allclose(*ends, rtol=1e-5)


def test_a_rule_that_another_optimizer_would_train_needs_a_new_compile():
    layer = Dense(3, learning_rule=SymmetricAlignment(), name="changed")
    model = model_of(layer)
    model.compile("sgd", "mse", weight_decay=0.1)
    layer.learning_rule = KolenPollack(decay=0.1)
    with pytest.raises(ConfigurationError, match=r"without .*backward_kernel; compile the model"):
        model.fit(X, Y, verbose=0)
    model.compile("sgd", "mse", weight_decay=0.1)
    assert np.abs(moved(model, layer)).max() > 1e-4


def test_one_optimizer_for_both_losses_is_refused():
    optimizer = keras.optimizers.SGD(0.1)
    with pytest.raises(ConfigurationError, match="one optimizer can't minimize both J and R"):
        model_of(Dense(3, learning_rule="symmetric_alignment")).compile(
            optimizer, "mse", alignment_optimizer=optimizer
        )


@pytest.mark.parametrize(
    "scaled",
    [
        lambda: keras.optimizers.SGD(0.1, loss_scale_factor=1024.0),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    ],
    ids=["factor", "wrapper"],
)
def test_an_optimizer_that_scales_its_loss_moves_backward_kernels_as_far(scaled):
    """Its steps are counted, too: a delay ends."""
    layer = Dense(3, learning_rule=SymmetricAlignment())
    model = model_of(layer)
    model.compile("sgd", "mse", alignment_optimizer=scaled(), delay_steps=1)
    kernel, backward = layer.kernel.numpy().T, layer.backward_kernel.numpy()
    np.testing.assert_allclose(moved(model, layer), 0.1 * (kernel - backward), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(layer.kernel.numpy().T, kernel)
    moved(model, layer)
    assert np.abs(layer.kernel.numpy().T - kernel).max() > 1e-4


class InConstructor(AlignedModel):
    """A functional model that is made in the constructor of a class."""

    def __init__(self, units):
        inputs = keras.Input((4,))
        hidden = Dense(units, learning_rule="symmetric_alignment", name="hidden")(inputs)
        super().__init__(inputs, Dense(3)(hidden))


class Called(AlignedModel):
    """A subclassed model."""

    def __init__(self):
        super().__init__()
        self.hidden = Dense(3, learning_rule="symmetric_alignment", name="hidden")

    def call(self, x, training=None):
        return self.hidden(x)


def test_functional_and_subclassed_models_of_classes_live_side_by_side():
    for kind, arguments in ((Called, ()), (InConstructor, (5,)), (Called, ())):
        model = kind(*arguments)
        model.compile("sgd", "mse", alignment_optimizer=keras.optimizers.SGD(0.1))
        model.fit(X, Y, verbose=0)
        (layer,) = aligned_layers(model)
        assert np.abs(moved(model, layer)).max() > 1e-4, kind
    assert isinstance(InConstructor(2), keras.Model)
    assert [type(each).__name__ for each in InConstructor(2).layers][1:] == ["Dense", "Dense"]
    gc.collect()
