"""The experiment `stability`: symmetrized gradient flows (Kunin et al. 2020, App. D.1)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from alignment_core.errors import ConfigurationError
from alignsearch.experiments.experiment import Experiment
from alignsearch.experiments.options import Option
from alignsearch.experiments.place import Place
from alignsearch.experiments.setting import split_numbers

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

STEP_SIZE = 0.05
"""Size of a gradient step, times c: far below 2 / (lambda + c), from which on descent oscillates
and no longer follows the flow."""

LARGEST_RATIO = 1e6
"""Refuses infinity; a step of descent overshoots at ratios far below."""


@dataclass(frozen=True, kw_only=True)
class Stability(Experiment):
    """Eigenvalues and phase portraits of SA, AA and WM, and WM on a dense network."""

    ratios: Annotated[
        str,
        Option("λ divided by c, the largest second moment of the inputs; several with commas."),
    ] = "0.5,0.9,1.1,2"
    width: Annotated[int, Option("Units of each of the network's hidden layers.", least=1)] = 64
    images: Annotated[int, Option("Images of digits that the network is shown.", least=1)] = 256
    steps: Annotated[int, Option("Steps of gradient descent, of size 0.05 / c.", least=1)] = 1200
    seed: Annotated[int, Option("Random seed of the network's initial weights.", least=0)] = 0

    def check(self) -> None:
        """Refuse ratios that aren't positive numbers."""
        if not all(0 < each < LARGEST_RATIO for each in split_numbers("--ratios", self.ratios)):
            raise ConfigurationError(f"--ratios takes positive numbers, not {self.ratios!r}")

    @property
    def imports_tensorflow(self) -> bool:
        """True: gradients are those of real layers."""
        return True

    def report(self, place: Place) -> "Report":
        """Compare closed forms with real layers, and descend on R of a network."""
        from alignment_core import data
        from alignment_core.analysis.mirror_instability import descend
        from alignsearch.experiments.figures.stability import make_report

        seen, _ = data.load("digits", None).sample("train", self.images)
        setting = [
            "Closed forms and single layers are App. D.1's own. The network is a stand-in for the "
            "paper's ResNet-18 on ImageNet: a dense one with two hidden layers of "
            f"{self.width} ReLU units, on {len(seen)} images of digits, R alone, without J.",
        ]
        descents = descend(
            seen.numpy(),
            split_numbers("--ratios", self.ratios),
            width=self.width,
            steps=self.steps,
            step_size=STEP_SIZE,
            seed=self.seed,
        )
        return make_report(descents, setting, seeds=(self.seed,))
