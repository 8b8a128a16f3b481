"""A layer with a rule is refused by its name where the rule can't act, before it trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack
from alignment_core.rules.product_feedback import ProductFeedbackAlignment
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, SymmetricAlignment(), "'late' was built without a rule.*SymmetricAlignment"),
        (FeedbackAlignment(), SymmetricAlignment(), "'late'.*doesn't train the backward kernel"),
        (
            KolenPollack(decay=0.1),
            ProductFeedbackAlignment(decay=0.1),
            r"'late'.*shape \(3, 4\).*needs one of \(30, 4\)",
        ),
    ],
    ids=["no rule", "fixed", "other shape"],
)
def test_a_rule_that_came_after_the_layer_was_built_is_refused(before, after, said):
    layer = Dense(3, learning_rule=before, name="late")
    layer.build((None, 4))
    with pytest.raises(ConfigurationError, match=said):
        layer.learning_rule = after
    assert layer.learning_rule is before
    layer.learning_rule = None
    assert layer(tf.ones((2, 4)), training=True).shape == (2, 3)


def test_low_rank_adaptation_is_refused_after_the_layer_was_built_too():
    layer = Dense(3, learning_rule="symmetric_alignment", name="adapted")
    layer.build((None, 4))
    with pytest.raises(ConfigurationError, match=r"'adapted'.*enable_lora"):
        layer.enable_lora(2)
    plain = Dense(3)
    plain.build((None, 4))
    plain.enable_lora(2)
    assert plain.lora_enabled


def test_quantized_layers_are_refused():
    """Keras calls another function of such layers, which knows no rule."""
    with pytest.raises(ConfigurationError, match=r"'eight'.*a quantized dtype"):
        Dense(3, dtype="float8_from_float32", learning_rule="feedback_alignment", name="eight")
    Dense(3, dtype="float8_from_float32")


def test_sparse_inputs_are_refused():
    layer = Dense(3, learning_rule="feedback_alignment", name="sparse")
    with pytest.raises(ConfigurationError, match=r"'sparse'.*sparse inputs"):
        layer(keras.Input((4,), sparse=True))
    layer(tf.ones((2, 4)))
    with pytest.raises(ConfigurationError, match=r"'sparse'.*sparse inputs"):
        layer(tf.sparse.from_dense(tf.ones((2, 4))))


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_integers_are_taken_as_keras_takes_them(dtype):
    numbers = tf.constant([[1, 0, 1, 1], [0, 1, 1, 0]])
    layer = Dense(3, learning_rule=ActivationAlignment())
    layer.build((None, 4))
    outputs = layer(tf.cast(numbers, dtype), training=True)
    expected = numbers.numpy().astype("float32") @ layer.kernel.numpy()
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    (given,) = layer.losses
    layer(tf.cast(numbers, "float32"), training=True)
    np.testing.assert_allclose(given, layer.losses[0], rtol=1e-6)


def test_a_layer_may_get_another_rule_of_the_same_kernels():
    layer = Conv2D(3, 2, learning_rule=SymmetricAlignment(), name="conv")
    layer.build((None, 4, 4, 2))
    layer.learning_rule = ActivationAlignment()
    layer(tf.ones((2, 4, 4, 2)), training=True)
    assert len(layer.losses) == 1
