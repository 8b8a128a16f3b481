"""The experiment `weight-metrics`: how kernels align while they are trained (App. C, Fig. S4)."""

from typing import TYPE_CHECKING

from alignsearch.experiments.perform import OutOption, perform
from alignsearch.experiments.training_options import Setting, TrainingOptions, chosen_setting
from alignsearch.experiments.training_place import Train, TrainingPlace
from alignsearch.experiments.weights import (
    PAPER,
    SCALES,
    check,
    layers_of,
    sampling,
    third,
    train_rules,
)

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report


def report(setting: Setting, train: Train) -> "Report":
    """Train every rule, once a seed, and show every layer's angle and norm ratio."""
    check(setting)
    curves, line = train_rules(setting, train, sampling(setting, third(layers_of(setting))))
    from alignsearch.experiments.figures.weight_metrics import course
    from alignsearch.experiments.figures.weight_metrics import report as draw

    courses = [
        course(
            each.label,
            [
                (outcome.run.seed, outcome.diverged, epochs)
                for outcome, epochs in zip(each.outcomes, each.epochs, strict=True)
            ],
            each.outcomes[0].run.epochs,
            each.drops,
        )
        for each in curves
    ]
    return draw(courses, [*setting.lines(PAPER), line])


def command(asked: TrainingOptions, out: OutOption = None) -> None:
    """Angle and norm ratio of forward and backward weights during training (App. C, Fig. S4)."""
    setting = chosen_setting(asked, SCALES)
    with TrainingPlace(asked) as place:
        perform(
            "weight-metrics",
            out,
            setting.seeds,
            lambda: report(setting, place.train),
            tensorflow=False,
            trains=True,
        )
