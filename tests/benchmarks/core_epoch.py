"""Benchmark of an epoch beside its steps: data, metrics, checkpoints and validation.

The trainer has compiled all graphs in a training before, and writes a checkpoint after the epoch.
Epochs take turns with steps alone on one prepared batch. Input is the part of the epoch that isn't
in the trainer's own timings.
"""

import statistics
import tempfile
import time
from collections import defaultdict

import tensorflow as tf

from alignment_core.training.trainer import Trainer
from alignsearch.spaces.presets import preset_config

OVERHEAD = ("input", "measure", "checkpoint")
PARTS = ("train", *OVERHEAD, "validate")

CASES = {
    f"{dataset}, {rule}": (
        preset_config(rule, dataset=dataset, width=width, batch_size=batch, epochs=1),
        repeats,
    )
    for dataset, width, batch, rules, repeats in (
        ("digits", 16, 8, ("bp", "wm", "ia"), 5),
        ("fashion_mnist", 8, 256, ("ia",), 1),
    )
    for rule in rules
}


def table():
    """Print the durations of an epoch's parts."""
    print(
        "\nShares of an epoch of ResNet-18: digits at width 16 in batches of 8, medians of 5; "
        "Fashion-MNIST at width 8 in batches of 256, once. Images a second without validation\n\n"
        f"| training | images/s | the steps alone | {' + '.join(OVERHEAD)} | "
        f"{' | '.join(PARTS)} |\n|---|---|---|---|{'---|' * len(PARTS)}"
    )
    for name, (config, repeats) in CASES.items():
        row = measure(config, repeats)
        shares = [f"{row[part]:.1%}" for part in ("overhead", *PARTS)]
        print(
            f"| {name} | {row['rate']:.0f} | {row['rate of steps']:.0f} | {' | '.join(shares)} |",
            flush=True,
        )


def measure(config, repeats):
    trainer = Trainer(config)
    trainer.fit()
    steps = trainer.steps_per_epoch
    found = defaultdict(list)
    for _ in range(repeats):
        alone = steps * seconds_a_step(trainer, config)
        with tempfile.TemporaryDirectory() as folder:
            result, checkpoint = train(trainer, folder)
        timings, epoch = result.timings, result.epochs[0].seconds
        assert timings["trace"] == 0
        rest = epoch - sum(timings[part] for part in ("train", "validate", "measure"))
        parts = {**timings, "input": rest, "checkpoint": checkpoint}
        whole = epoch + checkpoint
        for part in PARTS:
            found[part].append(parts[part] / whole)
        found["overhead"].append(sum(parts[part] for part in OVERHEAD) / whole)
        images = steps * config.batch_size
        found["rate"].append(images / (whole - timings["validate"]))
        found["rate of steps"].append(images / alone)
    return {name: statistics.median(values) for name, values in found.items()}


def train(trainer, folder):
    """Return the result of a training of one epoch, and the seconds after the epoch's end."""
    ended = []
    result = trainer.fit(lambda _: ended.append(time.perf_counter()), checkpoint_dir=folder)
    return result, time.perf_counter() - ended[0]


def seconds_a_step(trainer, config, count=30):
    images, labels = trainer._dataset.sample("train", config.batch_size)
    network = trainer._network
    step = (network.alignment_steps or network.loss_steps).step
    started = time.perf_counter()
    for number in range(count):
        step(images, labels, tf.constant([1, number]), tf.zeros(2)).numpy()
    return (time.perf_counter() - started) / count
