"""`alignsearch train`: train one network under one learning rule, in this process."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from alignment_core.accelerator_names import check_accelerator
from alignsearch.cli.options import (
    ImageSizeOption,
    OnCorruptOption,
    PrecisionOption,
    RayOption,
    StoreOption,
    StrategyOption,
    console,
    notice,
    notices,
)
from alignsearch.cli.train_from import check_options_without_from, train_from
from alignsearch.driving import EXIT_INTERRUPTED, interruptible
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.tensorflow_import import check_data, import_tensorflow
from alignsearch.workers.results_file import Results, exclusive

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig
    from alignment_core.training.results import EpochResult, TrainingResult


def train(
    context: typer.Context,
    rule: Annotated[
        str | None,
        typer.Option(
            help="Learning rule: bp, fa, sa, aa, kp, kp_angle, wm, wm_ad, wm_ad_ops, ia, dfa, usf, "
            "brsf, brsf_drawn, frsf or pfa."
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME[:TID]",
            help="Search whose best trial, or trial TID, is trained for longer, in place of a "
            "--rule. It goes with --epochs, --seeds, --out, --store and --ray alone.",
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Number of random seeds of --from, from 0 on; or the seeds, with commas: 3,5,8. "
            "Default: 5."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Published metaparameters: b2 (App. B.2), table5 (Table 5), b3 (App. B.3) or "
            "biotorch (BioTorch's LeNet). Default: the rule's own, b2 or table5."
        ),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Data set: a name that `alignsearch data` lists.")
    ] = "digits",
    data_dir: Annotated[
        str | None, typer.Option(help="Folder or gs:// address of the data set's files.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LARGEST,
            help="Epochs. Default: the preset's (b2 90, table5 100). The learning rates' schedule "
            "is scaled to them.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="Network: resnet18, 34, 50, 101, 152; resnet50v2, 101v2, 152v2; resnet20; dense, "
            "convnet, lenet; resnet18_projecting, resnet34_projecting."
        ),
    ] = "resnet18",
    width: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LARGEST,
            help="Channels of the first stage, or units of a dense network's layers.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LARGEST,
            help="Images in a batch. Default: the preset's, divided to fit the data set.",
        ),
    ] = None,
    minibatches: Annotated[
        int,
        typer.Option(min=1, max=LARGEST, help="Parts that a batch is split into, to save memory."),
    ] = 1,
    weight_decay: Annotated[
        float | None,
        typer.Option(
            min=0, help="Weight decay of the L2 penalty and of Kolen-Pollack. Default: 1e-4."
        ),
    ] = None,
    update_noise_variance: Annotated[
        float,
        typer.Option(min=0, help="Variance of the noise on the updates of the loss J (App. B.3)."),
    ] = 0.0,
    alignment_update_noise_variance: Annotated[
        float,
        typer.Option(min=0, help="Variance of the noise on the updates of the alignment loss R."),
    ] = 0.0,
    weights_order: Annotated[
        str | None,
        typer.Option(
            help="Which primitive each of Table 5's alpha, beta, gamma weighs: paper or reference."
        ),
    ] = None,
    image_size: ImageSizeOption = None,
    preprocessing: Annotated[
        str | None,
        typer.Option(
            help="Preprocessing of ImageNet's images: v1 or v2. Default: the network's own."
        ),
    ] = None,
    on_corrupt: OnCorruptOption = "refuse",
    precision: PrecisionOption = "float32",
    strategy: StrategyOption = "auto",
    schedule_epochs: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=LARGEST,
            help="Epochs of the preset's schedule to run through. Default: the preset's own, so "
            "that a shorter training compresses the whole schedule.",
        ),
    ] = None,
    coasting: Annotated[
        bool,
        typer.Option(
            "--coasting",
            help="While J and R alternate, step the idle optimizer with a zero gradient, as the "
            "published code does.",
        ),
    ] = False,
    decay_biases: Annotated[
        bool, typer.Option("--decay-biases", help="Put the L2 penalty on biases, too.")
    ] = False,
    noisy_variables: Annotated[
        str,
        typer.Option(
            help="Variables that the noise on J's updates disturbs: all, or backward kernels alone "
            "(backward)."
        ),
    ] = "all",
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=LARGEST,
            help="Random seed for initial weights, the order of images and noise.",
        ),
    ] = 0,
    jit: Annotated[
        bool, typer.Option("--jit", help="Compile the steps with XLA, on one CPU or GPU.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results. Default: one in runs/, named by the options."),
    ] = None,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Train one network, or a search's best for longer; the same command again resumes it.

    The results are a folder with the last two checkpoints, scalars for TensorBoard, and
    results.json. Exit code 1: the loss became infinite or NaN.
    """
    if from_ is not None:
        train_from(context, from_, epochs, seeds, out, store, ray)
        return
    check_options_without_from(context, rule)
    assert rule is not None
    # These import NumPy, which most commands do without.
    from alignment_core.data import InputOptions
    from alignsearch.spaces.presets import check_names, preset_config

    preset = check_names(rule, preset, dataset=dataset, model=model, weights_order=weights_order)
    check_accelerator(strategy, precision)
    check_data(dataset, data_dir, InputOptions(image_size, preprocessing or "v1", on_corrupt))
    import_tensorflow()
    from alignment_core.training.accelerators import get_strategy
    from alignsearch.workers.train import settings
    from alignsearch.workers.train import train as run_training

    config = preset_config(
        rule,
        preset,
        dataset=dataset,
        data_dir=data_dir,
        model=model,
        width=width,
        epochs=epochs,
        batch_size=batch_size,
        weights_order=weights_order,
        weight_decay=weight_decay,
        update_noise_variance=update_noise_variance,
        alignment_update_noise_variance=alignment_update_noise_variance,
        minibatches=minibatches,
        image_size=image_size,
        preprocessing=preprocessing,
        on_corrupt=on_corrupt,
        precision=precision,
        schedule_epochs=schedule_epochs,
        seed=seed,
        jit_compile=jit,
        **_switched(
            coasting=(coasting, False),
            decays_biases=(decay_biases, False),
            noisy_variables=(noisy_variables, "all"),
        ),
    )
    devices = get_strategy(strategy)
    folder = out or Path("runs") / f"{rule}-{preset}-{dataset}-{model}-seed{seed}"
    with exclusive(folder):
        results = Results(folder, settings(rule, preset, config))
        done = len(results.epochs)
        _say(_what(rule, preset, config))
        if done:
            _say(f"going on in {folder}, which has {done} of {config.epochs} epochs")
        with _Progress(console, config.epochs, done) as progress:
            told = progress.begin, progress.epoch, progress.step
            # An exception at any moment could be lost in one of TensorFlow's own callbacks.
            with interruptible(notice, "stopping at the next step") as interrupt, devices.scope():
                outcome = run_training(config, folder, results, *told, interrupt.is_set)
        if outcome.status == "interrupted":
            notices.print(
                f"interrupted; the same command goes on from there in {folder}",
                highlight=False,
                soft_wrap=True,
            )
            raise typer.Exit(EXIT_INTERRUPTED)
        _say(_summary(outcome, folder))
    if outcome.status != "ok":
        raise typer.Exit(1)


def _switched(**settings: tuple[object, object]) -> dict[str, Any]:
    """Return the settings whose value, the first, isn't the default, the second."""
    return {name: value for name, (value, default) in settings.items() if value != default}


class _Progress(ExitStack):
    """Prints a line for each epoch and, on a terminal, a bar below that moves with every step."""

    def __init__(self, shown_on: Console, epochs: int, done: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._steps = 0
        self._done = done
        self._shown_on = shown_on
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=shown_on,
            transient=True,
        )
        self._task = self._bar.add_task(self._next(done), total=None)

    def __enter__(self) -> Self:
        if self._shown_on.is_terminal:
            self.enter_context(self._bar)
        return self

    def begin(self, steps: int) -> None:
        """Start the bar, for `steps` steps an epoch."""
        self._steps = steps
        total, completed = self._epochs * steps, self._done * steps
        self._bar.update(self._task, total=total, completed=completed)

    def step(self) -> None:
        """Move the bar by one step."""
        self._bar.advance(self._task)

    def epoch(self, report: "EpochResult") -> None:
        """Print an epoch's line and start the next one's bar."""
        self._bar.update(
            self._task,
            completed=report.epoch * self._steps,
            description=self._next(report.epoch),
        )
        _say(_line(report))

    def _next(self, done: int) -> str:
        return f"epoch {min(done + 1, self._epochs)} of {self._epochs}"


def _what(rule: str, preset: str, config: "TrainingConfig") -> str:
    from alignment_core import data

    seen = ""
    if data.info(config.dataset).streamed:
        from alignment_core.data.preprocessing import get_preprocessing

        options = config.input_options
        _, size = get_preprocessing(options.preprocessing, options.image_size)
        seen = f" ({options.preprocessing}, {size} pixels)"
    return (
        f"{rule} ({config.learning_rule}, preset {preset}): {config.model} of width "
        f"{config.width} on {config.dataset}{seen}, {config.epochs} epochs for a schedule of "
        f"{config.schedule_epochs:g}, batches of {config.batch_size}, seed {config.seed}"
    )


def _line(report: "EpochResult") -> str:
    if report.loss is None or report.train_accuracy is None:
        learnt = "only R, in the delay"
    else:
        learnt = f"loss {report.loss:.4f}, training accuracy {report.train_accuracy:.4f}"
    parts = [learnt, f"{DEFAULT_METRIC.label} {DEFAULT_METRIC.of_epoch(report):.4f}"]
    if report.layers:
        angles = [layer.angle for layer in report.layers]
        parts.append(f"angles {min(angles):.1f} to {max(angles):.1f} degrees")
    parts.append(f"{report.seconds:.1f} s")
    return f"epoch {report.epoch}/{report.epochs}: {', '.join(parts)}"


def _summary(outcome: "TrainingResult", folder: Path) -> str:
    where = f"in {folder}"
    if outcome.status != "ok":
        return f"{outcome.status} after {outcome.epochs_done} epochs: {outcome.reason}; {where}"
    seconds = dict(outcome.timings)
    once = ", ".join(f"{name} {seconds.pop(name):.1f} s" for name in ("build", "trace"))
    total = sum(seconds.values()) or 1.0
    shares = ", ".join(f"{name} {each / total:.1%}" for name, each in seconds.items())
    return (
        f"validation error {outcome.validation_error:.4f}, "
        f"best {outcome.best_validation_error:.4f} in epoch {outcome.best_epoch}, "
        f"chance {outcome.chance_error:.4f}; {where}\n"
        f"once: {once}; of the epochs: {shares}"
    )


def _say(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
