"""The setting in which an experiment trains: rules, networks, data set, size and seeds."""

from dataclasses import dataclass
from typing import Literal

from alignment_core.accelerator_names import check_accelerator
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.model_names import OWN_WIDTHS, check_model
from alignsearch.experiments.options import Scale
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.recipe import OnCorrupt
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.presets import EPOCHS, OWN_ORDERS, RULES, TABLE5
from alignsearch.spaces.runs import Run

LARGEST_VARIANCE = 1e6
"""Above this variance of the noise in updates, every training diverges in its first steps."""

MOST_SEEDS = 1000
"""Largest number of seeds that `--seeds N` means by a single number."""

_COMPRESSED = (
    " Warm-up, delay and drops of the learning rates are compressed in proportion to these epochs; "
    "batches are the paper's divided to fit the data set, at the paper's learning rates."
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that the trainings of an experiment have in common.

    Attributes:
        rules: short names of learning rules (`alignsearch.spaces.presets.RULES`), or of searches.
        models: names of networks.
        dataset: name of the data set.
        seeds: random seeds; each run is repeated with each of them.
        width: channels of the first stage, or units; None for the network's or data set's usual.
        epochs: epochs a run; None for those of each rule's preset.
        scale: the scale that the setting belongs to.
        data_dir: folder of the images, as the workers see it.
        weights_order: which primitives Table 5's Greek letters weigh; None for each column's own.
        image_size, on_corrupt, precision, strategy: as in `Recipe`.
    """

    rules: tuple[str, ...]
    models: tuple[str, ...]
    dataset: str
    seeds: tuple[int, ...]
    width: int | None = None
    epochs: int | None = None
    scale: Scale = "paper"
    data_dir: str | None = None
    weights_order: str | None = None
    image_size: int | None = None
    on_corrupt: OnCorrupt = "refuse"
    precision: str = "float32"
    strategy: str = "auto"

    def run(
        self,
        rule: str,
        model: str,
        seed: int,
        *,
        preset: str | None = None,
        searched: Configuration | None = None,
        label: str = "",
        update_noise_variance: float = 0.0,
        alignment_update_noise_variance: float = 0.0,
        noisy_variables: Literal["all", "backward"] = "all",
    ) -> Run:
        """One training in this setting; the arguments are the fields of `Run`.

        Raises:
            UnknownNameError: a rule, preset, model or data set of this name doesn't exist.
            ConfigurationError: the rule can't be trained this way.
        """
        from alignment_core import data

        if searched is None and rule not in RULES:
            raise UnknownNameError("rule", rule, RULES)
        own = TABLE5 if searched is not None else preset or RULES[rule][1]
        run = Run(
            rule=rule,
            label=label,
            seed=seed,
            model=model,
            width=self.width or OWN_WIDTHS.get(model, data.info(self.dataset).default_width),
            epochs=self.epochs or EPOCHS[own],
            preset=None if searched is not None else own,
            weights_order=self._order(rule) if own == TABLE5 else None,
            update_noise_variance=update_noise_variance,
            alignment_update_noise_variance=alignment_update_noise_variance,
            noisy_variables=noisy_variables,
            searched=searched,
        )
        run.check(self.dataset)
        return run

    def _order(self, rule: str) -> str | None:
        return self.weights_order or OWN_ORDERS.get(rule)

    def lines(self, paper: str) -> list[str]:
        """Sentences of the report on the `paper`'s own setting, then on this one."""
        epochs = "each preset's own epochs" if self.epochs is None else f"{self.epochs} epochs"
        width = "usual width" if self.width is None else f"width {self.width}"
        here = (
            f"{', '.join(self.models)} of {width} on {self.dataset}, {epochs}, "
            f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''} "
            f"({', '.join(map(str, self.seeds))}), rules {', '.join(self.rules)}"
        )
        shrunk = "" if self.epochs is None else _COMPRESSED
        return [f"The paper's setting: {paper}", f"Here (--scale {self.scale}): {here}.{shrunk}"]

    def check(self) -> None:
        """Refuse networks, devices and data that aren't there.

        Raises:
            UnknownNameError: a model, precision, strategy or data set of this name doesn't exist.
            ConfigurationError: the data set has no such option.
            DataError: the data set isn't on this machine.
        """
        from alignment_core import data

        for model in self.models:
            check_model(model)
        check_accelerator(self.strategy, self.precision)
        data.check(self.dataset, self.data_dir)
        data.check_options(
            self.dataset, data.InputOptions(self.image_size, on_corrupt=self.on_corrupt)
        )

    def check_one_model(self, subject: str) -> None:
        """Raise ConfigurationError if the experiment, about the `subject`, has several networks."""
        if len(self.models) > 1:
            raise ConfigurationError(
                f"{subject} one network, not {len(self.models)}: name one with --model"
            )


def split_names(option: str, text: str) -> tuple[str, ...]:
    """Names with commas between, each once.

    Raises:
        ConfigurationError: a name is empty or given twice.
    """
    found = tuple(each.strip() for each in text.split(","))
    if not all(found) or len(set(found)) < len(found):
        raise ConfigurationError(
            f"{option} takes names with commas between, each once, not {text!r}"
        )
    return found


def split_numbers(option: str, text: str) -> list[float]:
    """Numbers with commas between.

    Raises:
        ConfigurationError: one of them is no number.
    """
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"{option} takes numbers with commas between, not {text!r}"
        ) from None


def split_variances(text: str) -> tuple[float, ...]:
    """Variances of the noise in updates from `--variances`, in ascending order.

    Raises:
        ConfigurationError: one of them is no number, negative, too large or given twice.
    """
    try:
        numbers = tuple(float(each) for each in text.split(","))
    except ValueError:
        numbers = ()
    if (
        not numbers
        or len(set(numbers)) < len(numbers)
        or not all(0 <= each < LARGEST_VARIANCE for each in numbers)
    ):
        raise ConfigurationError(
            f"--variances takes numbers from 0 on with commas between, each once, not {text!r}"
        )
    return tuple(sorted(numbers))


def split_seeds(text: str) -> tuple[int, ...]:
    """Seeds from `--seeds`: a single number counts them from 0 on, several numbers list them.

    Raises:
        ConfigurationError: the text is neither, or names a seed twice.
    """
    try:
        numbers = tuple(int(each) for each in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) == 1 and "," not in text and 0 < numbers[0] <= MOST_SEEDS:
        return tuple(range(numbers[0]))
    if (
        not numbers
        or len(set(numbers)) < len(numbers)
        or not all(0 <= each <= LARGEST for each in numbers)
    ):
        raise ConfigurationError(
            "--seeds takes either the number of seeds, or the seeds with commas between, each "
            f"once, not {text!r}"
        )
    return numbers
