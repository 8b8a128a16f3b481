"""`alignsearch experiment`: what the paper's appendix reports, each by one command."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import JsonOption, console, print_json
from alignsearch.experiments import importance, noise, reproduce, symmetry, transfer, weight_metrics
from alignsearch.experiments.perform import OutOption, perform
from alignsearch.experiments.training_options import with_training_options
from alignsearch.search.documents.limits import LARGEST

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report


@dataclass(frozen=True)
class Experiment:
    """What the list says of one experiment."""

    source: str
    shows: str


EXPERIMENTS = {
    "transfer": Experiment(
        "Table 3, Table 4, Fig. 3",
        "metaparameters fixed on ResNet-18, on other networks: accuracy and gap to BP",
    ),
    "noise": Experiment(
        "App. B.3, Fig. 5a, Fig. S1",
        "BP, SA, AA, KP under Gaussian noise in every update: accuracy by its variance",
    ),
    "kolen-pollack": Experiment(
        "App. D.3, Fig. S5",
        "Kolen-Pollack across networks, beside BP, SA, AA, IA",
    ),
    "importance": Experiment(
        "App. B.4, Fig. S2",
        "which metaparameters a search's accuracy hangs on: the categorical ones, and all",
    ),
    "symmetry": Experiment(
        "App. C, Fig. S3",
        "forward against backward weights of one layer during training, rule by rule",
    ),
    "weight-metrics": Experiment(
        "App. C, Fig. S4",
        "angle and norm ratio of forward and backward weights of every layer during training",
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
    "reproduce": Experiment(
        "App. B to D",
        "all of these at one scale, in one report",
    ),
}
"""Each has a command of its name below; those that train are declared in modules of their own:

- `SCALES`, a `Setting` for each `--scale`, the paper's own at `paper`;
- `report(setting, train, …)`: makes its list of runs with `setting.run(…)`, has them trained with
  `train(NAME, setting, runs)` (`TrainingPlace.train`: a search over the store and Ray's workers,
  gone on with by the same runs) and gives what comes back to `dashboards/figures_….py`;
- `command(asked, …)`: `chosen_setting(asked, SCALES)`, then `perform` with the report of a
  `TrainingPlace`. Of its options only those that are its own are parameters; the others come from
  `with_training_options`.
"""

app = typer.Typer(
    help="The paper's experiments, each by one command; without a name, a list.",
    invoke_without_command=True,
)

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
        from alignsearch.experiments.figures.stability import report

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

    perform("stability", out, [seed], make)


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
        from alignsearch.experiments.figures.scalar_network import report

        return report((backward[0], backward[1]), grid)

    perform("scalar-network", out, [], make)


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
    from alignsearch.experiments.neural_fit import Sources

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
        from alignsearch.experiments.figures.neural_fit import report

        recorded, found = sources.read()
        fits = fit(found, recorded, components=components, splits=splits, seed=seed)
        return report(fits, recorded, components, sources.setting())

    perform("neural-fit", out, [seed], make, tensorflow=checkpoint is not None)


app.command("importance")(importance.command)
app.command("reproduce")(reproduce.command)
for _name, _command in (
    ("transfer", transfer.transfer),
    ("noise", noise.command),
    ("symmetry", symmetry.command),
    ("weight-metrics", weight_metrics.command),
    ("kolen-pollack", transfer.kolen_pollack),
):
    app.command(_name)(with_training_options(_command))


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
