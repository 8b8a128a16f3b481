"""`alignsearch experiment`: what the paper's appendix reports, each by one command."""

import importlib.metadata
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from alignment_core.errors import ConfigurationError
from search.cli.options import (
    LARGEST,
    JsonOption,
    NameArgument,
    StoreOption,
    console,
    notices,
    open_store,
    print_json,
    print_text,
)
from search.cli.quiet import import_tensorflow

if TYPE_CHECKING:
    from dashboards.report import Report

PACKAGES = (
    "alignsearch",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "scikit-learn",
    "sympy",
    "matplotlib",
    "plotly",
)


@dataclass(frozen=True)
class Experiment:
    """What the list says of one experiment."""

    source: str
    shows: str


EXPERIMENTS = {
    "importance": Experiment(
        "App. B.4, Fig. S2",
        "which metaparameters a search's accuracy hangs on: the categorical ones, and all",
    ),
    "stability": Experiment(
        "App. D.1",
        "symmetrized flows of SA, AA, WM: eigenvalues, phase portraits, WM's instability",
    ),
    "scalar-network": Experiment(
        "App. D.2",
        "the two-layer scalar network: fixed points, eigenvalues, basins under BP, FA, SA",
    ),
    "neural-fit": Experiment(
        "App. B.5",
        "a network's layers fitted to neural recordings by PLS regression, corrected for noise",
    ),
}
"""Each has a command of its name below."""

app = typer.Typer(
    help="The paper's experiments, each by one command; without a name, a list.",
    invoke_without_command=True,
)

OutOption = Annotated[
    Path | None,
    typer.Option(help="Folder of figures, tables and pages; experiments/NAME without it."),
]
SeedOption = Annotated[
    int, typer.Option(min=0, max=LARGEST, help="What is drawn at random follows from it.")
]


@app.callback()
def experiments(context: typer.Context, as_json: JsonOption = False) -> None:
    """The paper's experiments, each by one command; without a name, a list."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print_json(
            [
                {"name": name, "source": each.source, "shows": each.shows}
                for name, each in EXPERIMENTS.items()
            ]
        )
        return
    table = Table()
    for heading in ("experiment", "Kunin et al. 2020", "shows"):
        table.add_column(heading, overflow="fold")
    for name, each in EXPERIMENTS.items():
        table.add_row(name, each.source, each.shows)
    console.print(table)


@app.command()
def importance(
    name: NameArgument,
    out: OutOption = None,
    store: StoreOption = None,
) -> None:
    """Which metaparameters matter, from a search's trials (App. B.4, Fig. S2)."""
    from search.cli.importance import read

    with open_store(store) as opened:
        tried = read(opened, name)

    def make() -> "Report":
        from dashboards.figures_importance import report
        from search.importance import categorical_effects
        from search.importance import importance as shares

        seed = tried.search.seed
        effects = categorical_effects(tried.configurations, tried.losses)
        found = shares(tried.space, tried.configurations, tried.losses, seed=seed)
        return report(effects, found, tried.setting())

    folder = out or Path("experiments") / f"importance-{name}"
    _perform("importance", folder, [tried.search.seed], make, tensorflow=False)


@app.command()
def stability(
    out: OutOption = None,
    ratios: Annotated[
        str, typer.Option(help="λ over c, the inputs' largest second moment; with commas.")
    ] = "0.5,0.9,1.1,2",
    width: Annotated[
        int, typer.Option(min=1, max=LARGEST, help="Units of the network's hidden layers.")
    ] = 64,
    images: Annotated[
        int, typer.Option(min=1, max=LARGEST, help="Images of digits that it sees.")
    ] = 256,
    steps: Annotated[
        int, typer.Option(min=1, max=LARGEST, help="Steps of gradient descent, of 0.05 / c each.")
    ] = 1200,
    seed: SeedOption = 0,
) -> None:
    """Symmetrized gradient flows (App. D.1): closed forms, real layers, a real network."""
    wanted = _positive_numbers("--ratios", ratios)

    def make() -> "Report":
        from alignment_core import data
        from alignment_core.analysis.mirror_instability import descend
        from dashboards.figures_stability import report

        seen, _ = data.load("digits", None).sample("train", images)
        setting = [
            "Closed forms and single layers are App. D.1's own. The network is a stand-in for the "
            f"paper's ResNet-18 on ImageNet: a dense one with two hidden layers of {width} ReLU "
            f"units, on {len(seen)} images of digits, R alone, without J.",
        ]
        descents = descend(
            seen.numpy(), wanted, width=width, steps=steps, step_size=0.05, seed=seed
        )
        return report(descents, setting)

    _perform("stability", out, [seed], make)


@app.command("scalar-network")
def scalar_network(
    out: OutOption = None,
    b: Annotated[
        str, typer.Option(help="Two backward weights that the portraits start from.")
    ] = "1,-1",
    grid: Annotated[
        int, typer.Option(min=2, max=LARGEST, help="Starts along each side of a basin's portrait.")
    ] = 121,
) -> None:
    """The two-layer scalar network (App. D.2): fixed points, their eigenvalues, basins."""
    backward = _numbers("--b", b)
    if len(backward) != 2:
        raise ConfigurationError(f"--b takes two numbers with a comma between, not {b!r}")

    def make() -> "Report":
        from dashboards.figures_scalar_network import report

        return report((backward[0], backward[1]), grid)

    _perform("scalar-network", out, [], make)


@app.command("neural-fit")
def neural_fit(
    out: OutOption = None,
    recordings: Annotated[
        Path | None,
        typer.Option(help="Recordings, netCDF or .npz (alignment_core/analysis/recordings.py)."),
    ] = None,
    simulate: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER",
            help="In place of recordings: noisy read-outs of this layer, for the data set's "
            "validation images.",
        ),
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="A .npz with an array (images, ...) a layer.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="In place of features: the folder of a training, `alignsearch train`."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="A .npz with `images` as the network takes them, one a stimulus."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Names with commas; without it, all of --features.")
    ] = None,
    components: Annotated[
        int, typer.Option(min=1, max=LARGEST, help="Of the PLS regression; the paper's are 25.")
    ] = 25,
    splits: Annotated[
        int, typer.Option(min=1, max=LARGEST, help="Random splits of the images, 75 to 25.")
    ] = 10,
    seed: SeedOption = 0,
) -> None:
    """Features of each layer fitted to neural responses (App. B.5)."""
    from search.cli.neural_fit import Sources

    sources = Sources(
        recordings=recordings,
        simulate=simulate,
        features=features,
        checkpoint=checkpoint,
        images=images,
        layers=None if layers is None else layers.split(","),
        seed=seed,
    )

    def make() -> "Report":
        from alignment_core.analysis.neural_fit import fit
        from dashboards.figures_neural_fit import report

        recorded, found = sources.read()
        fits = fit(found, recorded, components=components, splits=splits, seed=seed)
        return report(fits, recorded, components, sources.setting())

    _perform("neural-fit", out, [seed], make, tensorflow=checkpoint is not None)


def _perform(
    name: str,
    out: Path | None,
    seeds: Sequence[int],
    make: Callable[[], "Report"],
    *,
    tensorflow: bool = True,
) -> None:
    folder = out or Path("experiments") / name
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(
            f"{folder} can't hold an experiment: it is a file; name another folder with --out"
        )
    started, clock = datetime.now(UTC), time.perf_counter()
    with notices.status(f"computing {name}"):
        if tensorflow:
            import_tensorflow()
        from dashboards.report import PAGE, Run, write

        report = make()
        seconds = time.perf_counter() - clock
    with notices.status("drawing"):
        versions = {each: importlib.metadata.version(each) for each in PACKAGES}
        run = Run(
            command=shlex.join(["alignsearch", *sys.argv[1:]]),
            seeds=seeds,
            started_at=started.isoformat(timespec="seconds"),
            seconds=seconds,
            versions={"python": platform.python_version(), **versions},
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(report, run, folder)
        except OSError as error:
            raise ConfigurationError(
                f"{folder} can't hold an experiment ({error.strerror}); name another folder with "
                "--out"
            ) from error
    for figure in report.figures:
        print_text(f"{figure.name}: {figure.caption}\n")
    print_text(f"figures: {len(report.figures)}, tables: {len(report.tables)}, in {folder / PAGE}")


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"{option} takes numbers with commas between, not {text!r}"
        ) from None


def _positive_numbers(option: str, text: str) -> list[float]:
    numbers = _numbers(option, text)
    if not all(0 < each < 1e6 for each in numbers):
        raise ConfigurationError(f"{option} takes positive numbers, not {text!r}")
    return numbers
