"""A figure as data: its marks, axes and caption, without a drawing library.

`static` draws the same figure as PNG and SVG, `interactive` as HTML. Symbols in texts are Unicode,
because a page that works offline has no LaTeX.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers can tell apart; without yellow, which is too
pale for lines."""

GREY = "#767676"
PALE = ("#D6E6F2", "#FBE3D0", "#EDEDED")
"""Colours of regions under lines: pale shades of the first two colours, and grey."""

SHADES = ("#440154", "#414487", "#2A788E", "#22A884", "#7AD151")
"""Colours of an ordered series: viridis without its palest, so that colour-blind readers and grey
prints keep the order."""

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
    "star-diamond",
    "star-square",
    "star-triangle-up",
    "star-triangle-down",
    "hexagram",
    "diamond-tall",
]
MARKERS: tuple[Marker, ...] = ("circle", "square", "diamond", "triangle-up")


@dataclass(frozen=True)
class Line:
    """A line through the points (x, y); with `arrow`, an arrow head half-way along it."""

    x: Sequence[float] | Any
    y: Sequence[float] | Any
    label: str = ""
    color: str = PALETTE[0]
    dash: Dash = "solid"
    width: float = 1.6
    arrow: bool = False


@dataclass(frozen=True)
class Points:
    """Markers at (x, y).

    Attributes:
        x: numbers or names.
        error, x_error: half-lengths of error bars along y and x; None for no bars.
        cloud: whether markers are small and transparent, for hundreds of them.
        hollow: whether markers are outlines.
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
    """Coloured regions over a grid; `meaning` gives colour and label of each code in `codes`.

    `codes` has the shape (y, x).
    """

    x: Any
    y: Any
    codes: Any
    meaning: Mapping[int, tuple[str, str]]


Mark = Line | Points | Regions


@dataclass(frozen=True)
class Axis:
    """One axis. Without `limits` it fits its marks; `names` label the places 0, 1, 2, …"""

    label: str
    log: bool = False
    limits: tuple[float, float] | None = None
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes with its marks; `square` gives both axes the same scale."""

    x: Axis
    y: Axis
    marks: Sequence[Mark]
    title: str = ""
    square: bool = False


@dataclass(frozen=True)
class ColorScale:
    """A colour bar whose `colors` stand evenly from the value `low` to `high`."""

    label: str
    low: float
    high: float
    colors: Sequence[str]


@dataclass(frozen=True)
class Figure:
    """Panels in a grid, with a title and a caption that states the numbers seen.

    Attributes:
        name: name of the figure's files.
        columns: panels in a row.
        flatness: height of a panel, as a multiple of the usual height for its width.
        scale: a colour bar beside all panels; None for none.
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
        """Number of rows of panels."""
        return -(-len(self.panels) // self.columns)

    @property
    def names_upwards(self) -> int:
        """Largest number of names on a y axis."""
        return max(len(panel.y.names) for panel in self.panels)

    @property
    def longest_name(self) -> int:
        """Number of letters of the longest name on a y axis."""
        return max((len(name) for panel in self.panels for name in panel.y.names), default=0)


def shades(number: int) -> list[str]:
    """`number` colours, evenly along `SHADES`."""
    places = [at * (len(SHADES) - 1) / max(1, number - 1) for at in range(number)]
    return [
        _between(SHADES[int(at)], SHADES[min(int(at) + 1, len(SHADES) - 1)], at % 1)
        for at in places
    ]


def _between(one: str, other: str, share: float) -> str:
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)
