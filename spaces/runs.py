"""A run: one training that an experiment asks for by name, where a search would sample it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from alignment_core import data
from alignment_core.errors import ConfigurationError
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.presets import EPOCHS, TABLE5, check_names, preset_config
from alignsearch.spaces.space import Value
from alignsearch.spaces.training import training_config

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig


_DECIDED = frozenset({"stem", "schedule_epochs", "batch_divisor", "weights_order"})
"""Settings that follow from a run's preset and data set, not from the search's recipe."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training: a rule with its metaparameters, a network, a seed.

    Attributes:
        rule: a published rule's short name (`alignsearch.spaces.presets.RULES`), with `preset`'s
            metaparameters; or the space of the search whose `searched` configuration it takes.
        label: what figures and tables call it; the rule without it.
        seed: weights, order of images and noise follow from it.
        epochs: warm-up, delay and drops are compressed to it.
        weights_order: which primitive the Greek letters weigh (`alignsearch.spaces.training`).
        update_noise_variance, alignment_update_noise_variance: of J's and R's updates
            (Kunin et al. 2020, App. B.3; `TrainingConfig`).
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
    searched: Configuration | None = None

    @property
    def name(self) -> str:
        """What figures and tables call its rule."""
        return self.label or self.rule

    def values(self) -> dict[str, Value]:
        """The run as plain values by name, as a trial's `config` keeps it."""
        flat = asdict(replace(self, searched=None))
        del flat["searched"]
        return flat | (self.searched.model_dump() if self.searched else {})

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Run":
        """The run that `values` gave.

        Raises:
            ConfigurationError: it is not a run, or not one that this version knows.
        """
        own = {key: each for key, each in values.items() if key not in Configuration.model_fields}
        rest = {key: each for key, each in values.items() if key in Configuration.model_fields}
        try:
            return cls(**own, searched=configuration(rest) if rest else None)
        except TypeError as error:
            raise ConfigurationError(f"not a run: {error}") from error

    def check(self, dataset: str) -> None:
        """Raise UnknownNameError or ConfigurationError if the run can't be trained."""
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
        """The training that the run is, on a data set.

        settings: a recipe's further settings of a training, by name (`Recipe.training_settings`).
        Those that the run or its preset decides are ignored.

        Raises:
            UnknownNameError: a rule, preset, data set, model or order that isn't there.
            ConfigurationError: values that can't be trained with.
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
            config = preset_config(
                self.rule, self.preset, weights_order=self.weights_order, **common
            )
        else:
            known = data.info(dataset)
            config = training_config(
                get_space(self.rule),
                self.searched,
                stem=known.stem,
                # What a search found, trained to the end as Table 5's columns are.
                schedule_epochs=EPOCHS[TABLE5],
                batch_divisor=known.batch_divisor,
                weights_order=self.weights_order or "paper",
                **common,
            )
        return replace(
            config,
            update_noise_variance=self.update_noise_variance,
            alignment_update_noise_variance=self.alignment_update_noise_variance,
        )
