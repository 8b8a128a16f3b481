"""The experiment `symmetry`: forward against backward weights of one layer (App. C, Fig. S3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.experiments.options import Option
from alignsearch.experiments.place import Place
from alignsearch.experiments.weights import (
    PAPER,
    Course,
    WeightsExperiment,
    layers_of,
    sampled_epochs,
    sampling,
    third,
    train_rules,
)

if TYPE_CHECKING:
    from alignsearch.experiments.figures.symmetry import Pairs
    from alignsearch.experiments.report import Report


@dataclass(frozen=True, kw_only=True)
class Symmetry(WeightsExperiment):
    """Forward against backward weights of one layer at several epochs, rule by rule."""

    layer: Annotated[
        str | None, Option("Layer whose weights are shown. Default: the third convolution.")
    ] = None
    at: Annotated[
        str | None, Option("Epochs to show, with commas. Default: four from first to last.")
    ] = None

    def check(self) -> None:
        """Refuse epochs that the trainings don't have, too; the layer is checked by `report`."""
        super().check()
        sampled_epochs(self.setting(), self._epochs())

    def report(self, place: Place) -> "Report":
        """Train every rule and show the layer's weights of the first seed.

        Raises:
            UnknownNameError: the network has no such layer.
        """
        setting = self.setting()
        layers = layers_of(setting)
        if self.layer is not None and self.layer not in layers:
            raise UnknownNameError(f"layer of {setting.models[0]}", self.layer, layers)
        shown = self.layer or third(layers)
        epochs = sampled_epochs(setting, self._epochs())
        courses, line = train_rules(setting, place, sampling(shown, epochs))
        from alignsearch.experiments.figures.symmetry import make_report

        pairs = [_pairs(each, shown, epoch) for each in courses for epoch in epochs]
        which = "" if self.layer else ", the third convolutional one as in Fig. S3"
        what = f"Shown is layer {shown}{which}, of seed {setting.seeds[0]}."
        return make_report(
            pairs,
            shown,
            [*setting.lines(PAPER), what, line],
            shown_seed=setting.seeds[0],
            seeds=setting.seeds,
        )

    def _epochs(self) -> Sequence[int] | None:
        if self.at is None:
            return None
        try:
            numbers = sorted({int(each) for each in self.at.split(",")})
        except ValueError:
            numbers = []
        if not numbers or numbers[0] < 1:
            raise ConfigurationError(f"--at takes numbers of epochs from 1 on, not {self.at!r}")
        return numbers


def _pairs(course: Course, layer: str, number: int) -> "Pairs":
    import numpy as np

    from alignsearch.experiments.figures.looks import LOOKS
    from alignsearch.experiments.figures.symmetry import Pairs

    color = LOOKS[course.rule].color
    # If several attempts measured the epoch, the last one counts.
    epoch = next((each for each in reversed(course.epochs[0]) if each.epoch == number), None)
    if epoch is None:
        nothing = np.zeros(0)
        return Pairs(course.label, number, nothing, nothing, None, None, color)
    sample = next(each for each in epoch.weight_samples if each.layer == layer)
    whole = next(each for each in epoch.layers if each.name == layer)
    return Pairs(
        course.label,
        number,
        np.array(sample.forward),
        np.array(sample.backward),
        whole.angle if np.isfinite(whole.angle) else None,
        whole.norm_ratio if np.isfinite(whole.norm_ratio) else None,
        color,
    )
