"""AlignedModel in all of Keras's ways of training: the same kernels each time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization
from alignment_core.models import initialize
from alignment_core.optimizers.optimizers import GradientDescent, NesterovMomentum
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.kolen_pollack import KolenPollackAngle
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment
from alignment_core.training.accelerators import get_strategy
from alignment_core.training.aligned_model import AlignedModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
MIRROR = WeightMirror(
    amp=0.1, decay=0.1, operations=BackwardPassOperations(fo_relu=True, fo_bwmc=True)
)
# Keras 3 passes its variables to h5py without NumPy 2's copy keyword, which warns.
SAVING = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


class OwnRule(Alignment):
    """A user's own rule."""

    primitives = ("self", "sparse", "decay")


def build(rule=MIRROR, kind=AlignedModel, seed=1):
    inputs = keras.Input((6, 6, 2))
    x = Conv2D(4, 3, strides=2, activation="relu", learning_rule=rule, name="conv")(inputs)
    x = keras.layers.Flatten()(x)
    x = Dense(5, activation="relu", learning_rule=rule, name="hidden")(x)
    model = kind(inputs, Dense(3, learning_rule=rule, relu_follows=False, name="out")(x))
    initialize(model, seed)
    return model


def compiled(rule=MIRROR, **settings):
    model = build(rule)
    model.compile(
        NesterovMomentum(0.1), LOSS, **{"alignment_optimizer": GradientDescent(0.1), **settings}
    )
    return model


def batches(steps=4, size=8, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(steps * size, 6, 6, 2)).astype("float32")
    return x, rng.integers(0, 3, steps * size)


def fitted(model, **arguments):
    model.fit(*batches(), batch_size=8, shuffle=False, verbose=0, **arguments)
    return state(model)


def state(model):
    return [variable.numpy().astype("float32") for variable in model.variables]


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def expected():
    return fitted(compiled())


@pytest.mark.parametrize(
    "settings",
    [{"run_eagerly": True}, {"jit_compile": True}, {"steps_per_execution": 2}],
    ids=lambda settings: next(iter(settings)),
)
def test_every_way_to_run_a_step_trains_the_same(settings, expected):
    assert_close(fitted(compiled(**settings)), expected, 1e-4)


def test_batches_one_by_one_train_the_same(expected):
    model, (x, y) = compiled(), batches()
    for start in range(0, len(x), 8):
        model.train_on_batch(x[start : start + 8], y[start : start + 8])
    assert_close(state(model), expected)


@pytest.mark.parametrize("alternating", [True, False])
def test_minibatches_train_as_whole_batches(alternating):
    rule = ActivationAlignment(amp=0.1, sparse=0.1)
    ends = [
        fitted(compiled(rule, minibatches=parts, alternating=alternating, metrics=["accuracy"]))
        for parts in (1, 4)
    ]
    assert_close(*ends)


def test_gradients_accumulate_over_batches():
    """Two batches before each update are one batch of both, if no rule centres over the batch."""
    ends = []
    for size, steps in ((16, None), (8, 2)):
        model = build(ActivationAlignment(amp=0.1, sparse=0.1))
        model.compile(
            keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps),
            LOSS,
            alignment_optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps),
            alternating=False,
        )
        model.fit(*batches(), batch_size=size, shuffle=False, verbose=0)
        ends.append(state(model))
    assert_close(*ends)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", [AlignedModel, keras.Model])
def test_mixed_precision_trains_about_the_same(policy, kind):
    ends = []
    for name in ("float32", policy):
        keras.config.set_dtype_policy(name)
        try:
            model = build(ActivationAlignment(amp=0.1, sparse=0.1), kind)
            start = state(model)
            own = {"alternating": False} if kind is AlignedModel else {}
            model.compile(NesterovMomentum(0.02), LOSS, jit_compile=False, **own)
            ends.append([b - a for a, b in zip(start, fitted(model), strict=True)])
        finally:
            keras.config.set_dtype_policy("float32")
    for one, other in zip(*ends, strict=True):
        assert np.linalg.norm(one - other) < 0.1 * np.linalg.norm(one)


@pytest.mark.parametrize("rule", [ActivationAlignment(amp=0.1, sparse=0.1), "kolen_pollack_angle"])
def test_two_replicas_train_as_one_device(rule):
    if isinstance(rule, str):
        rule = KolenPollackAngle(angle=1.0, decay=0.01)
    ends = []
    for name in ("one", "mirrored"):
        with get_strategy(name).scope():
            model = compiled(rule, alternating=False)
        ends.append(fitted(model))
    assert_close(*ends, 1e-4)


def test_two_replicas_delay_and_average_as_one_device():
    ends = []
    for name in ("one", "mirrored"):
        with get_strategy(name).scope():
            averaging = {"use_ema": True, "ema_momentum": 0.5}
            model = build(ActivationAlignment(amp=0.1, sparse=0.1))
            model.compile(
                keras.optimizers.SGD(0.1, **averaging),
                LOSS,
                alignment_optimizer=keras.optimizers.SGD(0.1, **averaging),
                delay_steps=2,
            )
        ends.append(fitted(model))
    assert_close(*ends, 1e-4)


def test_delay_minimizes_r_alone():
    model = compiled(delay_steps=3, metrics=["accuracy"])
    start = {variable.path: variable.numpy() for variable in model.variables}
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(
            {v.path for v in model.variables if not np.array_equal(v, start[v.path])}
        )
    )
    model.fit(*batches(), batch_size=8, shuffle=False, verbose=0, callbacks=[callback])
    backward = {layer.backward_kernel.path for layer in aligned_layers(model)}
    assert seen[:3] == [backward] * 3
    assert seen[3] == start.keys()


def test_an_epoch_of_delay_has_no_metrics_but_those_of_validation():
    model = compiled(delay_steps=4, metrics=["accuracy"])
    x, y = batches()
    found = model.fit(x, y, batch_size=8, epochs=2, validation_data=(x, y), verbose=0).history
    counts = {name: len(values) for name, values in found.items()}
    each, both = {"alignment_steps", "accuracy", "loss"}, {"val_accuracy", "val_loss"}
    assert counts == dict.fromkeys(each, 1) | dict.fromkeys(both, 2)


def test_a_delayed_step_is_a_step_on_r():
    delayed = compiled(delay_steps=4)
    fitted(delayed)
    together = build()
    together.compile(
        keras.optimizers.SGD(0.0), LOSS, alignment_optimizer=GradientDescent(0.1), alternating=True
    )
    assert_close(state(delayed), fitted(together))


def test_r_moves_before_j_if_both_alternate():
    ends = [fitted(compiled(alternating=alternating)) for alternating in (True, False)]
    assert max(np.abs(a - b).max() for a, b in zip(*ends, strict=True)) > 1e-4


def test_frozen_layers_stay_as_they_are():
    model = build()
    model.get_layer("hidden").trainable = False
    frozen = [variable.numpy() for variable in model.get_layer("hidden").variables]
    moved = model.get_layer("out").backward_kernel.numpy()
    model.compile(NesterovMomentum(0.1), LOSS, alignment_optimizer=GradientDescent(0.1))
    fitted(model)
    assert_close([v.numpy() for v in model.get_layer("hidden").variables], frozen, 0.0)
    assert np.abs(model.get_layer("out").backward_kernel.numpy() - moved).max() > 1e-4


class Subclassed(AlignedModel):
    """A model whose layers are made in its constructor."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [
            Dense(
                5,
                activation="relu",
                learning_rule=OwnRule({"self": 0.1, "sparse": 0.1, "decay": 0.1}),
            )
        ]
        self.head = Dense(3, learning_rule="symmetric_alignment")

    def call(self, x, training=None):
        x = keras.ops.reshape(x, (-1, 72))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_a_subclassed_model_is_built_by_its_first_batch():
    model = Subclassed()
    model.compile(NesterovMomentum(0.1), LOSS, alignment_optimizer=GradientDescent(0.1))
    (x, y), start = batches(), None
    model.train_on_batch(x[:8], y[:8])
    start = [layer.backward_kernel.numpy() for layer in aligned_layers(model)]
    assert len(start) == 2
    fitted(model)
    for before, layer in zip(start, aligned_layers(model), strict=True):
        assert np.abs(layer.backward_kernel.numpy() - before).max() > 1e-4


@SAVING
@pytest.mark.parametrize("rule", [MIRROR, OwnRule({"self": 0.1, "sparse": 0.1, "decay": 0.1})])
def test_a_loaded_model_goes_on_as_the_saved_one(rule, tmp_path):
    model = compiled(rule, delay_steps=2, minibatches=2, weight_decay=0.01, seed=4)
    fitted(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.get_compile_config() == model.get_compile_config()
    assert repr(loaded.get_layer("out").learning_rule) == repr(rule)
    assert_close(state(loaded), state(model), 0.0)
    assert_close(fitted(loaded), fitted(model), 1e-6)


@SAVING
def test_all_layers_and_optimizers_come_back_from_a_file(tmp_path):
    inputs = keras.Input((6, 6, 2))
    x = BatchNormalization()(Conv2D(3, 3, learning_rule="feedback_alignment")(inputs))
    x = keras.layers.TimeDistributed(Dense(4, learning_rule="symmetric_alignment"))(x)
    inner = keras.Sequential(
        [keras.layers.Flatten(), Dense(3, learning_rule=MIRROR, relu_follows=False)]
    )
    model = AlignedModel(inputs, inner(x))
    model.compile("adam", LOSS, alignment_optimizer="vanilla_gd")
    fitted(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x, _ = batches()
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [repr(layer.learning_rule) for layer in aligned_layers(loaded)] == [
        repr(layer.learning_rule) for layer in aligned_layers(model)
    ]
    for one, other in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_cloned_model_has_the_rule_and_trains():
    model = keras.models.clone_model(build())
    assert [layer.learning_rule.get_config() for layer in aligned_layers(model)] == [
        MIRROR.get_config()
    ] * 3
    initialize(model, 1)
    model.compile(NesterovMomentum(0.1), LOSS, alignment_optimizer=GradientDescent(0.1))
    assert_close(fitted(model), fitted(compiled()))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_exported_model_predicts_the_same(tmp_path):
    model = compiled()
    fitted(model)
    model.export(str(tmp_path / "served"), verbose=False)
    x = batches()[0]
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "settings", "said"),
    [
        (
            MIRROR,
            {"alignment_optimizer": None},
            r"conv, hidden, out.*give compile an alignment_opt",
        ),
        (KolenPollackAngle(angle=1.0, decay=0.1), {}, "set alternating to False"),
        ("feedback_alignment", {"delay_steps": 3}, "set delay_steps to 0"),
        (MIRROR, {"minibatches": 0}, "minibatches must be at least 1"),
        (MIRROR, {"weight_decay": float("nan")}, "weight_decay must be at least 0, not nan"),
    ],
)
def test_settings_that_contradict_the_rules_are_refused(rule, settings, said):
    with pytest.raises(ConfigurationError, match=said):
        compiled(rule, **settings)


def test_an_unknown_optimizer_is_refused_with_the_similar_ones():
    with pytest.raises(UnknownNameError, match="did you mean nesterov_momentum"):
        build().compile("nesterov_momentun", LOSS)
    with pytest.raises(UnknownNameError, match="optimizer"):
        build().compile("adam", LOSS, alignment_optimizer="adamm")


def test_a_batch_that_minibatches_cannot_share_is_refused():
    model, (x, y) = compiled(minibatches=3, run_eagerly=True), batches()
    with pytest.raises(ConfigurationError, match="batch of 8 can't be split into 3"):
        model.train_on_batch(x[:8], y[:8])
