"""Print how large Table 5's WM columns make the backward kernels in either weights order.

ResNet-18 of width 64 on images of 224 pixels. The first table is the closed form of
`alignment_core.analysis.mirror_scale` for a convolution of each stage. With `--steps N` the network
is also trained N steps on J, its backward kernels at that fixed point (Gaussian images; minutes).
"""

import argparse
import sys

import numpy as np

from alignment_core.analysis.mirror_scale import fixed_point_ratio
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.spaces.training import WEIGHTS_ORDERS, primitive_weights

SIDES = (112, 56, 28, 14, 7)
"""Side of the images that come out of the stem and of the four stages."""

BATCH, CLASSES, WIDTH = 16, 1000, 64


def ratio(column: str, order: str, side: int) -> float:
    """||B|| / ||W|| at the fixed point of a layer whose output has this side."""
    configuration = PUBLISHED[column]
    weights = primitive_weights("weight_mirror", configuration, order)
    return fixed_point_ratio(weights, configuration.sigma, side**2)


def steps(column: str, order: str, count: int) -> str:
    """J and its gradient's norm at each of some steps, in words."""
    import keras
    import tensorflow as tf

    from alignment_core import FeedbackAlignment, NesterovMomentum, get_model

    model = get_model("resnet18")(
        (224, 224, 3), CLASSES, width=WIDTH, stem="imagenet", learning_rule=FeedbackAlignment({})
    )
    for layer in model.layers:
        if hasattr(layer, "backward_kernel"):
            side = layer.output.shape[1] if len(layer.output.shape) == 4 else 1
            layer.backward_kernel.assign(
                ratio(column, order, side) * layer.as_backward(layer.kernel)
            )
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(BATCH, 224, 224, 3)), tf.float32)
    labels = tf.constant(rng.integers(0, CLASSES, BATCH))
    optimizer = NesterovMomentum(PUBLISHED[column].sgdm_learning_rate)
    optimizer.build(model.trainable_variables)
    cost = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = cost(labels, model(images, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss, tf.linalg.global_norm(gradients)

    found = [[float(each) for each in step()] for _ in range(count)]
    return ", ".join(f"{loss:.3g} ({norm:.2g})" for loss, norm in found)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=0)
    asked = parser.parse_args()
    lines = [f"| column, order | {' | '.join(map(str, SIDES))} |", "|---" * 6 + "|"]
    pairs = [(column, order) for column in ("wm", "wm_ad") for order in WEIGHTS_ORDERS]
    for column, order in pairs:
        cells = (f"{ratio(column, order, side):,.3g}" for side in SIDES)
        lines.append(f"| {column}, {order} | {' | '.join(cells)} |")
    sys.stdout.write("||B|| / ||W|| by the side of the layer's output\n\n")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    if asked.steps:
        sys.stdout.write("\nJ (norm of its gradient) at each step, WM's column\n\n")
        for order in WEIGHTS_ORDERS:
            sys.stdout.write(f"{order}: {steps('wm', order, asked.steps)}\n")


if __name__ == "__main__":
    main()
