"""Benchmark of LeNet's epoch on Fashion-MNIST: ours under each rule, beside Keras's and PyTorch's.

    TF_NUM_INTRAOP_THREADS=1 python tests/benchmarks/bench_lenet.py [--steps 100] [--rounds 5]

All train BioTorch's LeNet in batches of 64 with SGD and momentum, on one thread each, and take
turns. Printed is the processor time of a step, which is what a search on few cores pays for, as the
median of the rounds. PyTorch is left out where it isn't installed.
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
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

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


def peer(images, labels):
    """PyTorch's LeNet and SGD; None where PyTorch isn't installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    nn = torch.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=MOMENTUM)
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    y = torch.from_numpy(labels.astype(np.int64))

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        return float(loss)

    return run


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rules", default=",".join(BIOTORCH_RULES))
    asked = parser.parse_args()
    sample = data.load("fashion_mnist_32").sample("train", BATCH)
    images, labels = (each.numpy() for each in sample)
    runners = {"Keras, fit": stock(images, labels), "PyTorch": peer(images, labels)}
    runners |= {f"ours, {rule}": ours(rule, images, labels) for rule in asked.rules.split(",")}
    found = {name: [] for name, run in runners.items() if run is not None}
    for name in found:
        runners[name](10)
    for _ in range(asked.rounds):
        for name, times in found.items():
            before = processor_seconds()
            runners[name](asked.steps)
            times.append((processor_seconds() - before) / asked.steps * 1e3)
    sys.stdout.write("| LeNet, batches of 64, one thread | ms of processor a step |\n|---|---|\n")
    for name, times in found.items():
        sys.stdout.write(
            f"| {name} | {statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f}) |\n"
        )


if __name__ == "__main__":
    main()
