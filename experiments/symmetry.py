"""The experiment `symmetry`: forward against backward weights of one layer (App. C, Fig. S3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.experiments.perform import OutOption, perform
from alignsearch.experiments.training_options import Setting, TrainingOptions, chosen_setting
from alignsearch.experiments.training_place import Train, TrainingPlace
from alignsearch.experiments.weights import (
    PAPER,
    SCALES,
    Curves,
    check,
    layers_of,
    sampling,
    third,
    train_rules,
)

if TYPE_CHECKING:
    from alignsearch.experiments.figures.symmetry import Pairs
    from alignsearch.experiments.report import Report


def report(
    setting: Setting,
    train: Train,
    *,
    layer: str | None = None,
    at: Sequence[int] | None = None,
) -> "Report":
    """Train every rule, and show the layer's weights after the epochs `at` of the first seed.

    Raises:
        UnknownNameError: the network has no such layer.
        ConfigurationError: the trainings have no such epoch.
    """
    check(setting)
    layers = layers_of(setting)
    if layer is not None and layer not in layers:
        raise UnknownNameError(f"layer of {setting.models[0]}", layer, layers)
    shown = layer or third(layers)
    samples = sampling(setting, shown, at)
    curves, line = train_rules(setting, train, samples)
    from alignsearch.experiments.figures.symmetry import report as draw

    pairs = [_pairs(each, shown, epoch) for each in curves for epoch in samples.epochs]
    which = "" if layer else ", the third convolutional one as in Fig. S3"
    of_seed = f"Shown is layer {shown}{which}, of seed {setting.seeds[0]}."
    return draw(pairs, shown, setting.seeds[0], [*setting.lines(PAPER), of_seed, line])


def _pairs(curves: Curves, layer: str, number: int) -> "Pairs":
    import numpy as np

    from alignsearch.experiments.figures.rules import LOOKS
    from alignsearch.experiments.figures.symmetry import Pairs

    color = LOOKS[curves.rule].color
    # Of an epoch that several attempts measured, the last counts.
    epoch = next((each for each in reversed(curves.epochs[0]) if each.epoch == number), None)
    if epoch is None:
        nothing = np.zeros(0)
        return Pairs(curves.label, number, nothing, nothing, None, None, color)
    sample = next(each for each in epoch.weight_samples if each.layer == layer)
    whole = next(each for each in epoch.layers if each.name == layer)
    return Pairs(
        curves.label,
        number,
        np.array(sample.forward),
        np.array(sample.backward),
        whole.angle if np.isfinite(whole.angle) else None,
        whole.norm_ratio if np.isfinite(whole.norm_ratio) else None,
        color,
    )


def command(
    asked: TrainingOptions,
    out: OutOption = None,
    layer: Annotated[
        str | None, typer.Option(help="Whose weights; the third convolution's without it.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Epochs to show, with commas; four evenly without it.")
    ] = None,
) -> None:
    """Forward against backward weights of one layer during training (App. C, Fig. S3)."""
    setting = chosen_setting(asked, SCALES)
    epochs = None if at is None else _epochs(at)
    with TrainingPlace(asked) as place:
        perform(
            "symmetry",
            out,
            setting.seeds,
            lambda: report(setting, place.train, layer=layer, at=epochs),
            tensorflow=False,
            trains=True,
        )


def _epochs(text: str) -> list[int]:
    try:
        numbers = sorted({int(each) for each in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        raise ConfigurationError(f"--at takes numbers of epochs from 1 on, not {text!r}")
    return numbers
