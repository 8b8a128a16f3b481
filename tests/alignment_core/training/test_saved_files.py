"""Files of models with a rule: .keras keeps everything, HDF5 is Keras's or refused."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.dense import Dense
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.with_rule import with_rule

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword",
    "ignore:Skipping nested container",
)

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 5)).astype("float32"), RNG.integers(0, 3, 16)


def build(kind=AlignedModel, rule="symmetric_alignment"):
    inputs = keras.Input((5,))
    hidden = Dense(4, activation="relu", learning_rule=rule, name="hidden")(inputs)
    return kind(inputs, Dense(3, learning_rule=rule, relu_follows=False, name="out")(hidden))


def assert_same_weights(model, other):
    for one, another in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one, another, err_msg=one.path)


@pytest.mark.parametrize("ending", ["h5", "hdf5"])
def test_an_aligned_model_refuses_hdf5_and_names_the_other_format(tmp_path, ending):
    model = build()
    model.compile("adam", LOSS)
    path = tmp_path / f"model.{ending}"
    with pytest.raises(ConfigurationError, match=r"two optimizers of .*; save it as \.keras"):
        model.save(path)
    assert not path.exists()


def test_a_plain_model_of_these_layers_is_saved_as_hdf5_as_keras_does(tmp_path):
    model = build(keras.Model)
    model.compile("adam", LOSS)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.h5")
    again = keras.models.load_model(tmp_path / "model.h5", compile=False)
    assert_same_weights(again, model)
    assert [repr(layer.learning_rule) for layer in aligned_layers(again)] == [
        "SymmetricAlignment(self=1, decay=1)"
    ] * 2
    again.compile("adam", LOSS)
    again.fit(X, Y, verbose=0)


def test_keras_own_function_of_hdf5_does_not_lose_the_optimizer(tmp_path):
    """It takes the optimizer out of the model's configuration, which .keras is made of."""
    model = build()
    model.compile("adam", LOSS, delay_steps=2)
    model.fit(X, Y, verbose=0)
    keras.saving.save_model(model, tmp_path / "model.h5")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is type(model.optimizer)
    assert again.delay_steps == 2


def test_a_model_that_is_not_compiled_is_saved_and_copied(tmp_path):
    model = build()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_same_weights(again, model)
    assert not again.compiled
    assert not keras.models.clone_model(model).compiled


def test_weights_of_a_model_without_the_rule_are_refused_by_layer(tmp_path):
    """And those of another rule are taken, as long as their shapes are the same."""
    inputs = keras.Input((5,))
    plain = keras.Model(inputs, keras.layers.Dense(3, name="out")(inputs))
    twin, other = (with_rule(plain, rule) for rule in ("feedback_alignment", "symmetric_alignment"))
    plain.save_weights(tmp_path / "plain.weights.h5")
    with pytest.raises(ValueError, match="'out' expected 3 variables, but received 2"):
        twin.load_weights(tmp_path / "plain.weights.h5")
    twin.save_weights(tmp_path / "twin.weights.h5")
    other.load_weights(tmp_path / "twin.weights.h5")
    np.testing.assert_array_equal(
        other.get_layer("out").backward_kernel, twin.get_layer("out").backward_kernel
    )


def test_a_new_process_loads_a_model_and_goes_on_with_it(tmp_path):
    """Weights, both optimizers and their averages, settings and the seed of the noise."""
    rule = WeightMirror(amp=0.1, decay=0.1, noise_stddev=0.5)
    model = build(rule=rule)
    model.compile(
        keras.optimizers.Adam(0.01, use_ema=True),
        LOSS,
        alignment_optimizer=keras.optimizers.AdamW(0.01, use_ema=True),
        weight_decay=0.01,
        seed=3,
    )
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    program = """
import numpy as np
import alignment_core as ac

data = np.load("data.npz")
model = ac.load_model("model.keras")
model.fit(data["x"], data["y"], shuffle=False, verbose=0)
np.savez("end.npz", *[variable.numpy() for variable in model.variables])
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    model.fit(X, Y, shuffle=False, verbose=0)
    end = np.load(tmp_path / "end.npz")
    for variable, found in zip(model.variables, end.values(), strict=True):
        np.testing.assert_allclose(found, variable, rtol=1e-5, atol=1e-6, err_msg=variable.path)
