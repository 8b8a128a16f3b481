"""Backpropagation's step of ResNet-18 beside PyTorch's and stock Keras's, and under `fit`.

One run makes some steps; the contenders take turns, in another order each round, so that other load
on the machine affects all alike. PyTorch runs in a process of its own (torch_peer.py says how it is
had), with as many threads as there are cores, in its channels-last layout.
"""

import os
import random
import statistics
import sys
import time

import keras
import tensorflow as tf
from core_steps import NUM_CLASSES, backpropagation, stock
from torch_peer import TorchPeer, find_python

from alignment_core.data.pipeline import without_autotune
from alignment_core.optimizers.optimizers import NesterovMomentum
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.config import WEIGHT_DECAY

OURS = "ours, the trainer's step"


def under_fit(size, steps):
    """Return a function that makes the steps of backpropagation under `fit`.

    `tf.data`'s autotuning would make some runs seem longer (docs/measurements.md).
    """
    plain = size.model()
    model = AlignedModel(plain.inputs, plain.outputs)
    model.compile(
        NesterovMomentum(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weight_decay=WEIGHT_DECAY,
        metrics=["accuracy"],
    )
    batches = without_autotune(tf.data.Dataset.from_tensors(size.data()).repeat())
    return lambda: model.fit(batches, steps_per_epoch=steps, verbose=0)


def repeated(step, steps):
    """Return a function that makes a step of core_steps.py so many times, to its end."""

    def run():
        for _ in range(steps):
            found = step.run()
        found.numpy()

    return run


def wall(run):
    """Return a function that returns the seconds of `run`."""

    def timed():
        begun = time.perf_counter()
        run()
        return time.perf_counter() - begun

    return timed


def table(size, rounds, python=None, steps=5):
    """Print milliseconds a step, and each contender's share of ours, of one image size."""
    model, own = backpropagation(size)
    contenders = {
        OURS: wall(repeated(own, steps)),
        "ours, under fit": wall(under_fit(size, steps)),
        "stock Keras": wall(repeated(stock(size, fused=False), steps)),
    }
    python = find_python(python)
    torch = None
    if python is None:
        sys.stdout.write("PyTorch is left out: it isn't installed (torch_peer.py says how)\n")
    else:
        images, labels = (each.numpy() for each in size.data())
        torch = TorchPeer(
            *(python, "resnet18", images, labels),
            threads=os.cpu_count(),
            classes=NUM_CLASSES,
            rate=0.0,
            stem=size.stem,
            width=size.width,
        )
        assert torch.parameters == sum(each.numpy().size for each in model.trainable_variables)
        contenders[torch.said] = lambda: torch.run(steps).wall
    for run in contenders.values():
        run()
    seconds = {name: [] for name in contenders}
    for number in range(rounds):
        for name, run in random.Random(number).sample([*contenders.items()], len(contenders)):
            seconds[name].append(run() / steps)
    if torch is not None:
        torch.end()
    sys.stdout.write(
        f"\nResNet-18 of width {size.width} at {size.pixels} x {size.pixels}, batch {size.batch}, "
        f"backpropagation: ms a step, median of {rounds} runs of {steps} steps in turn (lowest to "
        "highest), and the same of ours over it, run by run\n\n"
        "| step | ms | ours over it |\n|---|---|---|\n"
    )
    for name, taken in seconds.items():
        ratios = [one / other for one, other in zip(seconds[OURS], taken, strict=True)]
        cells = middle([1e3 * each for each in taken], 0), middle(ratios, 2)
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
    sys.stdout.flush()


def middle(values, digits):
    """Return the median with the lowest and the highest value, for people."""
    found = statistics.median(values), min(values), max(values)
    centre, low, high = (f"{each:.{digits}f}" for each in found)
    return f"{centre} ({low} to {high})"
