"""Benchmark of LeNet's epoch on Fashion-MNIST: ours under each rule, beside Keras's and PyTorch's.

    python tests/benchmarks/bench_lenet.py [--steps 100] [--rounds 7] [--torch PYTHON]

All train BioTorch's LeNet in batches of 64 with SGD and momentum, on one thread each, and take
turns. Printed is the processor time of a step, which is what a search on few cores pays for, and of
an epoch's 937 steps: the median of the rounds, with the lowest and the highest. PyTorch runs in a
Python of its own, for instance Debian's (torch_peer.py says how it is had).
"""

import argparse
import os
import resource
import statistics
import sys

THREADS = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"
for name in THREADS:
    os.environ.setdefault(name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from torch_peer import TorchPeer, find_python  # noqa: E402

from alignment_core import data  # noqa: E402
from alignment_core.training.trainer import Trainer  # noqa: E402
from alignsearch.spaces.biotorch import BATCH, BIOTORCH_RULES, MOMENTUM  # noqa: E402
from alignsearch.spaces.presets import preset_config  # noqa: E402

RATE = 0.01


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(rule, images, labels):
    """Return a function of a number of steps that makes them by the trainer's compiled step."""
    config = preset_config(rule, "biotorch", dataset="fashion_mnist_32", model="lenet", epochs=1)
    network = Trainer(config)._network
    network.start(0)
    rates = tf.constant([RATE, 0.0])
    batch = tf.constant(images), tf.constant(labels)

    def run(steps):
        for step in range(steps):
            found = network.loss_steps.step(*batch, tf.constant([1, step]), rates)
        return float(found[0])

    return run


def own(run):
    """Return a function of a number of steps that returns the processor seconds of `run`."""

    def timed(steps):
        before = processor_seconds()
        run(steps)
        return processor_seconds() - before

    return timed


def stock(images, labels):
    """Keras's own layers, `compile` and `train_on_batch`."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(120, 5, activation="relu"),
            layers.Flatten(),
            layers.Dense(84, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE, momentum=MOMENTUM), loss, metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat()

    def run(steps):
        return model.fit(batches, steps_per_epoch=steps, verbose=0).history["loss"][0]

    return run


def peer(python, images, labels):
    """PyTorch's LeNet and SGD: a function of a number of steps that returns what they took."""
    return TorchPeer(python, "lenet", images, labels, threads=1, classes=10, rate=RATE)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rules", default=",".join(BIOTORCH_RULES))
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch")
    asked = parser.parse_args()
    sample = data.load("fashion_mnist_32").sample("train", BATCH)
    images, labels = (each.numpy() for each in sample)
    steps = {f"ours, {rule}": ours(rule, images, labels) for rule in asked.rules.split(",")}
    runners = {"Keras, fit": own(stock(images, labels))}
    runners |= {name: own(run) for name, run in steps.items()}
    python = find_python(asked.torch)
    if python is None:
        sys.stdout.write("PyTorch is left out: it isn't installed (torch_peer.py says how)\n")
    else:
        torch = peer(python, images, labels)
        runners[torch.said] = lambda steps: torch.run(steps).processor
    found = {name: [] for name in runners}
    for run in runners.values():
        run(10)
    for _ in range(asked.rounds):
        for name, times in found.items():
            times.append(runners[name](asked.steps) / asked.steps)
    each = 60_000 // BATCH
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores\n\n")
    sys.stdout.write(
        "| LeNet, batches of 64, one thread | ms of processor a step | s an epoch | of Keras |\n"
        "|---|---|---|---|\n"
    )
    keras_time = statistics.median(found["Keras, fit"])
    for name, times in found.items():
        middle = statistics.median(times)
        interval = f"{1e3 * min(times):.2f} to {1e3 * max(times):.2f}"
        sys.stdout.write(
            f"| {name} | {1e3 * middle:.2f} ({interval}) | {middle * each:.1f} | "
            f"{middle / keras_time:.2f} |\n"
        )


if __name__ == "__main__":
    main()
