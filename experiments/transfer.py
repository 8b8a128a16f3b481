"""The experiment `transfer`: ResNet-18's metaparameters on other networks (Tables 3 and 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from alignsearch.experiments.architectures import SEEDS, ArchitecturesExperiment, scales
from alignsearch.experiments.options import Scale
from alignsearch.experiments.setting import Setting

RULES = ("bp", "sa", "aa", "wm", "wm_ad", "wm_ad_ops", "ia")


@dataclass(frozen=True, kw_only=True)
class Transfer(ArchitecturesExperiment):
    """Rules with metaparameters fixed on ResNet-18, on deeper networks (Tables 3 and 4, Fig. 3).

    A rule is a published one or the name of a search, whose best configuration is then trained. WM
    is trained in both weights orders, because its column of Table 5 is finite in one only
    (docs/fidelity.md).
    """

    BOTH_ORDERS: ClassVar[tuple[str, ...]] = ("wm",)
    NAME: ClassVar[str] = "transfer"
    TITLE: ClassVar[str] = "Metaparameters of ResNet-18 on other networks"
    SOURCE: ClassVar[str] = "Kunin et al. 2020, Tables 3 and 4, Fig. 3"
    PAPER: ClassVar[str] = (
        "ImageNet; metaparameters fixed on ResNet-18 (Table 5's columns, App. B.2), applied "
        "unchanged to ResNet-50, 50v2, 101v2 and 152v2; 90 epochs under App. B.2, 100 under Table "
        "5; the number of seeds is not printed: 3 are ours."
    )
    SCALES: ClassVar[Mapping[Scale, Setting]] = scales(RULES, ("bp", "sa", "ia"), SEEDS)
