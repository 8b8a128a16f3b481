"""Budgets of the experiment `rules` by scale, and the trainings that follow each search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from alignsearch.experiments.options import Scale
from alignsearch.search.use_cases.compared_rules import FINAL, noisy


@dataclass(frozen=True)
class Task:
    """A data set and a network on which rules are compared.

    width: channels of the network's first stage; None for its own width on the data set.
    """

    dataset: str
    model: str
    width: int | None
    epochs: int


@dataclass(frozen=True)
class Budget:
    """How much is spent on each rule; the same for all.

    Attributes:
        tasks: the data sets and networks.
        trials: configurations that are searched.
        generation: configurations that are suggested from the same results, so that the table is
            the same on any number of slots and after any fault (`search.driver.generations`).
        top: how many of the best are repeated before one is named.
        repeats: seeds of each of these at most.
        seeds: fresh seeds of the named one, which its row is made of.
        variances: variances of the noise in updates, under which it is trained again.
        noise_seeds: seeds at each variance.
    """

    tasks: tuple[Task, ...]
    trials: int
    generation: int
    top: int
    repeats: int
    seeds: int
    variances: tuple[float, ...]
    noise_seeds: int


SCALES: dict[Scale, Budget] = {
    "minutes": Budget(
        (Task("digits", "convnet", 8, 20),),
        trials=40,
        generation=8,
        top=4,
        repeats=3,
        seeds=10,
        variances=(1e-2, 1e-1, 1.0),
        noise_seeds=3,
    ),
    "hours": Budget(
        (
            Task("fashion_mnist_32", "lenet", None, 20),
            Task("cifar10", "resnet20", None, 40),
        ),
        trials=60,
        generation=20,
        top=5,
        repeats=3,
        seeds=5,
        variances=(1e-4, 1e-3, 1e-2),
        noise_seeds=3,
    ),
    "paper": Budget(
        (Task("imagenet", "resnet18", 64, 45),),
        trials=300,
        generation=60,
        top=5,
        repeats=3,
        seeds=5,
        variances=(1e-8, 1e-6, 1e-4),
        noise_seeds=3,
    ),
}
"""The budget of each scale. Noise adds up over steps, so its variances fall with their number."""


def trained(budget: Budget) -> Iterator[tuple[str, range, dict[str, Any]]]:
    """Yield what a rule's best configuration is trained for: name, seeds, changes of the recipe."""
    yield FINAL, range(budget.seeds), {"robustness": True}
    for variance in budget.variances:
        yield noisy(variance), range(budget.noise_seeds), {"update_noise_variance": variance}
