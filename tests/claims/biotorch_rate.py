"""Find the learning rate of BioTorch's table by backpropagation alone: `make biotorch-rate`.

LeNet is trained on 50,000 of Fashion-MNIST's training images and scored on the other 10,000, so
the test images have no part in it. The schedule of 100 epochs is compressed to a few.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from alignment_core import data
from alignment_core.data.arrays import ArrayDataSet
from alignment_core.training import trainer
from alignsearch.spaces.presets import preset_config

RATES = (0.003, 0.01, 0.03, 0.1)
HELD_OUT = 10_000


def held_out(name: str, folder: Any, options: Any) -> ArrayDataSet:
    """Load the data set with its last training images in the place of the test images."""
    whole = data.load(name, folder, options)
    assert isinstance(whole, ArrayDataSet)
    return replace(
        whole,
        train_images=whole.train_images[:-HELD_OUT],
        train_labels=whole.train_labels[:-HELD_OUT],
        validation_images=whole.train_images[-HELD_OUT:],
        validation_labels=whole.train_labels[-HELD_OUT:],
    )


@dataclass(frozen=True)
class Found:
    """A rate and the validation errors of its trainings' last epochs, in percent."""

    rate: float
    errors: tuple[float, ...]


def main() -> None:
    """Train at each rate and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rule", default="bp")
    parser.add_argument("--rates", default=",".join(map(str, RATES)))
    asked = parser.parse_args()
    config = preset_config(
        asked.rule,
        "biotorch",
        dataset="fashion_mnist_32",
        model="lenet",
        epochs=asked.epochs,
    )
    found = []
    with mock.patch.object(trainer, "_load", held_out):
        for rate in map(float, asked.rates.split(",")):
            errors = []
            for seed in range(asked.seeds):
                training = trainer.Trainer(replace(config, learning_rate=rate, seed=seed))
                error = training.fit().validation_error
                errors.append(100.0 if error is None else 100 * error)
            found.append(Found(rate, tuple(errors)))
            words = ", ".join(f"{error:.2f}" for error in errors)
            sys.stdout.write(f"rate {rate:g}: {words} %\n")
            sys.stdout.flush()
    best = min(found, key=lambda each: sum(each.errors))
    sys.stdout.write(f"lowest: {best.rate:g}\n")


if __name__ == "__main__":
    main()
