"""Figures for the screen: interactive HTML by Plotly, which works offline."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
from plotly.subplots import make_subplots

from alignsearch.experiments.figures.figure import (
    Axis,
    ColorScale,
    Figure,
    Line,
    Mark,
    Points,
    Regions,
)
from alignsearch.experiments.figures.static import halfway

PANEL_PIXELS = (460, 400)
"""Width and height of a panel that has another beside it."""
ALONE_PIXELS = (760, 500)
"""Width and height of a panel that has a row to itself."""

MOST_PIXELS = 960
"""Largest width of all panels in a row: that of the page's text."""
NAME_PIXELS = 22
"""Distance of two names on a y axis: a line of text."""

FEW = 2
"""Most panels in a row for which Plotly's own number of ticks fits."""

LETTER_PIXELS = 8
"""Width of a letter of an axis's names."""
BESIDE, BELOW, LEAST_BELOW_PIXELS = 0.28, 0.34, 85
"""Space between panels for ticks, label and title: shares of a panel's width and height, and the
least height in pixels."""

SCRIPT = "plotly.min.js"


def save_script(folder: Path) -> Path:
    """Write Plotly's script from its package into the folder, for all pages there."""
    path = folder / SCRIPT
    path.write_text(script(), encoding="utf-8")
    return path


def script() -> str:
    """Text of Plotly's script."""
    text: str = plotly.offline.get_plotlyjs()
    return text


def to_json(figure: Figure) -> str:
    """The figure as Plotly's JSON, which `to_html` and other programs can draw."""
    text: str = _to_plotly(figure).to_json()
    return text


def to_html(drawn: str, identifier: str) -> str:
    """HTML of a figure that `to_json` made, for a page that loads Plotly's script.

    identifier: unique in the page; the element's id is `figure-` and this.
    """
    html: str = plotly.io.to_html(
        plotly.io.from_json(drawn),
        full_html=False,
        include_plotlyjs=False,
        include_mathjax=False,
        div_id=f"figure-{identifier}",
        config={"displaylogo": False, "responsive": True},
    )
    return html


def _to_plotly(figure: Figure) -> Any:
    usual, tall = ALONE_PIXELS if figure.columns == 1 else PANEL_PIXELS
    width = min(usual, MOST_PIXELS // figure.columns)
    height = round(tall * figure.flatness * width / usual)
    height = max(height, NAME_PIXELS * figure.names_upwards)
    beside = max(BESIDE * width, LETTER_PIXELS * figure.longest_name + 40)
    below = max(BELOW * height, LEAST_BELOW_PIXELS)
    drawn = make_subplots(
        rows=figure.rows,
        cols=figure.columns,
        subplot_titles=[panel.title for panel in figure.panels],
        horizontal_spacing=beside / (width * figure.columns),
        vertical_spacing=below / (height * figure.rows) if figure.rows > 1 else 0,
    )
    told: set[str] = set()
    for at, panel in enumerate(figure.panels):
        place = {"row": at // figure.columns + 1, "col": at % figure.columns + 1}
        for mark in panel.marks:
            for trace in _traces(mark):
                label = trace.name or ""
                trace.update(
                    legendgroup=label, showlegend=bool(label) and label not in told, name=label
                )
                told.add(label)
                drawn.add_trace(trace, **place)
        drawn.update_xaxes(**_axis(panel.x), **place)
        drawn.update_yaxes(**_axis(panel.y), **place)
        if panel.square:
            x_axis = f"x{at + 1 if at else ''}"
            drawn.update_yaxes(scaleanchor=x_axis, constrain="domain", **place)
            drawn.update_xaxes(constrain="domain", **place)
    if figure.columns > FEW:
        drawn.update_xaxes(nticks=5, tickangle=0)
    if figure.scale is not None:
        drawn.add_trace(_color_bar(figure.scale), row=1, col=1)
    drawn.update_layout(
        template="simple_white",
        width=width * figure.columns,
        height=height * figure.rows + 80,
        font={"size": 14},
        margin={"l": 70, "r": 20 if figure.scale is None else 100, "t": 60, "b": 90},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
    )
    return drawn


def _traces(mark: Mark) -> Iterator[Any]:
    if isinstance(mark, Line):
        dash = {"color": mark.color, "dash": mark.dash, "width": mark.width * 1.3}
        yield go.Scatter(x=mark.x, y=mark.y, mode="lines", name=mark.label, line=dash)
        if mark.arrow:
            x, y = np.asarray(mark.x), np.asarray(mark.y)
            at = halfway(x, y)
            head = {
                "symbol": "arrow",
                "size": [0, 11],
                "angleref": "previous",
                "color": mark.color,
            }
            yield go.Scatter(
                x=x[at : at + 2], y=y[at : at + 2], mode="markers", marker=head, hoverinfo="skip"
            )
    elif isinstance(mark, Points):
        small = {"size": 3, "opacity": 0.5} if mark.cloud else {"size": 9}
        symbol = f"{mark.marker}-open" if mark.hollow else mark.marker
        yield go.Scatter(
            x=mark.x,
            y=mark.y,
            error_x=_bars(mark.x_error),
            error_y=_bars(mark.error),
            mode="markers",
            name=mark.label,
            marker={"color": mark.color, "symbol": symbol, **small},
        )
    else:
        yield from _regions(mark)


def _color_bar(scale: ColorScale) -> Any:
    steps = np.linspace(0, 1, len(scale.colors))
    shown = {
        "color": [scale.low],
        "cmin": scale.low,
        "cmax": scale.high,
        "colorscale": [[float(at), color] for at, color in zip(steps, scale.colors, strict=True)],
        "showscale": True,
        "colorbar": {"title": {"text": scale.label, "side": "right"}, "outlinewidth": 0},
    }
    return go.Scatter(x=[None], y=[None], mode="markers", marker=shown, showlegend=False)


def _bars(error: Any) -> dict[str, Any] | None:
    return None if error is None else {"type": "data", "array": error}


def _regions(regions: Regions) -> Iterator[Any]:
    codes = sorted(regions.meaning)
    shares = np.linspace(0, 1, len(codes) + 1)
    scale = []
    for at, code in enumerate(codes):
        color = regions.meaning[code][0]
        scale += [[shares[at], color], [shares[at + 1], color]]
    yield go.Heatmap(
        x=regions.x,
        y=regions.y,
        z=np.searchsorted(codes, regions.codes),
        zmin=-0.5,
        zmax=len(codes) - 0.5,
        colorscale=scale,
        showscale=False,
        hoverinfo="skip",
    )
    for color, label in regions.meaning.values():
        # A heat map has no entry in the legend: an empty series of squares has.
        square = {"color": color, "symbol": "square", "size": 12}
        yield go.Scatter(x=[None], y=[None], mode="markers", name=label, marker=square)


def _ticks_within(low: float, high: float) -> dict[str, Any]:
    """Ticks at 1, 2 and 5 of each decade, with their values: Plotly would label them 1, 2, 5."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [step * 10.0**at for at in decades for step in (1, 2, 5)]
    shown = [each for each in values if low <= each <= high]
    return {"tickvals": shown, "ticktext": [f"{each:g}" for each in shown]}


def _axis(axis: Axis) -> dict[str, Any]:
    found: dict[str, Any] = {"title": axis.label, "ticks": "outside"}
    if axis.log:
        found |= {"type": "log", "exponentformat": "power", "nticks": 8}
    if axis.limits is not None:
        limits = np.log10(axis.limits) if axis.log else axis.limits
        found["range"] = list(limits)
        if axis.log:
            decades = limits[1] - limits[0]
            if decades > 1.5:
                found["dtick"] = max(1, round(decades / 5))
            else:
                found |= _ticks_within(*axis.limits)
    if axis.names:
        found |= {"tickvals": list(range(len(axis.names))), "ticktext": list(axis.names)}
    return found
