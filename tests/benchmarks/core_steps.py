"""Steps for bench_core.py: ours, stock Keras's, and the rules' definitions by autodiff.

Each step updates all variables of a ResNet-18's step: weights, momenta and batch norm's moments.
Learning rates are 0, so that everything is computed and weights stay as they are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.contexts import recording
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization
from alignment_core.models import get_model
from alignment_core.optimizers.optimizers import OPTIMIZERS, NesterovMomentum, Optimizers
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.symmetry import SymmetricAlignment
from alignment_core.rules.table import LEARNING_RULES
from alignment_core.training.config import WEIGHT_DECAY, TrainingConfig
from alignment_core.training.objectives import Objectives
from alignment_core.training.steps import AlignmentSteps, AlignmentUpdate, LossSteps
from alignsearch.spaces.presets import preset_config

NUM_CLASSES = 1000
RATES = tf.zeros(2)
SEED = tf.constant([1, 2])


@dataclass(frozen=True)
class Size:
    """The images (batch, pixels, pixels, 3) and the network of one benchmark."""

    pixels: int
    batch: int
    stem: str
    width: int = 64

    def data(self):
        images = tf.random.stateless_normal((self.batch, self.pixels, self.pixels, 3), [0, 0])
        labels = tf.random.stateless_uniform((self.batch,), [0, 1], 0, NUM_CLASSES, tf.int32)
        return images, labels

    def model(self, rule=None):
        shape = (self.pixels, self.pixels, 3)
        return get_model("resnet18")(
            shape, NUM_CLASSES, width=self.width, stem=self.stem, learning_rule=rule
        )


def plain(config):
    """Return the configuration without operations of the backward pass."""
    return replace(config, operations=BackwardPassOperations())


def published(rule):
    return preset_config(rule, dataset="digits")


SIZES = {
    "steps32": Size(pixels=32, batch=32, stem="small"),
    "steps224": Size(pixels=224, batch=4, stem="imagenet"),
}

RULES: dict[str, TrainingConfig] = {
    "backpropagation": published("bp"),
    "feedback alignment": published("fa"),
    "KP, tied": published("kp"),
    "KP, angle": published("kp_angle"),
    "SA": published("sa"),
    "AA": published("aa"),
    "WM, no operations": plain(published("wm")),
    "WM, Akrout's operations": published("wm"),
    "WM+AD+OPS": published("wm_ad_ops"),
    "IA, no operations": plain(published("ia")),
    "IA, Table 5": published("ia"),
}
"""The published rules: App. B.2's presets and Table 5's columns, and two without operations."""


NAIVE = ("WM, no operations", "WM, Akrout's operations", "IA, no operations", "IA, Table 5")
"""Rules that are also timed by autodiff of their definition."""


def rule_of(config: TrainingConfig) -> Alignment | None:
    kind = LEARNING_RULES[config.learning_rule]
    return kind and kind(config.weights, config.operations, config.noise_stddev)


@dataclass(frozen=True)
class Step:
    """One compiled step and the variables that it needs in memory."""

    run: Callable[[], Any]
    variables: list[Any]

    def __post_init__(self):
        self.run()

    @property
    def resident(self) -> int:
        """Bytes of the variables."""
        sizes = {id(each): each.value.dtype.size * math.prod(each.shape) for each in self.variables}
        return sum(sizes.values())


class Network:
    """A network with backward kernels, whose layers get one rule after another."""

    def __init__(self, size: Size):
        self.batch = size.data()
        self.model = size.model(SymmetricAlignment())
        self.layers = aligned_layers(self.model)
        self.kernels = [layer.backward_kernel for layer in self.layers]
        apart = {id(kernel) for kernel in self.kernels}
        self.forward = [each for each in self.model.trainable_variables if id(each) not in apart]

    def step(self, config: TrainingConfig, minibatches: int = 1) -> Step:
        """Return the step of `config`'s rule, on R alone if the rule alternates."""
        rule = rule_of(config)
        self._take(rule)
        objectives = Objectives(self.model, tf.Variable(WEIGHT_DECAY))
        variables = [list(self.forward)]
        optimizers = [NesterovMomentum()]
        if config.ties_gradients:
            variables[0] += self.kernels
        if config.has_alignment_loss:
            optimizers.append(OPTIMIZERS[config.alignment_optimizer]())
            variables.append(self.kernels)
        together = Optimizers(optimizers, variables, minibatches=minibatches)
        on_loss = LossSteps(objectives, together, jit_compile=False)
        arguments = *self.batch, SEED, RATES
        held = [*self.model.variables, *(each for one in optimizers for each in one.variables)]
        step = on_loss.step
        if config.has_alignment_loss:
            update = AlignmentUpdate(together, jit_compile=False)
            steps = AlignmentSteps(on_loss, update, objectives, together, jit_compile=False)
            steps.alternating = config.alternating
            step = steps.alignment_step if config.alternating else steps.step

        def run():
            # Which graphs a step runs is asked of the layers' rule, as it is then.
            self._take(rule)
            return step(*arguments)

        return Step(run, held)

    def _take(self, rule):
        for layer in self.layers:
            layer.learning_rule = rule


def backpropagation(size: Size) -> tuple[Any, Step]:
    """Return a model of our layers without a rule, and its step."""
    model, batch = size.model(), size.data()
    optimizer = NesterovMomentum()
    optimizers = Optimizers([optimizer], [list(model.trainable_variables)])
    steps = LossSteps(Objectives(model, tf.Variable(WEIGHT_DECAY)), optimizers, jit_compile=False)
    held = [*model.variables, *optimizer.variables]
    return model, Step(lambda: steps.step(*batch, SEED, RATES), held)


def stock(size: Size, *, fused: bool) -> Step:
    """Return a plain GradientTape step of Keras's own layers, with our J, optimizer and weights.

    With `fused`, batch norm is our fused kernel. Keras's own takes about twenty kernels.
    """
    ours, (images, labels) = size.model(), size.data()

    def as_stock(layer):
        kinds = {Conv2D: keras.layers.Conv2D, Dense: keras.layers.Dense}
        if not fused:
            kinds[BatchNormalization] = keras.layers.BatchNormalization
        config = layer.get_config()
        config.pop("learning_rule", None)
        config.pop("relu_follows", None)
        return kinds.get(type(layer), type(layer)).from_config(config)

    model = keras.models.clone_model(ours, clone_function=as_stock)
    model.set_weights(ours.get_weights())
    optimizer = NesterovMomentum(0.0)
    optimizer.build(model.trainable_variables)
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
            penalty = tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
            total = loss + WEIGHT_DECAY * penalty
        gradients = tape.gradient(total, [each.value for each in model.trainable_variables])
        optimizer.apply(gradients, model.trainable_variables)
        right = tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
        return tf.stack([loss, tf.reduce_mean(tf.cast(right, tf.float32))])

    return Step(lambda: step(images, labels), [*model.variables, *optimizer.variables])


def naive(network: Network, config: TrainingConfig) -> Step:
    """Return the step of the published code (neuroailab/neural-alignment).

    It computes both losses at every step, multiplies the idle one by 0, and differentiates the sum.
    J is computed by our layers, R by its definition.
    """
    model, layers = network.model, network.layers
    sigma = tf.constant(config.noise_stddev)
    forward = NesterovMomentum(0.0)
    backward = OPTIMIZERS[config.alignment_optimizer]()
    backward.learning_rate.assign(0.0)
    forward.build(network.forward)
    backward.build(network.kernels)
    kernels = [layer.kernel for layer in layers]

    @tf.function
    def step(images, labels, switch):
        batch = images.shape[0]
        with tf.GradientTape() as tape:
            tape.watch([kernel.value for kernel in network.kernels])
            with recording():
                logits = model(images, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            ) + WEIGHT_DECAY * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
            noise = [
                sigma * tf.random.normal((batch, *layer.aligned_input_shape)) for layer in layers
            ]
            alignment = tf.add_n(
                [naive_alignment(*pair, config) for pair in zip(layers, noise, strict=True)]
            )
            total = switch[0] * loss + switch[1] * alignment
        variables = [*network.forward, *network.kernels]
        gradients = tape.gradient(total, [each.value for each in variables])
        count = len(network.forward)
        forward.apply(gradients[:count], network.forward)
        backward.apply(gradients[count:], network.kernels)
        return tf.stack([loss, alignment])

    switch = tf.constant([1.0, 0.0])
    held = [*model.variables, *forward.variables, *backward.variables]
    return Step(lambda: step(*network.batch, switch), held)


def naive_alignment(layer, x, config):
    """Return one layer's term of R, computed naively in the order of App. B.1.3."""
    on, weights, batch = config.operations, config.weights, x.shape[0]
    w, b = tf.stop_gradient(layer.kernel.value), layer.backward_kernel.value
    bias = 0.0 if layer.bias is None else tf.stop_gradient(layer.bias.value)

    def features(x, center, normalize):
        axes = list(range(1, x.shape.rank))
        if center or normalize:
            x = x - tf.reduce_mean(x, axes, keepdims=True)
        return tf.math.l2_normalize(x, axes, 1e-12) if normalize else x

    def examples(x, center):
        return x - tf.reduce_mean(x, 0, keepdims=True) if center else x

    def relu(x, on):
        return tf.nn.relu(x) if on and layer.relu_follows else x

    x = features(x, on.bi_fwmc, on.bi_fwl2n)
    backward_x = examples(x, on.bi_bwmc)
    output = relu(layer.project(x, w) + (bias if on.fo_bias else 0.0), on.fo_relu)
    back = layer.project_backward(backward_x, b) + (bias if on.bo_bias else 0.0)
    back = features(relu(back, on.bo_relu), on.bo_fwmc, on.bo_fwl2n)
    reconstruction = layer.reconstruct(output, b, tf.shape(x))
    output, reconstruction = (
        examples(features(each, on.fo_fwmc, on.fo_fwl2n), on.fo_bwmc)
        for each in (output, reconstruction)
    )
    primitives = {
        "amp": -tf.reduce_sum(output * back) / batch,
        "decay": 0.5 * tf.reduce_sum(tf.square(b)),
        "null": 0.5 * tf.reduce_sum(tf.square(reconstruction)) / batch,
    }
    return tf.add_n([weight * primitives[name] for name, weight in weights.items()])
