from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.rules.primitives import PRIMITIVES

BATCH = 5


@pytest.fixture
def case(rng):
    """x (batch, inputs), f and g (batch, units), W and B (units, inputs)."""
    return {
        "x": rng.normal(size=(BATCH, 4)),
        "f": rng.normal(size=(BATCH, 3)),
        "g": rng.normal(size=(BATCH, 3)),
        "W": rng.normal(size=(3, 4)),
        "B": rng.normal(size=(3, 4)),
    }


# Each primitive of a dense layer, with its value and its gradient for B in closed form.
CLOSED_FORMS = {
    "decay": (
        lambda c, B: {"backward_kernel": B},
        lambda c: 0.5 * np.linalg.norm(c["B"]) ** 2,
        lambda c: c["B"],
    ),
    "amp": (
        lambda c, B: {"correlation": tf.reduce_sum(c["f"] * (c["x"] @ tf.transpose(B)))},
        lambda c: -np.mean([f @ c["B"] @ x for f, x in zip(c["f"], c["x"], strict=True)]),
        lambda c: -np.mean([np.outer(f, x) for f, x in zip(c["f"], c["x"], strict=True)], axis=0),
    ),
    "null": (
        lambda c, B: {"forward_reconstruction": c["f"] @ B},
        lambda c: np.mean([0.5 * np.sum((c["B"].T @ f) ** 2) for f in c["f"]]),
        lambda c: np.mean([np.outer(f, f) @ c["B"] for f in c["f"]], axis=0),
    ),
    "sparse": (
        lambda c, B: {"backward_output": c["x"] @ tf.transpose(B)},
        lambda c: np.mean([0.5 * np.sum((c["B"] @ x) ** 2) for x in c["x"]]),
        lambda c: np.mean([c["B"] @ np.outer(x, x) for x in c["x"]], axis=0),
    ),
    "self": (
        lambda c, B: {"forward_kernel": c["W"], "backward_kernel": B},
        lambda c: -np.trace(c["B"] @ c["W"].T),
        lambda c: -c["W"],
    ),
    "angle": (
        lambda c, B: {"propagation": tf.reduce_sum(c["g"] * (c["x"] @ tf.transpose(B)))},
        lambda c: np.sum([g @ c["B"] @ x for g, x in zip(c["g"], c["x"], strict=True)]),
        lambda c: np.sum([np.outer(g, x) for g, x in zip(c["g"], c["x"], strict=True)], axis=0),
    ),
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_value_and_gradient_are_the_closed_form(name, case):
    quantities, value, gradient = CLOSED_FORMS[name]
    backward_kernel = tf.constant(case["B"])
    with tf.GradientTape() as tape:
        tape.watch(backward_kernel)
        given = SimpleNamespace(batch_size=BATCH, **quantities(case, backward_kernel))
        result = PRIMITIVES[name].function(given)

    np.testing.assert_allclose(result, value(case))
    np.testing.assert_allclose(tape.gradient(result, backward_kernel), gradient(case))


@pytest.mark.parametrize("name", ["null", "sparse"])
def test_positions_and_channels_are_summed(name, rng):
    image = rng.normal(size=(BATCH, 2, 3, 4))
    given = SimpleNamespace(batch_size=BATCH, forward_reconstruction=image, backward_output=image)
    np.testing.assert_allclose(
        PRIMITIVES[name].function(given), 0.5 * np.mean(np.sum(image**2, axis=(1, 2, 3)))
    )
