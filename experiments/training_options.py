"""What every experiment that trains can be asked for, and what its scales make of it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal, get_type_hints

import typer

from alignment_core.accelerator_names import check_accelerator
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.model_names import PLAIN_WIDTHS, check_model
from alignsearch.cli.options import (
    ImageSizeOption,
    LogFormatOption,
    LogLevelOption,
    OnCorruptOption,
    PrecisionOption,
    RayOption,
    StoreOption,
    StrategyOption,
)
from alignsearch.cli.tensorflow_import import check_data
from alignsearch.search.documents import NAME_FORM
from alignsearch.search.documents.limits import LARGEST
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.presets import EPOCHS, RULES, TABLE5
from alignsearch.spaces.runs import Run

Scale = Literal["minutes", "hours", "paper"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The options themselves; each field is an option of the command. None: the scale's own."""

    scale: Annotated[
        Scale, typer.Option(help="How much is trained: the paper's own setting, or less.")
    ] = "minutes"
    dataset: Annotated[str | None, typer.Option(help="A name that `alignsearch data` lists.")] = (
        None
    )
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the images, as the workers see it.")
    ] = None
    models: Annotated[
        str | None,
        typer.Option("--models", "--model", help="Networks, with commas: resnet18,resnet50v2,…"),
    ] = None
    rules: Annotated[
        str | None, typer.Option(help="Learning rules, with commas: bp,sa,aa,… (or a search).")
    ] = None
    width: Annotated[
        int | None, typer.Option(min=1, max=LARGEST, help="Channels of the first stage.")
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=LARGEST, help="Epochs a run; its schedule is compressed to them."),
    ] = None
    seeds: Annotated[
        str | None, typer.Option(help="How many, from 0 on; or which, with commas: 3,5,8.")
    ] = None
    weights_order: Annotated[
        str | None,
        typer.Option(help="Which primitive Table 5's alpha, beta, gamma weigh: paper, reference."),
    ] = None
    image_size: ImageSizeOption = None
    on_corrupt: OnCorruptOption = "refuse"
    precision: PrecisionOption = "float32"
    strategy: StrategyOption = "auto"
    parallel: Annotated[
        int | None, typer.Option(min=1, max=LARGEST, help="Runs at once: what the cluster places.")
    ] = None
    resources: Annotated[
        str | None,
        typer.Option(help="What one run takes, like TPU=8 or CPU=0.5; else one accelerator."),
    ] = None
    name: Annotated[
        str | None, typer.Option(help="Of the search; made of its runs without it.")
    ] = None
    log_format: LogFormatOption = "text"
    log_level: LogLevelOption = "warning"
    store: StoreOption = None
    ray: RayOption = None


def with_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `asked: TrainingOptions` first the options themselves."""
    hints = get_type_hints(TrainingOptions, include_extras=True)
    shared = {
        each.name: inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=hints[each.name],
        )
        for each in fields(TrainingOptions)
    }
    own_hints = get_type_hints(command, include_extras=True)
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=own_hints[each.name])
        for each in list(inspect.signature(command).parameters.values())[1:]
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        asked = TrainingOptions(**{name: given.pop(name) for name in shared})
        command(asked, **given)

    parameters = [*own, *shared.values()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


_COMPRESSED = (
    " Warm-up, delay and drops of the learning rates are compressed alike to the epochs that there "
    "are; batches are the paper's divided to fit the data set, at the paper's learning rates."
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How an experiment trains, in full; one for each scale is its declaration.

    width: None for the network's or the data set's usual one. epochs: None for the preset's own.
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
    on_corrupt: Literal["refuse", "skip"] = "refuse"
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
    ) -> Run:
        """One training in this setting.

        Raises:
            UnknownNameError, ConfigurationError: it can't be trained.
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
            width=self.width or PLAIN_WIDTHS.get(model, data.info(self.dataset).default_width),
            epochs=self.epochs or EPOCHS[own],
            preset=None if searched is not None else own,
            weights_order=self.weights_order if own == TABLE5 else None,
            update_noise_variance=update_noise_variance,
            alignment_update_noise_variance=alignment_update_noise_variance,
            searched=searched,
        )
        run.check(self.dataset)
        return run

    def lines(self, paper: str) -> list[str]:
        """What the report says of it: the paper's own setting first, then this one."""
        epochs = "each preset's own epochs" if self.epochs is None else f"{self.epochs} epochs"
        width = "usual width" if self.width is None else f"width {self.width}"
        here = (
            f"{', '.join(self.models)} of {width} on {self.dataset}, {epochs}, "
            f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''} "
            f"({', '.join(map(str, self.seeds))}), rules {', '.join(self.rules)}"
        )
        shrunk = "" if self.epochs is None else _COMPRESSED
        return [f"The paper's setting: {paper}", f"Here (--scale {self.scale}): {here}.{shrunk}"]


def chosen_setting(
    asked: TrainingOptions, scales: Mapping[Scale, Setting], *, least_seeds: int = 1
) -> Setting:
    """The asked scale's setting, with what was asked for besides; checked, data included.

    Raises:
        AlignSearchError: something asked for is unknown, out of range, or can't be had.
    """
    from alignment_core import data

    own: dict[str, Any] = {
        "dataset": asked.dataset,
        "data_dir": asked.data_dir,
        "width": asked.width,
        "epochs": asked.epochs,
        "weights_order": asked.weights_order,
        "image_size": asked.image_size,
        "models": None if asked.models is None else names("--models", asked.models),
        "rules": None if asked.rules is None else names("--rules", asked.rules),
        "seeds": None if asked.seeds is None else _seeds(asked.seeds),
    }
    setting = replace(
        scales[asked.scale],
        scale=asked.scale,
        on_corrupt=asked.on_corrupt,
        precision=asked.precision,
        strategy=asked.strategy,
        **{key: each for key, each in own.items() if each is not None},
    )
    if len(setting.seeds) < least_seeds:
        raise ConfigurationError(
            f"a standard error needs at least {least_seeds} seeds, not {len(setting.seeds)}: raise "
            "--seeds"
        )
    if asked.name is not None and not NAME_FORM.fullmatch(asked.name):
        raise ConfigurationError(
            f"--name {asked.name!r} won't do: letters, digits, dots, dashes and underscores, 64 at "
            "most, a letter or a digit first"
        )
    for model in setting.models:
        check_model(model)
    check_accelerator(setting.strategy, setting.precision)
    options = data.InputOptions(setting.image_size, on_corrupt=setting.on_corrupt)
    check_data(setting.dataset, setting.data_dir, options)
    return setting


def names(option: str, text: str) -> tuple[str, ...]:
    """Names with commas between, each once.

    Raises:
        ConfigurationError: there are none, or one is there twice.
    """
    found = tuple(each.strip() for each in text.split(","))
    if not all(found) or len(set(found)) < len(found):
        raise ConfigurationError(
            f"{option} takes names with commas between, each once, not {text!r}"
        )
    return found


def _seeds(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(each) for each in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) == 1 and "," not in text and 0 < numbers[0] <= 1000:
        return tuple(range(numbers[0]))
    if (
        not numbers
        or len(set(numbers)) < len(numbers)
        or not all(0 <= each <= LARGEST for each in numbers)
    ):
        raise ConfigurationError(
            f"--seeds takes how many there are, or which with commas, each once, not {text!r}"
        )
    return numbers
