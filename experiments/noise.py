"""The experiment `noise`: learning rules under noisy updates (Kunin et al. 2020, App. B.3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.experiments.perform import OutOption, perform
from alignsearch.experiments.run_statistics import accuracy
from alignsearch.experiments.training_options import (
    Scale,
    Setting,
    TrainingOptions,
    chosen_setting,
    names,
)
from alignsearch.experiments.training_place import Train, TrainingPlace
from alignsearch.spaces.presets import B3, NOISY_RULES
from alignsearch.spaces.runs import Run

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

PAPER = (
    "ResNet-18 on ImageNet, batches of 256, rates of 0.1 (J) and 0.001 (R, by Adam) with drops at "
    "30 and 60 epochs, 10 trials for each variance (App. B.3); the variances and the number of "
    "epochs are not printed: 90 epochs are App. B.2's, the variances ours."
)
TRIALS = tuple(range(10))

SCALES: dict[Scale, Setting] = {
    "minutes": Setting(
        rules=NOISY_RULES,
        models=("resnet18",),
        dataset="digits",
        width=4,
        epochs=4,
        seeds=TRIALS[:3],
    ),
    "hours": Setting(
        rules=NOISY_RULES, models=("resnet18",), dataset="digits", width=8, epochs=15, seeds=TRIALS
    ),
    "paper": Setting(rules=NOISY_RULES, models=("resnet18",), dataset="imagenet", seeds=TRIALS),
}
VARIANCES: dict[Scale, tuple[float, ...]] = {
    "minutes": (0.0, 1e-2, 1e-1, 1.0),
    "hours": (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    "paper": (0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
}
"""Noise adds up over steps, of which ImageNet has thousands of times more."""

OWN_OPTIMIZER = ("sa", "aa")
"""The rules whose R has an optimizer of its own; Kolen-Pollack's is a part of J's."""

BOTH, BACKWARD = "both", "backward"
READINGS = {
    BOTH: "to J's update and, under SA and AA, to R's",
    BACKWARD: "under SA and AA to R's update alone",
}
"""Which updates are noisy, as App. B.3 can be read: "the update given by the respective optimizers"
are all of them, but its shift is by the rate of R's alone."""


def report(
    setting: Setting,
    train: Train,
    *,
    variances: Sequence[float],
    shift: bool,
    readings: Sequence[str],
) -> "Report":
    """Train every rule at every variance, once a seed; SA and AA so under each reading."""
    for rule in setting.rules:
        if rule not in NOISY_RULES:
            raise UnknownNameError("rule of App. B.3", rule, NOISY_RULES)
    if len(setting.models) > 1:
        raise ConfigurationError(
            f"noise is about one network, not {len(setting.models)}: name one with --model"
        )
    courses = [
        (rule, reading)
        for rule in setting.rules
        for reading in (readings if rule in OWN_OPTIMIZER else (BOTH,))
    ]

    def run(rule: str, reading: str, variance: float, seed: int) -> Run:
        return setting.run(
            rule,
            setting.models[0],
            seed,
            preset=B3,
            update_noise_variance=0.0 if reading == BACKWARD else variance,
            alignment_update_noise_variance=variance if rule in OWN_OPTIMIZER else 0.0,
        )

    # Without noise the readings are one run.
    runs = list(
        dict.fromkeys(
            run(*course, variance, seed)
            for course in courses
            for variance in variances
            for seed in setting.seeds
        )
    )
    trained = train("noise", setting, runs)
    found = {each.run: each for each in trained.outcomes}
    from alignsearch.experiments.figures.noise import Curve, draw

    curves = [
        Curve(
            rule,
            variances,
            [
                accuracy([found[run(rule, reading, variance, seed)] for seed in setting.seeds])
                for variance in variances
            ],
            alone=reading == BACKWARD,
            shifted=shift and rule in OWN_OPTIMIZER,
        )
        for rule, reading in courses
    ]
    which = (
        "Gaussian noise of the variance shown, times the current learning rate, is added "
        + "; or ".join(READINGS[each] for each in readings)
        + "."
    )
    return draw(
        curves,
        [*setting.lines(PAPER), which, trained.line()],
        chance=max((each.chance for each in trained.outcomes if each.chance), default=None),
    )


def command(
    asked: TrainingOptions,
    out: OutOption = None,
    variances: Annotated[
        str | None, typer.Option(help="Of the noise, with commas; 0 is no noise.")
    ] = None,
    noisy: Annotated[
        str,
        typer.Option(
            help="Which updates under SA and AA, a curve each: J's and R's (both), R's alone "
            "(backward)."
        ),
    ] = ",".join(READINGS),
    shift: Annotated[
        bool,
        typer.Option(
            "--shift", help="Move SA's and AA's curves by 10^4, as Fig. S1 (App. B.3) does."
        ),
    ] = False,
) -> None:
    """Learning rules under noisy updates (App. B.3, Fig. 5a, Fig. S1)."""
    setting = chosen_setting(asked, SCALES, least_seeds=2)
    wanted = VARIANCES[setting.scale] if variances is None else _variances(variances)
    readings = names("--noisy", noisy)
    for reading in readings:
        if reading not in READINGS:
            raise UnknownNameError("kind of --noisy", reading, READINGS)
    with TrainingPlace(asked) as place:
        perform(
            "noise",
            out,
            setting.seeds,
            lambda: report(setting, place.train, variances=wanted, shift=shift, readings=readings),
            tensorflow=False,
            trains=True,
        )


def _variances(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(each) for each in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or len(set(numbers)) < len(numbers) or not all(0 <= v < 1e6 for v in numbers):
        raise ConfigurationError(
            f"--variances takes numbers from 0 on with commas between, each once, not {text!r}"
        )
    return tuple(sorted(numbers))
