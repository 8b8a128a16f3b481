"""A figure as data: what is drawn, in which axes, with which caption.

`figures_static` draws it as PNG and SVG, `figures_interactive` as HTML; a figure is thought
of once. Symbols in texts are Unicode, because an offline page has no LaTeX.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, told apart by the colour-blind; yellow is too pale for lines."""

GREY = "#767676"
PALE = ("#D6E6F2", "#FBE3D0", "#EDEDED")
"""Grounds under lines: of the first two colours, and of neither."""

SHADES = ("#440154", "#414487", "#2A788E", "#22A884", "#7AD151")
"""From first to last, told apart by the colour-blind and in grey: viridis without its palest."""

Dash = Literal["solid", "dash", "dot"]
Marker = Literal[
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "triangle-left",
    "triangle-right",
    "pentagon",
    "star",
    "x",
    "cross",
    "hexagon",
    "octagon",
]
MARKERS: tuple[Marker, ...] = ("circle", "square", "diamond", "triangle-up")


@dataclass(frozen=True)
class Line:
    """A line through (x, y); `arrow` shows its direction at mid-way."""

    x: Sequence[float] | Any
    y: Sequence[float] | Any
    label: str = ""
    color: str = PALETTE[0]
    dash: Dash = "solid"
    width: float = 1.6
    arrow: bool = False


@dataclass(frozen=True)
class Points:
    """Markers at (x, y), x may be names; an error is half the length of a bar, up or across.

    In a `cloud` they are many: small, and one shows through another. `hollow` ones are outlines.
    """

    x: Sequence[Any] | Any
    y: Sequence[float] | Any
    label: str = ""
    color: str = PALETTE[0]
    marker: Marker = "circle"
    error: Sequence[float] | Any | None = None
    x_error: Sequence[float] | Any | None = None
    cloud: bool = False
    hollow: bool = False


@dataclass(frozen=True)
class Regions:
    """A ground over a grid: `codes` (y, x) with a colour and a label each."""

    x: Any
    y: Any
    codes: Any
    meaning: Mapping[int, tuple[str, str]]


Mark = Line | Points | Regions


@dataclass(frozen=True)
class Axis:
    """One axis; without `limits` it fits what is drawn. `names` stand at 0, 1, 2, …"""

    label: str
    log: bool = False
    limits: tuple[float, float] | None = None
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes; `square` gives both the same scale."""

    x: Axis
    y: Axis
    marks: Sequence[Mark]
    title: str = ""
    square: bool = False


@dataclass(frozen=True)
class ColorScale:
    """What the colours between two mean, `colors` evenly from `low` to `high`."""

    label: str
    low: float
    high: float
    colors: Sequence[str]


@dataclass(frozen=True)
class Figure:
    """Panels side by side, `columns` of them in a row; `name` becomes the files' name.

    The caption says what is seen, with its figures. `flatness`: a panel's height over the usual
    one of its width.
    """

    name: str
    title: str
    caption: str
    panels: Sequence[Panel]
    columns: int = 2
    flatness: float = 1.0
    scale: ColorScale | None = None

    @property
    def rows(self) -> int:
        """How many rows of panels there are."""
        return -(-len(self.panels) // self.columns)

    @property
    def names_upwards(self) -> int:
        """How many names the fullest y axis has."""
        return max(len(panel.y.names) for panel in self.panels)

    @property
    def longest_name(self) -> int:
        """Letters of the longest name at a y axis."""
        return max((len(name) for panel in self.panels for name in panel.y.names), default=0)


def shades(number: int) -> list[str]:
    """So many colours, evenly along `SHADES`."""
    places = [at * (len(SHADES) - 1) / max(1, number - 1) for at in range(number)]
    return [
        _between(SHADES[int(at)], SHADES[min(int(at) + 1, len(SHADES) - 1)], at % 1)
        for at in places
    ]


def _between(one: str, other: str, share: float) -> str:
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)
