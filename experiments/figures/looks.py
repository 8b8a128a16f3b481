"""Colour, marker and name of each learning rule, the same in all figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from alignsearch.experiments.figures.figure import GREY, Marker


@dataclass(frozen=True)
class Look:
    """Colour, marker and name of one rule; its variants differ by hollow markers and dashes."""

    name: str
    color: str
    marker: Marker


LOOKS = {
    "bp": Look("BP", "#000000", "circle"),
    "fa": Look("FA", "#661100", "pentagon"),
    "sa": Look("SA", "#0072B2", "square"),
    "aa": Look("AA", "#D55E00", "triangle-up"),
    "kp": Look("KP", "#CC79A7", "diamond"),
    "kp_angle": Look("KP (angle)", "#882255", "star"),
    "wm": Look("WM", "#E69F00", "triangle-down"),
    "wm_ad": Look("WM+AD", "#56B4E9", "triangle-left"),
    "wm_ad_ops": Look("WM+AD+OPS", "#332288", "triangle-right"),
    "ia": Look("IA", "#009E73", "x"),
    "dfa": Look("DFA", "#9922FF", "star-diamond"),
    "usf": Look("uSF", "#AACC77", "star-triangle-up"),
    "brsf": Look("brSF", "#DD0044", "hexagram"),
    "brsf_drawn": Look("brSF (signs as drawn)", "#663377", "star-triangle-down"),
    "frsf": Look("frSF", "#9977FF", "star-square"),
    "pfa": Look("PFA", "#330044", "diamond-tall"),
}
"""Looks by the names of `spaces.presets.RULES`. Colours are Okabe and Ito's, three of Tol's, and
six that lie far from these. Under every kind of colour blindness any two differ by 15 in CIELAB at
least (tests/experiments/figures/test_looks.py)."""

OTHERS: tuple[Marker, ...] = ("cross", "hexagon", "octagon")
"""Markers of rules without a look of their own, such as a search's best configuration."""


def name_of(rule: str) -> str:
    """The rule's name in texts; a search keeps its own name."""
    return LOOKS[rule].name if rule in LOOKS else rule


def looks(rules: Sequence[str]) -> dict[str, Look]:
    """Look of each rule of one figure; rules without a look of their own are grey."""
    others = [rule for rule in rules if rule not in LOOKS]
    return {
        rule: LOOKS[rule]
        if rule in LOOKS
        else Look(rule, GREY, OTHERS[others.index(rule) % len(OTHERS)])
        for rule in rules
    }
