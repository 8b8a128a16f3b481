"""Cost of a compiled step: each layer's products, counted in the executed graph."""

import re
from collections import Counter

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from alignment_core.models import get_model
from alignment_core.optimizers.optimizers import Adam, NesterovMomentum, Optimizers
from alignment_core.rules.backward_pass import AKROUT_OPERATIONS
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
from alignment_core.training.objectives import Objectives
from alignment_core.training.steps import AlignmentSteps, AlignmentUpdate, LossSteps

LAYERS = 3
"""Convolutions of the plain network; the dense layer after them isn't counted."""

FORWARD, OF_INPUT, OF_KERNEL = "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"

ONEDNN = r"^_(?:MklNative)?(?:Fused)?(Conv2D(?:Backprop(?:Input|Filter))?)(?:WithBias)?$"
"""Names of oneDNN's products, with and without fused neighbours."""


def steps_of(rule, *, alternating, minibatches=1):
    model = get_model("convnet")((8, 8, 2), 3, width=4, learning_rule=rule)
    objectives = Objectives(model, tf.Variable(0.01))
    kernels = [layer.backward_kernel for layer in objectives.layers]
    backward = {id(kernel) for kernel in kernels}
    variables = [[v for v in model.trainable_variables if id(v) not in backward]]
    optimizers = [NesterovMomentum()]
    if rule is not None and rule.tie_gradients:
        variables[0] += kernels
    elif rule is not None and rule.primitives:
        variables.append(kernels)
        optimizers.append(Adam())
    together = Optimizers(optimizers, variables, minibatches=minibatches)
    on_loss = LossSteps(objectives, together, jit_compile=False)
    if len(optimizers) == 1:
        return on_loss.step
    update = AlignmentUpdate(together, jit_compile=False)
    steps = AlignmentSteps(on_loss, update, objectives, together, jit_compile=False)
    steps.alternating = alternating
    return steps.alignment_step if alternating else steps.step


def executed(step):
    """Count the operations of a step by type, as TensorFlow's graph optimizer leaves them."""
    images, labels = tf.ones((4, 8, 8, 2)), tf.zeros(4, tf.int32)
    arguments = images, labels, tf.constant([1, 2]), tf.constant([0.1, 0.1])
    context.context().enable_graph_collection()
    try:
        step(*arguments)
        graphs = context.context().export_run_metadata().partition_graphs
    finally:
        context.context().disable_graph_collection()
    counts = Counter(node.op for graph in graphs for node in graph.node)
    found = Counter()
    for op, count in counts.items():
        found[re.sub(ONEDNN, r"\1", op)] += count
    return found


MIRROR = {"amp": 0.1, "decay": 0.1}
INFORMATION = {**MIRROR, "null": 0.1}


@pytest.mark.parametrize(
    ("rule", "alternating", "products"),
    [
        (None, False, (3, 2, 3)),
        (FeedbackAlignment({}), False, (3, 2, 3)),
        (KolenPollack({"decay": 0.1}), False, (3, 2, 3)),
        (KolenPollackAngle({"angle": 1.0, "decay": 0.1}), False, (3, 2, 3)),
        (SymmetricAlignment({"self": 0.1, "decay": 0.1}), False, (3, 2, 3)),
        (SymmetricAlignment({"self": 0.1, "decay": 0.1}), True, (0, 0, 0)),
        # R reuses the forward outputs of J's forward pass.
        (ActivationAlignment({"amp": 0.1, "sparse": 0.1}), False, (6, 2, 6)),
        (ActivationAlignment({"amp": 0.1, "sparse": 0.1}), True, (6, 0, 3)),
        # With noise, the network's forward pass isn't computed.
        (WeightMirror(MIRROR, noise_stddev=0.5), True, (3, 0, 3)),
        (WeightMirror(MIRROR, AKROUT_OPERATIONS, 0.5), True, (3, 0, 3)),
        (InformationAlignment(INFORMATION, noise_stddev=0.5), True, (3, 3, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_step_forms_the_products_that_its_gradients_need(rule, alternating, products):
    counts = executed(steps_of(rule, alternating=alternating))
    assert (counts[FORWARD], counts[OF_INPUT], counts[OF_KERNEL]) == products


def test_all_layers_align_on_one_block_of_noise():
    rule = WeightMirror(MIRROR, AKROUT_OPERATIONS, 0.5)
    counts = executed(steps_of(rule, alternating=True))
    assert counts["StatelessRandomNormalV2"] == 1
    # Each layer, the dense one included, centres over the batch once, with one mean.
    assert counts["Mean"] == LAYERS + 1


def test_minibatches_take_the_memory_of_a_part():
    """TensorFlow's CPU allocator counts memory in blocks of 256 KiB and more."""
    images, labels = tf.ones((8192, 8, 8, 2)), tf.zeros(8192, tf.int32)
    arguments = images, labels, tf.constant([1, 2]), tf.constant([0.1, 0.1])
    memory = tf.config.experimental
    peaks = []
    for parts in (1, 8):
        step = steps_of(FeedbackAlignment({}), alternating=True, minibatches=parts)
        step(*arguments)
        memory.reset_memory_stats("CPU:0")
        before = memory.get_memory_info("CPU:0")["current"]
        step(*arguments)
        peaks.append(memory.get_memory_info("CPU:0")["peak"] - before)
    assert 0 < peaks[1] < peaks[0] / 2, peaks
