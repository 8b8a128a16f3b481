"""Runs: trainings that an experiment specifies, where a search would sample configurations."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from alignment_core import data
from alignment_core.errors import ConfigurationError
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.presets import EPOCHS, RULES, TABLE5, check_names, preset_config
from alignsearch.spaces.training import training_config

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig


SEED = "seed"
"""A run's random seed among its plain values."""

_DECIDED = frozenset(
    {"stem", "schedule_epochs", "batch_divisor", "weights_order", "update_noise_variance"}
)
"""Settings that follow from a run, its preset and data set, not from the search's recipe."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training: a rule with its metaparameters, a network, a seed.

    Attributes:
        rule: a published rule's short name (`alignsearch.spaces.presets.RULES`), or the space that
            the `searched` configuration belongs to.
        label: the name in figures and tables; empty for the rule's.
        seed: random seed of the initial weights, the order of images and the noise.
        model: a network of `alignment_core.model_names`.
        width: channels of the network's first stage, or units of a plain network's layers.
        epochs: epochs to train; warm-up, delay and drops are compressed to them.
        preset: the rule's preset; None for the rule's own.
        weights_order: which primitive each Greek letter weighs (`alignsearch.spaces.training`).
        update_noise_variance: variance of the noise in J's updates (Kunin et al. 2020, App. B.3).
        alignment_update_noise_variance: variance of the noise in R's updates.
        noisy_variables: the variables that the noise in J's updates disturbs, "all" or the
            "backward" kernels alone.
        searched: a configuration that a search found; None for a preset.
    """

    rule: str
    label: str = ""
    seed: int
    model: str = "resnet18"
    width: int
    epochs: int
    preset: str | None = None
    weights_order: str | None = None
    update_noise_variance: float = 0.0
    alignment_update_noise_variance: float = 0.0
    noisy_variables: Literal["all", "backward"] = "all"
    searched: Configuration | None = None

    @property
    def name(self) -> str:
        """The run's name in figures and tables."""
        return self.label or self.rule

    def values(self) -> dict[str, Value]:
        """Return the run as plain values by name, as a trial's `config` has them."""
        flat = asdict(replace(self, searched=None))
        del flat["searched"]
        if self.noisy_variables == "all":
            # A search's name has a hash of its runs: runs of before this field keep theirs.
            del flat["noisy_variables"]
        return flat | (self.searched.model_dump() if self.searched else {})

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Run":
        """Return the run with these plain values.

        Raises:
            ConfigurationError: the values are not a run's, or not one's that this version knows.
        """
        own = {key: each for key, each in values.items() if key not in Configuration.model_fields}
        rest = {key: each for key, each in values.items() if key in Configuration.model_fields}
        try:
            return cls(**own, searched=configuration(rest) if rest else None)
        except TypeError as error:
            raise ConfigurationError(f"not a run: {error}") from error

    def check(self, dataset: str) -> None:
        """Check the run's names.

        Raises:
            UnknownNameError: there is no such rule, preset, data set, model or weights order.
            ConfigurationError: a weights order is given for a rule that has only one.
        """
        if self.searched is None:
            check_names(
                self.rule,
                self.preset,
                dataset=dataset,
                model=self.model,
                weights_order=self.weights_order,
            )
        else:
            get_space(self.rule)

    def training_config(self, *, dataset: str, **settings: Any) -> "TrainingConfig":
        """Return the run's training on a data set.

        Args:
            dataset: name of the data set.
            settings: a recipe's further settings of a training, by name
                (`Recipe.training_settings`). The settings that the run or its preset decides are
                ignored.

        Raises:
            UnknownNameError: there is no such rule, preset, data set, model or weights order.
            ConfigurationError: a value can't be trained with.
        """
        common: dict[str, Any] = {
            **{name: value for name, value in settings.items() if name not in _DECIDED},
            "dataset": dataset,
            "model": self.model,
            "width": self.width,
            "epochs": self.epochs,
            "seed": self.seed,
        }
        if self.searched is None:
            # A run stored without an order dates from when the paper's was the only default.
            order = self.weights_order or ("paper" if RULES[self.rule][1] == TABLE5 else None)
            config = preset_config(self.rule, self.preset, weights_order=order, **common)
        else:
            known = data.info(dataset)
            config = training_config(
                get_space(self.rule),
                self.searched,
                stem=known.stem,
                # A search's best configuration is trained as long as Table 5's columns are.
                schedule_epochs=EPOCHS[TABLE5],
                batch_divisor=known.batch_divisor,
                weights_order=self.weights_order or "paper",
                **common,
            )
        return replace(
            config,
            update_noise_variance=self.update_noise_variance,
            alignment_update_noise_variance=self.alignment_update_noise_variance,
            noisy_variables=self.noisy_variables,
        )
