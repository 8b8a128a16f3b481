"""Figures for print: PNG and SVG by matplotlib."""

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from alignsearch.experiments.figures.figure import (
    Axis,
    ColorScale,
    Figure,
    Line,
    Panel,
    Points,
    Regions,
)

PANEL_INCHES = (3.5, 3.1)
"""Width and height of a panel that has another beside it."""
ALONE_INCHES = (4.4, 3.3)
"""Width and height of a panel that has a row to itself. Printed at a column's width of 3.25 inches,
its letters of 10 points still have 7."""
MOST_INCHES = 9.0
"""Largest width of all panels in a row. Printed at a page's width of 6.75 inches, letters of 10
points have 7.5."""
NAME_INCHES = 0.19
"""Distance of two names on a y axis: a line of text."""

ENTRY_INCHES, LEGEND_LETTER_INCHES, ENTRY_HEIGHT = 0.5, 0.063, 0.19
"""Size of a legend's entry: width of its marker with space around, width of a letter, height."""

MARGIN_INCHES = 0.35
"""Height of the margins above and below all panels together."""

LETTERS_ACROSS = 36
"""Most letters of all names below a panel, with a space each; with more, they are drawn aslant."""

PIXELS_AN_INCH = 200
"""Resolution of PNG files."""

_DASHES = {"solid": "-", "dash": "--", "dot": ":"}
_MARKERS: dict[str, Any] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-left": "<",
    "triangle-right": ">",
    "pentagon": "p",
    "star": "*",
    "x": "X",
    "cross": "P",
    "hexagon": "h",
    "octagon": "8",
    "star-diamond": (4, 1, 0),
    "star-square": (4, 1, 45),
    "star-triangle-up": (3, 1, 0),
    "star-triangle-down": (3, 1, 180),
    "hexagram": (6, 1, 0),
    "diamond-tall": "d",
}
_MARKER: Any = {"markersize": 6, "capsize": 2.5, "elinewidth": 1.1, "zorder": 3}
_CLOUD: Any = {"markersize": 2, "alpha": 0.4, "markeredgewidth": 0, "zorder": 3}
_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "legend.fontsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Text stays text, which can be searched and scaled.
    "svg.fonttype": "none",
    "svg.hashsalt": "alignsearch",
}


def save_static(figure: Figure, folder: Path) -> list[Path]:
    """Write `NAME.png` and `NAME.svg` and return both; the same figure gives the same files."""
    with mpl.rc_context(_STYLE):
        width, height = ALONE_INCHES if figure.columns == 1 else PANEL_INCHES
        narrower = min(1.0, MOST_INCHES / (width * figure.columns))
        width, height = width * narrower, height * narrower * figure.flatness
        height = max(height, NAME_INCHES * figure.names_upwards)
        canvas = Canvas(
            figsize=(width * figure.columns, height * figure.rows + MARGIN_INCHES),
            layout="constrained",
        )
        for at, panel in enumerate(figure.panels, start=1):
            _draw_panel(canvas.add_subplot(figure.rows, figure.columns, at), panel)
        if figure.scale is not None:
            _color_bar(canvas, figure.scale)
        _legend(canvas, figure)
        png, svg = folder / f"{figure.name}.png", folder / f"{figure.name}.svg"
        canvas.savefig(png, dpi=PIXELS_AN_INCH)
        canvas.savefig(svg, metadata={"Date": None})
    return [png, svg]


def _draw_panel(axes: Axes, panel: Panel) -> None:
    _set_axis(axes.xaxis, panel.x)
    _set_axis(axes.yaxis, panel.y)
    axes.set_title(panel.title)
    for mark in panel.marks:
        if isinstance(mark, Line):
            _draw_line(axes, mark)
        elif isinstance(mark, Points):
            axes.errorbar(
                mark.x,
                mark.y,
                mark.error,
                mark.x_error,
                label=mark.label or None,
                color=mark.color,
                linestyle="none",
                marker=_MARKERS[mark.marker],
                markerfacecolor="white" if mark.hollow else None,
                **(_CLOUD if mark.cloud else _MARKER),
            )
        else:
            _draw_regions(axes, mark)
    points = [mark for mark in panel.marks if isinstance(mark, Points)]
    named = {*panel.x.names, *(x for mark in points for x in mark.x if isinstance(x, str))}
    if sum(len(name) + 1 for name in named) > LETTERS_ACROSS:
        axes.tick_params(axis="x", rotation=25)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
    if panel.square:
        axes.set_aspect("equal", adjustable="box")


def _set_axis(axis: Any, wanted: Axis) -> None:
    axis.set_label_text(wanted.label)
    if wanted.log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    if wanted.log and wanted.limits is not None and wanted.limits[1] < 100 * wanted.limits[0]:
        # With too few decades for a tick at each: ticks at 1, 2 and 5 of them, with their values.
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    if wanted.limits is not None:
        axis.axes.set(**{f"{axis.axis_name}lim": wanted.limits})
    if wanted.names:
        axis.set_ticks(range(len(wanted.names)), wanted.names)


def _draw_line(axes: Axes, line: Line) -> None:
    axes.plot(
        line.x,
        line.y,
        _DASHES[line.dash],
        label=line.label or None,
        color=line.color,
        linewidth=line.width,
    )
    if line.arrow:
        x, y = np.asarray(line.x), np.asarray(line.y)
        at = halfway(x, y)
        axes.annotate(
            "",
            (float(x[at + 1]), float(y[at + 1])),
            (float(x[at]), float(y[at])),
            arrowprops={"arrowstyle": "-|>", "color": line.color, "mutation_scale": 11},
        )


def halfway(x: Any, y: Any) -> int:
    """Index of the point at which half of the length of the path (x, y) is reached."""
    lengths = np.cumsum(np.hypot(np.diff(x), np.diff(y)))
    return min(int(np.searchsorted(lengths, lengths[-1] / 2)), len(lengths) - 1)


def _draw_regions(axes: Axes, regions: Regions) -> None:
    codes = sorted(regions.meaning)
    colors = ListedColormap([regions.meaning[code][0] for code in codes])
    edges = [codes[0] - 0.5, *(code + 0.5 for code in codes)]
    axes.pcolormesh(
        regions.x,
        regions.y,
        regions.codes,
        cmap=colors,
        norm=BoundaryNorm(edges, colors.N),
        shading="nearest",
        rasterized=True,
        zorder=-1,
    )


def _color_bar(canvas: Canvas, scale: ColorScale) -> None:
    shown = ScalarMappable(
        Normalize(scale.low, scale.high), LinearSegmentedColormap.from_list("", scale.colors)
    )
    bar = canvas.colorbar(shown, ax=canvas.axes, label=scale.label, aspect=40, pad=0.02)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    bar.outline.set_visible(False)


def _legend(canvas: Canvas, figure: Figure) -> None:
    """Draw one legend for all panels, below them, with each label once."""
    # In the order of the marks: matplotlib would put lines first.
    labels = [getattr(mark, "label", "") for panel in figure.panels for mark in panel.marks]
    entries: dict[str, Any] = {label: None for label in labels if label}
    for axes in canvas.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries[label] = entries.get(label) or handle
    for panel in figure.panels:
        for mark in panel.marks:
            if isinstance(mark, Regions):
                for color, label in mark.meaning.values():
                    entries.setdefault(label, Patch(color=color))
    if entries:
        widest = ENTRY_INCHES + LEGEND_LETTER_INCHES * max(map(len, entries))
        most = min(2 * max(2, figure.columns) - 1, int(canvas.get_figwidth() / widest))
        columns = math.ceil(len(entries) / math.ceil(len(entries) / max(1, most)))
        rows = math.ceil(len(entries) / columns)
        canvas.set_figheight(canvas.get_figheight() + ENTRY_HEIGHT * rows)
        canvas.legend(
            list(entries.values()),
            list(entries),
            loc="outside lower center",
            ncols=columns,
            frameon=False,
        )
