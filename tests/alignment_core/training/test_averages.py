"""Averages of weights (`use_ema`) in models with an optimizer for J and one for R."""

import keras
import numpy as np
import pytest

from alignment_core.layers.dense import Dense
from alignment_core.models import initialize
from alignment_core.rules.kolen_pollack import KolenPollack
from alignment_core.training.aligned_model import AlignedModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 5)).astype("float32"), RNG.integers(0, 3, 16)
STEPS, MOMENTUM = 4, 0.5


def build(rule="symmetric_alignment", kind=AlignedModel):
    inputs = keras.Input((5,))
    hidden = Dense(4, activation="relu", learning_rule=rule, name="hidden")(inputs)
    model = kind(inputs, Dense(3, learning_rule=rule, relu_follows=False, name="out")(hidden))
    initialize(model, 1)
    return model


def sgd(averaged=True, **more):
    return keras.optimizers.SGD(0.3, use_ema=averaged, ema_momentum=MOMENTUM, **more)


def compiled(which, wrap=lambda optimizer: optimizer, **arguments):
    model = build()
    own = {
        name: wrap(sgd()) if name in which else sgd(averaged=False)
        for name in ("optimizer", "alignment_optimizer")
    }
    model.compile(loss=LOSS, **own, **arguments)
    return model


def values(model):
    return {variable.path: variable.numpy() for variable in model.variables}


def averages(wanted):
    """Return the averages of the weights after each step, of those whose optimizer averages."""
    model = compiled(())
    found = {}
    for step in range(STEPS):
        model.train_on_batch(X, Y)
        for path, value in values(model).items():
            if wanted(path):
                before = found.get(path, value)
                found[path] = value if step == 0 else (before + value) / 2
            else:
                found[path] = value
    return found


def is_backward(path):
    return path.endswith("backward_kernel")


WRAPPED = {
    "plain": lambda optimizer: optimizer,
    "scaled": keras.optimizers.LossScaleOptimizer,
    "several": lambda optimizer: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(optimizer)
    ),
}


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        (("optimizer",), lambda path: not is_backward(path)),
        (("alignment_optimizer",), is_backward),
        (("optimizer", "alignment_optimizer"), lambda _: True),
    ],
    ids=["J", "R", "both"],
)
@pytest.mark.parametrize("wrap", WRAPPED)
def test_fit_ends_with_each_variables_own_average(which, wanted, wrap):
    initial = 1.0 if wrap == "scaled" else None
    make = WRAPPED[wrap]
    model = compiled(which, lambda each: make(each, initial) if initial else make(each))
    model.fit(X, Y, batch_size=16, epochs=STEPS, verbose=0)
    found, expected = values(model), averages(wanted)
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, rtol=1e-4, atol=1e-6, err_msg=path)
    assert "finalize_variable_values" not in vars(model.optimizer)


def test_a_fit_that_interrupts_itself_leaves_the_optimizer_as_it_was():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = compiled(("optimizer",))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, verbose=0, callbacks=[Stop()])
    assert "finalize_variable_values" not in vars(model.optimizer)


@pytest.mark.parametrize("callbacks", [[], [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]])
def test_weights_that_have_not_been_trained_yet_are_kept(callbacks):
    """While R alone is minimized, J's optimizer has no averages."""
    model = compiled(("optimizer",), delay_steps=100)
    before = values(model)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
    for path, value in values(model).items():
        assert (value == before[path]).all() == (not is_backward(path)), path


def test_a_frozen_layer_keeps_its_weights():
    model = compiled(("optimizer", "alignment_optimizer"))
    model.fit(X, Y, verbose=0)
    hidden = model.get_layer("hidden")
    hidden.trainable = False
    model.compile(model.optimizer, LOSS, alignment_optimizer=model.alignment_optimizer)
    before = values(model)
    for variable in hidden.variables:
        variable.assign(2 * variable)
    model.fit(X, Y, verbose=0)
    for path, value in values(model).items():
        if "hidden" in path:
            np.testing.assert_array_equal(value, 2 * before[path], err_msg=path)


def test_swapped_averages_are_those_of_the_forward_weights():
    """Evaluation uses no backward kernel, so those of J's optimizer are enough."""
    model = compiled(("optimizer",))
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    seen = {}
    save = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.update(values(model)))
    model.fit(X, Y, batch_size=16, epochs=STEPS, verbose=0, callbacks=[swap, save])
    for path, value in averages(lambda path: not is_backward(path)).items():
        np.testing.assert_allclose(seen[path], value, rtol=1e-4, atol=1e-6, err_msg=path)
        np.testing.assert_allclose(values(model)[path], value, rtol=1e-4, atol=1e-6)


def test_one_optimizer_averages_all_variables():
    ends = []
    for kind in (AlignedModel, keras.Model):
        model = build(KolenPollack(decay=0.1), kind)
        model.compile(sgd(), LOSS)
        model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
        ends.append([variable.numpy() for variable in model.variables])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
