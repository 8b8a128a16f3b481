"""The command of an experiment, whose options are made from the experiment's fields."""

import inspect
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from alignsearch.cli.experiments.workers import ClusterWorkers, PlaceOptions
from alignsearch.cli.options import (
    ImageSizeOption,
    OnCorruptOption,
    PrecisionOption,
    StrategyOption,
    notices,
    print_text,
    start_logs,
)
from alignsearch.experiments.experiment import Experiment
from alignsearch.experiments.options import Option
from alignsearch.experiments.run_experiment import FOLDER, default_folder, run_experiment
from alignsearch.experiments.store_place import StorePlace
from alignsearch.experiments.table import Entry
from alignsearch.experiments.training import TrainingExperiment
from alignsearch.search.documents.limits import LARGEST
from alignsearch.tensorflow_import import import_tensorflow

OutOption = Annotated[
    Path | None,
    typer.Option(help=f"Output folder for figures, tables and pages. Default: {FOLDER}/NAME."),
]

SHARED: dict[str, Any] = {
    "image_size": ImageSizeOption,
    "on_corrupt": OnCorruptOption,
    "precision": PrecisionOption,
    "strategy": StrategyOption,
}
"""Options that other verbs have, too, by the name of the experiment's field."""

PLACE_OPTIONS = {
    "nothing": (),
    "search": ("log_format", "log_level", "store", "ray"),
    "searches": ("parallel", "resources", "log_format", "log_level", "store", "ray"),
    "training": tuple(each.name for each in fields(PlaceOptions)),
}
"""Fields of `PlaceOptions` that an experiment's command has, by what the experiment needs."""


def add_command(app: typer.Typer, entry: Entry) -> None:
    """Add the command that runs the experiment."""
    kind = entry.load()
    own = _own_parameters(kind)
    place = _parameters(PlaceOptions, PLACE_OPTIONS[entry.needs])
    parameters = [*own, *place]

    def command(**given: Any) -> None:
        out = given.pop("out")
        options = PlaceOptions(**{each.name: given.pop(each.name) for each in place})
        _run(entry, kind(**given), out, options)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    more = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[2]
    first = f"{entry.shows[0].upper()}{entry.shows[1:]} ({entry.source})."
    app.command(entry.name, help=f"{first}\n\n{more}".strip())(command)


def _own_parameters(kind: type[Experiment]) -> list[inspect.Parameter]:
    """Parameters for the experiment's fields and its output folder.

    Positional ones come first, then the folder and the experiment's own options, then those that
    all experiments that train have.
    """
    made = _parameters(kind, [each.name for each in fields(kind)])  # type: ignore[arg-type]
    hints = get_type_hints(kind, include_extras=True)
    positional = {
        name for name, hint in hints.items() if (option := _option(hint)) and option.positional
    }
    common = {each.name for each in fields(TrainingExperiment)}
    out = inspect.Parameter(
        "out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=OutOption
    )

    def order(parameter: inspect.Parameter) -> int:
        if parameter.name in positional:
            return 0
        return 1 if parameter is out else 3 if parameter.name in common else 2

    return sorted([out, *made], key=order)


def _parameters(kind: type[Any], names: Sequence[str]) -> list[inspect.Parameter]:
    """Keyword parameters for these fields of a dataclass, all of which have defaults."""
    hints = get_type_hints(kind, include_extras=True)
    defaults = {each.name: each.default for each in fields(kind)}
    assert MISSING not in defaults.values()
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name],
            annotation=SHARED.get(name) or _for_typer(hints[name]),
        )
        for name in names
    ]


def _for_typer(hint: Any) -> Any:
    """The annotation with typer's option or argument in place of our `Option`."""
    option = _option(hint)
    if option is None:
        return hint
    inner = get_args(hint)[0]
    if option.positional:
        return Annotated[inner, typer.Argument(help=option.help)]
    most = None if option.least is None else LARGEST
    return Annotated[
        inner,
        typer.Option(
            *option.names, help=option.help, metavar=option.metavar, min=option.least, max=most
        ),
    ]


def _option(hint: Any) -> Option | None:
    """The `Option` that annotates a field's type, if there is one."""
    found = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((each for each in found if isinstance(each, Option)), None)


def _run(entry: Entry, experiment: Experiment, out: Path | None, options: PlaceOptions) -> None:
    if entry.needs != "nothing":
        start_logs(options.log_format, options.log_level)
    if experiment.checks_with_tensorflow:
        import_tensorflow()
    experiment.check()
    with ClusterWorkers(options) as workers:
        written = run_experiment(
            experiment,
            StorePlace(workers, parallel=options.parallel, name=options.name),
            out or default_folder(entry, experiment),
            command=shlex.join(["alignsearch", *sys.argv[1:]]),
            computing=_computing(entry, experiment),
            drawing=notices.status("drawing"),
        )
    report = written.report
    for figure in report.figures:
        print_text(f"{figure.name}: {figure.caption}\n")
    print_text(f"figures: {len(report.figures)}, tables: {len(report.tables)}, in {written.page}")


@contextmanager
def _computing(entry: Entry, experiment: Experiment) -> Iterator[None]:
    """Show that the experiment is computed, and import TensorFlow without its notices if needed.

    A search shows its own progress instead.
    """
    shown = notices.status(f"computing {entry.name}") if entry.needs == "nothing" else nullcontext()
    with shown:
        if experiment.imports_tensorflow:
            import_tensorflow()
        yield
