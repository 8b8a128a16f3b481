"""Conversion of the paper's configurations to trainings: batch size, weights of primitives.

Only this module knows which primitive each of the paper's Greek letters weighs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.space import SearchSpace

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig

# By order, learning rule and primitive: the Greek letter and the factor before it. Our decay and
# null primitives have a factor of a half that those of the reference code don't have: hence the 2s.
WEIGHTS_ORDERS: dict[str, dict[str, dict[str, tuple[str, float]]]] = {
    "paper": {
        "weight_mirror": {"amp": ("alpha", 1.0), "decay": ("beta", 1.0)},
        "information_alignment": {
            "amp": ("alpha", 1.0),
            "decay": ("beta", 1.0),
            "null": ("gamma", 1.0),
        },
    },
    "reference": {
        "weight_mirror": {"decay": ("alpha", 2.0), "amp": ("beta", 1.0)},
        "information_alignment": {
            "amp": ("alpha", 1.0),
            "null": ("beta", 2.0),
            "decay": ("gamma", 2.0),
        },
    },
}

ALIGNMENT_OPTIMIZERS = {"Vanilla GD": "vanilla_gd", "Adam": "adam"}
"""Optimizers of R by their names in Table 5: keys of `alignment_core`'s `OPTIMIZERS`."""


def primitive_weights(
    learning_rule: str, configuration: Configuration, weights_order: str
) -> dict[str, float]:
    """Return the weight of each primitive of `learning_rule`, with alpha = (alpha/beta) beta.

    There are two orders, because Table 5 doesn't say which one it was printed in:

    - `paper` (Kunin et al. 2020, App. B.1): alpha weighs amp, beta decay, gamma null.
    - `reference` (the authors' published code): weight mirror's alpha weighs decay and beta amp;
      information alignment's alpha weighs amp, beta null and gamma decay. That code's decay is
      norm(B)^2 and its null norm(B x_{l+1})^2, without the halves of `rules.primitives`,
      so their weights are doubled (that the paper has the half of null is unconfirmed).

    Args:
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
        configuration: gives alpha/beta, beta and gamma.
        weights_order: a key of `WEIGHTS_ORDERS`.

    Raises:
        UnknownNameError: there is no such order, or no weights are published for the rule.
        ConfigurationError: the configuration has a gamma that the rule doesn't use, or lacks one
            that it does.
    """
    return weights_of(
        learning_rule,
        letters_of(configuration.alpha_over_beta, configuration.beta, configuration.gamma),
        weights_order,
    )


def letters_of(alpha_over_beta: float, beta: float, gamma: float | None) -> dict[str, float]:
    """Return the Greek letters' values from those that searches sample; gamma may be None."""
    letters = {"alpha": alpha_over_beta * beta, "beta": beta}
    return letters if gamma is None else letters | {"gamma": gamma}


def weights_of(
    learning_rule: str, letters: Mapping[str, float], weights_order: str
) -> dict[str, float]:
    """Return the weight of each primitive of `learning_rule` from alpha, beta and gamma.

    Args:
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
        letters: value of each Greek letter.
        weights_order: a key of `WEIGHTS_ORDERS`.

    Raises:
        UnknownNameError, ConfigurationError: as `primitive_weights`.
    """
    if weights_order not in WEIGHTS_ORDERS:
        raise UnknownNameError("weights order", weights_order, WEIGHTS_ORDERS)
    rules = WEIGHTS_ORDERS[weights_order]
    if learning_rule not in rules:
        raise UnknownNameError("searched learning rule", learning_rule, rules)
    used = {letter for letter, _ in rules[learning_rule].values()}
    if used != letters.keys():
        raise ConfigurationError(
            f"{learning_rule} has the weights {', '.join(sorted(used))}, "
            f"but the configuration gives {', '.join(sorted(letters))}"
        )
    return {
        primitive: factor * letters[letter]
        for primitive, (letter, factor) in rules[learning_rule].items()
    }


class _Recipe(Protocol):
    """The fields of a search's recipe that decide settings of the paper's trainings."""

    @property
    def batch_divisor(self) -> int:
        """Divisor of the searched batch size."""

    @property
    def weights_order(self) -> str:
        """A key of `WEIGHTS_ORDERS`."""


def weight_mirror_advice(recipe: _Recipe) -> str:
    """Return advice on a search over `wm`, which often diverges in the paper's order of weights."""
    if recipe.weights_order != "paper":
        return ""
    return (
        "weights order: paper. Table 5's WM column diverges in it and trains in "
        "--weights-order reference (docs/fidelity.md)"
    )


@dataclass(frozen=True)
class PublishedTraining:
    """The function of the paper's definitions that turns a configuration into a training.

    Attributes:
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
    """

    learning_rule: str

    def __call__(self, config: Mapping[str, Any], recipe: _Recipe) -> dict[str, Any]:
        """Return the settings of the training by name.

        Args:
            config: a value for each row of Table 5.
            recipe: the search's recipe.

        Raises:
            ConfigurationError: the configuration can't be trained.
            UnknownNameError: the recipe's weights order is unknown.
        """
        return published_settings(
            self.learning_rule,
            configuration(config),
            batch_divisor=recipe.batch_divisor,
            weights_order=recipe.weights_order,
        )


def published_settings(
    learning_rule: str, configuration: Configuration, *, batch_divisor: int, weights_order: str
) -> dict[str, Any]:
    """Return the settings of a training that a configuration of Table 5 decides.

    Args:
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
        configuration: the trial's metaparameters.
        batch_divisor: a batch has |B| // `batch_divisor` images, at least one. The learning rate
            stays |B| / 2048 of the searched |B|, so a small data set gets the paper's rates.
        weights_order: a key of `WEIGHTS_ORDERS`.

    Returns:
        Fields of `alignment_core.training.config.TrainingConfig` by name.

    Raises:
        UnknownNameError: there is no such weights order.
        ConfigurationError: the divisor isn't positive, or the weights don't fit the learning rule.
    """
    # TensorFlow takes seconds to import, and only a training needs it.
    from alignment_core.rules.backward_pass import BackwardPassOperations

    if batch_divisor < 1:
        raise ConfigurationError(f"the batch divisor must be at least 1, not {batch_divisor}")
    operations = {
        field.name: getattr(configuration, field.name) for field in fields(BackwardPassOperations)
    }
    return {
        "weights": primitive_weights(learning_rule, configuration, weights_order),
        "operations": BackwardPassOperations(**operations),
        "noise_stddev": configuration.sigma,
        "batch_size": max(1, configuration.train_batch_size // batch_divisor),
        "learning_rate": configuration.sgdm_learning_rate,
        "alignment_optimizer": ALIGNMENT_OPTIMIZERS[configuration.alignment_optimizer],
        "alignment_learning_rate": configuration.alignment_learning_rate,
        "alternating": configuration.alternating_minimization,
        "delay_epochs": configuration.delay_epochs,
    }


def training_config(
    space: SearchSpace,
    configuration: Configuration,
    *,
    batch_divisor: int,
    weights_order: str,
    **settings: Any,
) -> "TrainingConfig":
    """Return the training of a configuration of Table 5.

    Args:
        space: gives the learning rule.
        configuration: the metaparameters.
        batch_divisor: as `published_settings`.
        weights_order: as `published_settings`.
        settings: the fields of `alignment_core.training.config.TrainingConfig` that the
            configuration doesn't decide, by name. Delay, warm-up and drops are in epochs of the
            published schedule, and are compressed by `epochs` / `schedule_epochs`.

    Raises:
        UnknownNameError: there is no such weights order.
        ConfigurationError: the divisor isn't positive, or the weights don't fit the learning rule.
    """
    from alignment_core.training.config import TrainingConfig

    rule = space.learning_rule
    decided = published_settings(
        rule, configuration, batch_divisor=batch_divisor, weights_order=weights_order
    )
    return TrainingConfig(learning_rule=rule, **decided, **settings)
