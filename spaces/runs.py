"""Runs: trainings whose metaparameters an experiment chooses, where a search samples them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alignment_core import data
from alignment_core.errors import ConfigurationError
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.presets import EPOCHS, TABLE5, check_names, preset_config
from alignsearch.spaces.space import Value
from alignsearch.spaces.training import training_config

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training: a rule with its metaparameters, a network, a seed.

    Attributes:
        rule: short name of a published rule (`alignsearch.spaces.presets.RULES`), or name of the
            space that `searched` is a configuration of.
        label: the rule's name in figures and tables; empty for `rule`.
        seed: random seed for initial weights, order of images and noise.
        model: name of the network.
        width: channels of the network's first stage, or units.
        epochs: epochs to train; warm-up, delay and drops of the learning rates are compressed to
            them.
        preset: name of the published rule's metaparameters; None with `searched`.
        weights_order: which primitives the Greek letters weigh (`alignsearch.spaces.training`).
        update_noise_variance, alignment_update_noise_variance: variance of the noise in the updates
            of J and R, times the learning rate (Kunin et al. 2020, App. B.3; `TrainingConfig`).
        searched: metaparameters that a search has found; None for those of `preset`.
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
        """The rule's name in figures and tables."""
        return self.label or self.rule

    def values(self) -> dict[str, Value]:
        """The run as plain values by name, for a trial's `config`."""
        flat = asdict(replace(self, searched=None))
        del flat["searched"]
        return flat | (self.searched.model_dump() if self.searched else {})

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Run":
        """The run whose `values()` these are.

        Raises:
            ConfigurationError: they aren't a run's, or are those of another version's run.
        """
        own = {key: each for key, each in values.items() if key not in Configuration.model_fields}
        rest = {key: each for key, each in values.items() if key in Configuration.model_fields}
        try:
            return cls(**own, searched=configuration(rest) if rest else None)
        except TypeError as error:
            raise ConfigurationError(f"not a run: {error}") from error

    def check(self, dataset: str) -> None:
        """Refuse a run that can't be trained on a data set.

        Raises:
            UnknownNameError: a rule, preset, model, order or space of this name doesn't exist.
            ConfigurationError: the rule can't be trained with these values.
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

    def training_config(
        self,
        *,
        dataset: str,
        data_dir: Path | str | None = None,
        image_size: int | None = None,
        on_corrupt: Literal["refuse", "skip"] = "refuse",
        precision: str = "float32",
    ) -> "TrainingConfig":
        """Configuration of the run's training on a data set; the arguments are `Recipe`'s.

        Raises:
            UnknownNameError: a rule, preset, data set, model or order of this name doesn't exist.
            ConfigurationError: the rule can't be trained with these values.
        """
        common: dict[str, Any] = {
            "dataset": dataset,
            "data_dir": data_dir,
            "model": self.model,
            "width": self.width,
            "epochs": self.epochs,
            "seed": self.seed,
            "image_size": image_size,
            "on_corrupt": on_corrupt,
            "precision": precision,
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
                # A search trains for fewer epochs; its result is trained as Table 5's columns are.
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
