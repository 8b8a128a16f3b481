"""Every rule under XLA, in bfloat16 and on two replicas."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from shipped import shipped_rules

from alignment_core.accelerator_names import STRATEGIES
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization
from alignment_core.models import MODELS, initialize
from alignment_core.rules.backward_pass import AKROUT_OPERATIONS, BackwardPassOperations
from alignment_core.training import accelerators
from alignment_core.training.trainer import Trainer, TrainingConfig


def tiny(shape, classes, *, width, learning_rule, seed, **_):
    """A network of one convolution and the logits, which compiles fast for every rule."""
    images = keras.Input(shape)
    convolve = Conv2D(
        width, 3, strides=2, activation="relu", learning_rule=learning_rule, name="convolution"
    )
    features = keras.layers.Flatten()(convolve(images))
    logits = Dense(classes, learning_rule=learning_rule, relu_follows=False, name="logits")
    model = keras.Model(images, logits(features))
    initialize(model, seed)
    return model


@pytest.fixture(scope="module", autouse=True)
def tiny_convnet():
    """Replace the convolutional network by the tiny one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "convnet", tiny)
        yield


BACKPROPAGATION = TrainingConfig(
    dataset="digits",
    epochs=1,
    batch_size=478,
    learning_rate=0.1,
    warmup_epochs=0,
    model="convnet",
    width=2,
    seed=1,
)
DRAWING = {"batchwise_random_sign_feedback", "batchwise_random_feedback"}
"""Rules that draw backward kernels anew at each step."""

WITHOUT_OWN_R = {
    "backpropagation": {},
    "feedback_alignment": {},
    "kolen_pollack": {"decay": 0.1},
    "direct_feedback_alignment": {},
    "uniform_sign_feedback": {},
    "fixed_random_sign_feedback": {},
    "product_feedback_alignment": {"decay": 0.1},
    **{key: {} for key in sorted(DRAWING)},
}
CASES = {
    **{
        rule: replace(BACKPROPAGATION, learning_rule=rule, weights=weights)
        for rule, weights in WITHOUT_OWN_R.items()
    },
    "symmetric_alignment": replace(
        BACKPROPAGATION,
        learning_rule="symmetric_alignment",
        weights={"self": 0.7, "decay": 0.7},
    ),
    # Simultaneous on activations: one forward pass for both losses.
    "activation_alignment": replace(
        BACKPROPAGATION,
        learning_rule="activation_alignment",
        weights={"amp": 0.3, "sparse": 0.3},
        alternating=False,
        operations=BackwardPassOperations(fo_bias=True, bo_bias=True),
    ),
    "weight_mirror": replace(
        BACKPROPAGATION,
        learning_rule="weight_mirror",
        weights={"amp": 0.5, "decay": 0.2},
        operations=AKROUT_OPERATIONS,
        noise_stddev=0.5,
        alignment_optimizer="vanilla_gd",
        alignment_learning_rate=0.1,
    ),
    # Simultaneous on noise: R's gradients are computed separately, before J's step.
    "information_alignment": replace(
        BACKPROPAGATION,
        learning_rule="information_alignment",
        weights={"amp": 0.5, "decay": 0.3, "null": 0.2},
        operations=BackwardPassOperations(
            fo_bias=True,
            fo_relu=True,
            fo_bwmc=True,
            fo_fwmc=True,
            bo_bias=True,
            bo_fwmc=True,
            bo_fwl2n=True,
        ),
        noise_stddev=0.8,
        alternating=False,
        update_noise_variance=1e-4,
        alignment_update_noise_variance=1e-4,
    ),
    "kolen_pollack_angle": replace(
        BACKPROPAGATION,
        learning_rule="kolen_pollack_angle",
        weights={"angle": 1.0, "decay": 0.1},
        alternating=False,
        alignment_optimizer="nesterov_momentum",
    ),
}


def test_every_rule_has_its_case():
    assert CASES.keys() == shipped_rules()


class Trained:
    """Three steps of a configuration and their results."""

    def __init__(self, config, strategy="one"):
        with accelerators.get_strategy(strategy).scope():
            self.trainer = Trainer(config)
        self.start = self.weights()
        self.result = self.trainer.fit()
        assert self.result.status == "ok", self.result.reason
        self.end = self.weights()

    def weights(self):
        return [variable.numpy() for variable in self.trainer.model.variables]

    def moved(self):
        """Return the change of all variables in one vector."""
        pairs = zip(self.end, self.start, strict=True)
        return np.concatenate([(end - start).ravel() for end, start in pairs])

    def compiled(self):
        """Return the graphs of all compiled functions, with the functions that they call."""
        network = self.trainer._network
        owners = (network, network.loss_steps, network._update, network.alignment_steps)
        for owner in owners:
            for value in [] if owner is None else vars(owner).values():
                if hasattr(value, "_list_all_concrete_functions"):
                    for function in value._list_all_concrete_functions():
                        yield function.graph.as_graph_def(add_shapes=True)


@pytest.fixture(scope="module")
def plain():
    """Return a function that trains a case on one device in float32 without XLA, once."""
    found = {}

    def trained(name):
        if name not in found:
            found[name] = Trained(CASES[name])
        return found[name]

    return trained


def nodes(graph):
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(found.end, expected.end, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=tolerance)
    one, other = found.result.epochs[0], expected.result.epochs[0]
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-4)
    np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=1e-4)
    for layer, same in zip(one.layers, other.layers, strict=True):
        np.testing.assert_allclose(layer.angle, same.angle, atol=0.1)
        np.testing.assert_allclose(layer.norm_ratio, same.norm_ratio, rtol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_xla_compiles_every_rule(name, plain):
    """XLA compiles steps, evaluation and metrics, as on a TPU, with the same results."""
    config = CASES[name]
    compiled = Trained(replace(config, jit_compile=True))
    if config.noise_stddev is None and name not in DRAWING:
        assert_close(compiled, plain(name))
    else:
        # XLA draws other numbers from the same seed.
        ratio = np.linalg.norm(compiled.moved()) / np.linalg.norm(plain(name).moved())
        assert 0.5 < ratio < 2


@pytest.mark.parametrize("name", CASES)
def test_every_shape_is_known_before_a_step_runs(name, plain):
    graphs = list(plain(name).compiled())
    assert len(graphs) >= 2
    unknown = [
        (node.op, node.name, str(shape))
        for graph in graphs
        for node in nodes(graph)
        for shape in node.attr["_output_shapes"].list.shape
        if shape.unknown_rank or any(dim.size < 0 for dim in shape.dim)
    ]
    assert unknown == []


PRODUCTS = ("MatMul", "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


@pytest.mark.parametrize("name", CASES)
def test_bfloat16_products_and_float32_masters(name, plain):
    half = Trained(replace(CASES[name], precision="bfloat16"))
    trainer = half.trainer
    dtypes = {
        node.attr["T"].type
        for graph in half.compiled()
        for node in nodes(graph)
        if node.op in PRODUCTS
    }
    assert dtypes == {tf.bfloat16.as_datatype_enum}
    optimizers = trainer._network.optimizers.optimizers
    states = [variable for optimizer in optimizers for variable in optimizer.variables]
    for variable in [*trainer.model.variables, *states]:
        assert variable.value.dtype in (tf.float32, tf.int32, tf.int64), variable.path

    expected = plain(name).moved()
    difference = np.linalg.norm(half.moved() - expected) / np.linalg.norm(expected)
    # Eight bits of mantissa: an error of 0.2 % in each number that enters a product.
    assert 1e-5 < difference < 0.05
    report, same = half.result.epochs[0], plain(name).result.epochs[0]
    np.testing.assert_allclose(report.loss, same.loss, rtol=1e-2)
    for layer, other in zip(report.layers, same.layers, strict=True):
        np.testing.assert_allclose(layer.angle, other.angle, atol=2)


def whole_batch(config):
    """Return whether a rule's R is a mean over samples, without noise or batch centring."""
    return config.noise_stddev is None and not config.operations.fo_bwmc


@pytest.mark.parametrize("name", CASES)
def test_two_replicas_give_what_one_device_gives(name, plain):
    """Minibatches draw noise and centre by themselves, as replicas do."""
    config = CASES[name]
    whole = whole_batch(config)
    expected = plain(name) if whole else Trained(replace(config, minibatches=2))
    assert_close(Trained(config, "mirrored"), expected)


def test_moving_moments_are_the_replicas_mean():
    images = tf.random.stateless_normal((8, 4, 4, 3), [0, 1])
    strategy = accelerators.get_strategy("mirrored")
    with strategy.scope():
        shared = BatchNormalization(momentum=0.5)
        shared.build(images.shape)
    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.split(images, 2)[context.replica_id_in_sync_group]
    )

    @tf.function
    def step():
        outputs = strategy.run(lambda x: shared(x, training=True), args=(halves,))
        return strategy.experimental_local_results(outputs)

    for part, outputs in zip(tf.split(images, 2), step(), strict=True):
        alone = BatchNormalization(momentum=0.5)
        np.testing.assert_allclose(outputs, alone(part, training=True), atol=1e-5)
    np.testing.assert_allclose(
        shared.moving_mean.numpy(), 0.5 * np.mean(images, axis=(0, 1, 2)), atol=1e-6
    )
    copies = strategy.experimental_local_results(shared.moving_variance.value)
    np.testing.assert_array_equal(copies[0], copies[1])


def test_a_training_on_two_replicas_goes_on_to_the_same_end(tmp_path):
    config = replace(CASES["weight_mirror"], epochs=2)
    with accelerators.get_strategy("mirrored").scope():
        trainer, other = Trainer(config), Trainer(config)
    expected = trainer.fit()
    trainer.fit(should_stop=lambda: any(tmp_path.iterdir()), checkpoint_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-1"]
    found = other.fit(checkpoint_dir=tmp_path)
    assert found.validation_error == expected.validation_error
    one, same = found.epochs[1], expected.epochs[1]
    assert replace(one, seconds=0) == replace(same, seconds=0)
    assert len(aligned_layers(other.model)) == len(one.layers)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_size": 479}, "479 can't be shared evenly by 2 replicas; make it a multiple of 2"),
        ({"minibatches": 478}, "by 2 replicas in 478 minibatches each; make it a multiple of 956"),
        ({"jit_compile": True}, "jit_compile works on one device only"),
    ],
)
def test_what_replicas_cannot_share_is_refused_before_anything_is_built(change, said):
    config = replace(BACKPROPAGATION, **change)
    strategy = accelerators.get_strategy("mirrored")
    with strategy.scope(), pytest.raises(ConfigurationError, match=said):
        Trainer(config)


def test_strategies_go_by_name():
    assert accelerators.get_strategy("one") is accelerators.get_strategy("auto")
    assert accelerators.describe_strategy(accelerators.get_strategy("one")) == "one device"
    mirrored = accelerators.get_strategy("mirrored")
    assert accelerators.describe_strategy(mirrored) == "2 replicas (MirroredStrategy)"
    assert accelerators.get_strategy("mirrored") is mirrored
    with pytest.raises(UnknownNameError, match="no strategy is named 'tpus'; did you mean tpu"):
        accelerators.get_strategy("tpus")
    with pytest.raises(ConfigurationError, match=r"TensorFlow finds none; .* choose auto"):
        accelerators.get_strategy("tpu")
    assert set(STRATEGIES) == {"auto", "one", "mirrored", "tpu"}
