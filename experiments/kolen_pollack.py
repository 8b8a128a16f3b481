"""The experiment `kolen-pollack`: Kolen-Pollack across networks (Kunin et al. 2020, App. D.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from alignsearch.experiments.architectures import SEEDS, ArchitecturesExperiment, scales
from alignsearch.experiments.options import Scale
from alignsearch.experiments.setting import Setting

RULES = ("bp", "kp", "sa", "aa", "ia")


@dataclass(frozen=True, kw_only=True)
class KolenPollack(ArchitecturesExperiment):
    """Kolen-Pollack beside BP, SA, AA and IA on deeper networks (App. D.3, Fig. S5).

    A rule is a published one or the name of a search, whose best configuration is then trained.
    """

    NAME: ClassVar[str] = "kolen-pollack"
    TITLE: ClassVar[str] = "Kolen-Pollack across architectures"
    SOURCE: ClassVar[str] = "Kunin et al. 2020, App. D.3, Fig. S5"
    PAPER: ClassVar[str] = (
        "ImageNet; Kolen-Pollack with ResNet-18's metaparameters on ResNet-18, 50, 50v2, 101v2 "
        "and 152v2, beside backpropagation, SA, AA and IA; 90 epochs (IA 100); the number of seeds "
        "is not printed: 3 are ours."
    )
    SCALES: ClassVar[Mapping[Scale, Setting]] = scales(RULES, RULES, SEEDS[:2])
