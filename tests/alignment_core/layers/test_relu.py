import keras
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.dense import Dense
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.mirroring import WeightMirror

RULE = WeightMirror(amp=1.0, decay=0.1, operations=BackwardPassOperations(fo_relu=True))


@pytest.mark.parametrize(
    "activation",
    ["relu", keras.activations.relu, tf.nn.relu, keras.ops.relu, keras.layers.ReLU()],
    ids=lambda value: getattr(value, "__module__", value),
)
def test_one_relu_has_one_meaning(activation):
    layer = Dense(3, activation=activation, learning_rule=RULE)
    assert layer.relu_follows is True
    assert type(layer).from_config(layer.get_config()).relu_follows is True


@pytest.mark.parametrize(
    "activation",
    ["tanh", tf.nn.tanh, "relu6", keras.layers.ReLU(max_value=6), keras.layers.LeakyReLU()],
)
def test_another_function_is_no_relu(activation):
    assert Dense(3, activation=activation, learning_rule=RULE).relu_follows is False


@pytest.mark.parametrize("activation", [None, lambda x: tf.maximum(x, 0)])
def test_where_it_cannot_be_known_the_switches_are_refused(activation):
    with pytest.raises(ConfigurationError, match=r"'head'.*set relu_follows to True or False"):
        Dense(3, name="head", activation=activation, learning_rule=RULE)
    for follows in (True, False):
        layer = Dense(3, activation=activation, relu_follows=follows, learning_rule=RULE)
        assert layer.relu_follows is follows
    assert Dense(3, learning_rule=WeightMirror(amp=1.0, decay=0.1)).relu_follows is None
