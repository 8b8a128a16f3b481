"""A Trainer of a network of one's own, and the losses that a model's layers add by themselves."""

import re
from collections import Counter
from dataclasses import fields, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization
from alignment_core.models import MODELS, get_model, initialize
from alignment_core.optimizers.optimizers import Adam
from alignment_core.rules import reference
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import AKROUT_OPERATIONS, BackwardPassOperations
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.compiled_network import CHANGEABLE, structure
from alignment_core.training.config import TrainingConfig
from alignment_core.training.trainer import Trainer

MIRROR = {"amp": 0.1, "decay": 0.1}


def own_network(shape, classes, *, width=8, stem="small", learning_rule=None, seed=0):
    """All kinds of layers: of rank 3, nested, called twice, with random state."""
    inputs = keras.Input(shape)
    x = keras.layers.Reshape((8, 8))(inputs)
    x = keras.layers.LayerNormalization()(x)
    x = Dense(width, activation="relu", learning_rule=learning_rule, name="ranked")(x)
    x = keras.layers.GroupNormalization(2)(x)
    levels = keras.ops.cast(keras.layers.Flatten()(inputs) > 0.5, "int32")
    x = keras.layers.Flatten()(x + keras.layers.Embedding(2, width)(levels)[:, :8])
    x = keras.layers.Dropout(0.2, seed=3)(x)
    x = keras.layers.Dropout(0.2)(x)
    twice = Dense(8 * width, learning_rule=learning_rule, relu_follows=False, name="twice")
    x = keras.layers.BatchNormalization()(twice(twice(x)))
    head = Dense(classes, learning_rule=learning_rule, relu_follows=False, name="head")
    model = keras.Model(inputs, keras.Sequential([keras.Input((8 * width,)), head])(x))
    initialize(model, seed)
    return model


@pytest.fixture
def own(monkeypatch):
    monkeypatch.setitem(MODELS, "own", own_network)


def configuration(**settings):
    given = {"dataset": "digits", "epochs": 1, "batch_size": 128, "learning_rate": 0.05}
    return TrainingConfig(**{**given, "model": "own", "width": 4, "seed": 2, **settings})


def test_two_trainings_of_one_trainer_are_the_same_bit_by_bit(own):
    trainer = Trainer(
        configuration(
            learning_rule="information_alignment",
            weights={**MIRROR, "null": 0.01},
            noise_stddev=0.5,
            alignment_learning_rate=0.01,
        )
    )
    ends = []
    for _ in range(2):
        result = trainer.fit()
        ends.append([variable.numpy() for variable in trainer.model.variables])
    assert result.status == "ok"
    assert [layer.name for layer in result.epochs[0].layers] == ["ranked", "twice", "head"]
    for one, other, variable in zip(*ends, trainer.model.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=variable.path)
    initialize(trainer.model, 2)
    moved = [
        layer.name
        for layer, end in zip(
            aligned_layers(trainer.model), kernels_of(trainer, ends[0]), strict=True
        )
        if np.abs(layer.backward_kernel.numpy() - end).max() > 1e-3
    ]
    assert moved == ["ranked", "twice", "head"]


def kernels_of(trainer, values):
    by_path = {v.path: value for v, value in zip(trainer.model.variables, values, strict=True)}
    return [by_path[layer.backward_kernel.path] for layer in aligned_layers(trainer.model)]


def test_every_setting_but_the_listed_ones_makes_another_network(own):
    changed = {
        "dataset": "cifar10",
        "optimizer": "adam",
        "alignment_optimizer": "vanilla_gd",
        "data_dir": "elsewhere",
        "model": "dense",
        "width": 5,
        "stem": "imagenet",
        "momentum": 0.8,
        "minibatches": 2,
        "image_size": 16,
        "preprocessing": "v2",
        "on_corrupt": "skip",
        "precision": "bfloat16",
        "jit_compile": True,
        "decays_biases": True,
        "noisy_variables": "backward",
    }
    config = configuration(learning_rule="symmetric_alignment", weights={"self": 1.0, "decay": 1.0})
    assert {field.name for field in fields(config)} == changed.keys() | CHANGEABLE
    for name, value in changed.items():
        other = config
        if name in ("image_size", "preprocessing", "on_corrupt", "noisy_variables"):
            # This data set and this rule refuse them, so they are set without the check.
            other = replace(config)
            object.__setattr__(other, name, value)
        else:
            other = replace(config, **{name: value})
        assert structure(other) != structure(config), name
    assert structure(replace(config, learning_rate=0.2, seed=9)) == structure(config)
    noisy = replace(config, update_noise_variance=0.1)
    assert structure(noisy) != structure(config)
    assert structure(replace(noisy, update_noise_variance=0.2)) == structure(noisy)


def test_the_optimizer_of_j_has_a_name():
    steady = {"schedule_epochs": 1, "warmup_epochs": 0.0, "drop_epochs": ()}
    config = configuration(model="dense", optimizer="adam", learning_rate=0.01, **steady)
    trainer = Trainer(replace(config, width=32))
    assert isinstance(trainer._network.optimizers.optimizers[0], Adam)
    assert trainer.fit().validation_error < 0.6
    with pytest.raises(UnknownNameError, match="optimizer is named 'adams'"):
        configuration(model="dense", optimizer="adams")


def small(rule, kind=keras.Model):
    inputs = keras.Input((5,), batch_size=6)
    hidden = Dense(4, activation="relu", learning_rule=rule, name="hidden")(inputs)
    return kind(inputs, Dense(3, learning_rule=rule, relu_follows=False, name="out")(hidden))


def test_the_term_in_the_models_losses_is_the_definitions(rng):
    """R of App. A.2, written naively, and its gradient reaches the backward kernel alone."""
    flags = {"fo_bias", "fo_relu", "bo_bias", "bi_bwmc", "fo_bwmc"}
    rule = WeightMirror(MIRROR, BackwardPassOperations(**dict.fromkeys(flags, True)))
    model = small(rule)
    x = rng.normal(size=(6, 5)).astype("float32")
    with tf.GradientTape() as tape:
        outputs = model(x, training=True)
        total = sum(model.losses)
    assert outputs.shape == (6, 3)
    hidden = np.maximum(x @ model.layers[1].kernel.numpy() + model.layers[1].bias.numpy(), 0)
    expected = 0.0
    for layer, inputs in zip(aligned_layers(model), (x, hidden), strict=True):
        on = flags if layer.relu_follows else flags - {"fo_relu"}
        kernel, backward = layer.kernel.numpy(), layer.backward_kernel.numpy().T
        found = reference.backward_pass(inputs, kernel, backward, layer.bias.numpy(), on)
        for name, weight in MIRROR.items():
            expected += weight * reference.PRIMITIVES[name](found)
    np.testing.assert_allclose(total, expected, rtol=1e-4)
    gradients = tape.gradient(total, [variable.value for variable in model.trainable_variables])
    reached = [
        v.name for v, g in zip(model.trainable_variables, gradients, strict=True) if g is not None
    ]
    assert reached == ["backward_kernel"] * 2


def test_a_rule_that_needs_pseudogradients_is_refused_in_a_loop_of_ones_own():
    model = small(KolenPollackAngle(angle=1.0, decay=0.1))
    with pytest.raises(ConfigurationError, match=r"'hidden'.*compile the model and call fit"):
        model(tf.ones((6, 5)), training=True)
    model(tf.ones((6, 5)), training=False)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("weight_miror", "did you mean weight_mirror"),
        ("information_alignment", r"give exactly those: InformationAlignment\(amp=1.0"),
        (SymmetricAlignment, r"the class SymmetricAlignment; give a rule of this class"),
        (3, "learning_rule is 3; give a rule, its name"),
    ],
)
def test_what_is_no_rule_is_refused(rule, said):
    with pytest.raises((ConfigurationError, UnknownNameError), match=said):
        Dense(3, learning_rule=rule)


def test_unknown_keywords_of_rules_are_refused():
    with pytest.raises(ConfigurationError, match=r"'amp', 'decay', not for 'amp', 'gain'"):
        WeightMirror(amp=1.0, gain=0.1)
    with pytest.raises(ConfigurationError, match="as a mapping or as keywords"):
        WeightMirror(MIRROR, amp=1.0)

    class Misspelt(Alignment):
        primitives = ("amp", "decai")

    with pytest.raises(UnknownNameError, match=r"primitive of Misspelt.*did you mean decay"):
        Misspelt(amp=1.0, decai=1.0)


def test_channels_first_is_refused_where_it_cannot_be():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ConfigurationError, match=r"set_image_data_format\(\"channels_last\"\)"):
            get_model("resnet18")((8, 8, 1), 10, width=2)
        with pytest.raises(ConfigurationError, match=r"'stem'.*data_format='channels_first'"):
            Conv2D(3, 3, learning_rule="feedback_alignment", name="stem")
    finally:
        keras.config.set_image_data_format("channels_last")
    with pytest.raises(ConfigurationError, match=r"'norm'.*not axis 1"):
        BatchNormalization(axis=1, name="norm").build((None, 3, 8, 8))


RULES = [
    SymmetricAlignment(),
    ActivationAlignment(),
    WeightMirror(MIRROR, AKROUT_OPERATIONS, 0.5),
    WeightMirror(MIRROR, BackwardPassOperations(bo_bias=True, fo_bwmc=True, bi_bwmc=True)),
    InformationAlignment({**MIRROR, "null": 0.1}),
    KolenPollack(decay=0.1),
    KolenPollackAngle(angle=1.0, decay=0.1),
]


def executed(model):
    """Return the graphs of one batch of `fit`, as TensorFlow's graph optimizer leaves them."""
    batch = tf.ones((8, 8, 8, 2)), tf.zeros(8, tf.int32), None
    model.optimizer.build(model.trainable_variables)
    model.make_train_function()
    context.context().enable_graph_collection()
    try:
        model.train_function(iter([batch]))
        return context.context().export_run_metadata().partition_graphs
    finally:
        context.context().disable_graph_collection()


def convnet(rule, kind):
    model = get_model("convnet")((8, 8, 2), 3, width=4, learning_rule=rule)
    model = kind(model.inputs, model.outputs[0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    own = {}
    if kind is AlignedModel:
        pseudo = rule is not None and rule.needs_pseudogradients
        own = {"alignment_optimizer": "adam", "alternating": not pseudo}
    model.compile("nesterov_momentum" if own else Adam(), loss, jit_compile=False, **own)
    return model


@pytest.mark.parametrize(
    ("rule", "products"),
    [
        (FeedbackAlignment(), (3, 2, 3)),
        (KolenPollack(decay=0.1), (3, 2, 3)),
        (KolenPollackAngle(angle=1.0, decay=0.1), (3, 2, 3)),
        (SymmetricAlignment(), (3, 2, 3)),
        (ActivationAlignment(), (6, 2, 6)),
        # The loss is logged, and yet no backward projection is formed for its value.
        (RULES[3], (3, 2, 6)),
        (RULES[2], (6, 2, 6)),
        (RULES[4], (3, 5, 6)),
    ],
    ids=repr,
)
def test_fit_forms_no_term_that_the_gradient_does_not_need(rule, products):
    onednn = r"^_(?:MklNative)?(?:Fused)?(Conv2D(?:Backprop(?:Input|Filter))?)(?:WithBias)?$"
    graphs = executed(convnet(rule, keras.Model))
    found = Counter(re.sub(onednn, r"\1", node.op) for graph in graphs for node in graph.node)
    kinds = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")
    assert tuple(found[kind] for kind in kinds) == products


@pytest.mark.parametrize("kind", [keras.Model, AlignedModel])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_every_read_of_a_kernel_comes_before_its_update(kind, rule):
    """A read that no path connects with the update could see the kernel as it will be.

    Where R and J alternate, the reads of J's step come after R's update instead.
    """
    graphs = executed(convnet(rule, kind))
    checked = 0
    for graph in graphs:
        inputs = {n.name: [i.lstrip("^").split(":")[0] for i in n.input] for n in graph.node}
        op = {n.name: n.op for n in graph.node}

        def before(name, inputs=inputs):
            seen, pending = set(), [name]
            while pending:
                for each in inputs.get(pending.pop(), ()):
                    if each not in seen:
                        seen.add(each)
                        pending.append(each)
            return seen

        updates = [n for n in op if op[n] in ("ResourceApplyAdam", "ResourceApplyMomentum")]
        ancestors = {update: before(update) for update in updates}
        for node, kind_of in op.items():
            if kind_of == "ReadVariableOp":
                handle = inputs[node][0]
                for update in updates:
                    if inputs[update][0] == handle:
                        checked += 1
                        assert node in ancestors[update] or update in before(node), (node, update)
    assert checked >= 3
