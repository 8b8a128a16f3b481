"""The cost of training steps: what is measured, and memory counted by hand."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from alignment_core.analysis.step_cost import interval_of_median, step_costs
from alignment_core.errors import ConfigurationError
from alignment_core.training import accelerators
from alignment_core.training.config import TrainingConfig

BACKPROPAGATION = TrainingConfig(
    dataset="digits", epochs=1, batch_size=16, learning_rate=0.1, model="dense", width=24
)
CONFIGS = {
    "BP": BACKPROPAGATION,
    "FA": replace(BACKPROPAGATION, learning_rule="feedback_alignment"),
    "KP": replace(BACKPROPAGATION, learning_rule="kolen_pollack", weights={"decay": 1e-4}),
    "SA": replace(
        BACKPROPAGATION,
        learning_rule="symmetric_alignment",
        weights={"self": 1.0, "decay": 1.0},
        alignment_optimizer="adam",
    ),
    "DFA": replace(BACKPROPAGATION, learning_rule="direct_feedback_alignment"),
    "PFA": replace(
        BACKPROPAGATION, learning_rule="product_feedback_alignment", weights={"decay": 1e-4}
    ),
}
SIDES = (64, 24, 24, 10)
"""Units of the network on 8 x 8 images: two hidden layers and ten classes."""
KERNELS = sum(one * other for one, other in pairwise(SIDES))
NETWORK = 4 * (KERNELS + sum(SIDES[1:]))
"""Bytes of kernels and biases in float32."""
STEPS_AND_RATES = 64
"""Bytes of an optimizer's step count and rate, at most."""


@pytest.fixture(scope="module")
def found():
    return step_costs(CONFIGS, rounds=6, steps=2)


def test_every_configuration_has_its_cost_beside_the_first_one(found):
    assert list(found) == list(CONFIGS)
    assert (found["BP"].ratio, found["BP"].ratio_low, found["BP"].ratio_high) == (1, 1, 1)
    for cost in found.values():
        assert cost.seconds > 0
        assert cost.ratio_low <= cost.ratio <= cost.ratio_high
        # TensorFlow's allocator on a CPU doesn't count blocks as small as these.
        assert cost.peak_bytes is None or cost.peak_bytes >= cost.variable_bytes
        assert cost.network_bytes == NETWORK


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("BP", 0),
        ("FA", KERNELS),
        ("KP", KERNELS),
        ("SA", KERNELS),
        # The error of the ten outputs goes to the input of each layer.
        ("DFA", 10 * sum(SIDES[:-1])),
        # Between F and B are ten times the layer's units.
        ("PFA", 10 * (KERNELS + sum(units * units for units in SIDES[1:]))),
    ],
)
def test_bytes_of_feedback_are_those_counted_by_hand(found, name, numbers):
    assert found[name].feedback_bytes == 4 * numbers


@pytest.mark.parametrize(
    ("name", "slots"),
    [
        ("BP", NETWORK),
        ("FA", NETWORK),
        # J's momentum moves the backward kernels, too.
        ("KP", NETWORK + 4 * KERNELS),
        # Adam has two moments of each backward weight.
        ("SA", NETWORK + 2 * 4 * KERNELS),
        ("DFA", NETWORK),
    ],
)
def test_bytes_of_optimizers_are_those_counted_by_hand(found, name, slots):
    cost = found[name]
    assert slots <= cost.optimizer_bytes <= slots + 2 * STEPS_AND_RATES
    assert cost.variable_bytes == cost.network_bytes + cost.feedback_bytes + cost.optimizer_bytes


def test_a_streamed_data_set_has_images_of_the_size_asked_for():
    config = replace(BACKPROPAGATION, dataset="imagenet", image_size=4, width=2, batch_size=2)
    (cost,) = step_costs({"BP": config}, rounds=1, steps=1).values()
    sides = (4 * 4 * 3, 2, 2, 1000)
    numbers = sum(one * other for one, other in pairwise(sides)) + sum(sides[1:])
    assert cost.network_bytes == 4 * numbers


@pytest.mark.parametrize("count", [6, 9, 12, 20])
def test_an_interval_covers_the_median_as_often_as_it_says(count, rng):
    samples = rng.exponential(size=(4000, count))
    median = np.log(2)
    limits = np.array([interval_of_median(each) for each in samples])
    covered = np.mean((limits[:, 0] <= median) & (median <= limits[:, 1]))
    # The deviation of a share of 95 % from 4,000 samples is 0.3 %.
    assert 0.94 < covered < 0.99


def test_the_interval_is_the_tables_one():
    """Ranks 2 and 8 of 9, and 6 and 15 of 20, as tables of the sign test have them."""
    assert interval_of_median([*range(1, 10)]) == (2, 8)
    assert interval_of_median([*range(20, 0, -1)]) == (6, 15)
    assert interval_of_median([3.0, 1.0]) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("configs", "numbers", "said"),
    [
        ({}, {}, "name at least one configuration"),
        (CONFIGS, {"rounds": 0}, "rounds must be at least 1, not 0"),
        (CONFIGS, {"steps": 0}, "steps must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(configs, numbers, said):
    with pytest.raises(ConfigurationError, match=said):
        step_costs(configs, **numbers)


def test_the_example_in_the_documents_prints_each_cost(capsys):
    document = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text()
    example, _ = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    assert example.count("width=16") == 1
    smaller = example.replace("width=16", 'width=24, model="dense"')
    exec(compile(smaller, "experiments.md", "exec"), {"__name__": "example"})
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["BP", "FA"]


def test_replicas_are_not_measured():
    with (
        accelerators.get_strategy("mirrored").scope(),
        pytest.raises(ConfigurationError, match="outside of a strategy's scope"),
    ):
        step_costs(CONFIGS)
