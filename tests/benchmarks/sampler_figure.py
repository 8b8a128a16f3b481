"""The figure of `make bench-samplers`: mean ranks with their intervals, by slots."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from sampler_report import Job, interval, ranks_of

INK, OURS = "#444444", "#b0413e"


def draw(
    found: Mapping[Job, dict],
    spaces: Sequence[str],
    samplers: Sequence[str],
    seeds: Mapping[int, int],
    file: Path,
) -> None:
    """Write the mean ranks at the end of the searches as an SVG picture.

    Args:
        found: the searches.
        spaces: the names of their spaces.
        samplers: the names of the samplers, ours first.
        seeds: numbers of slots, a panel each, and how many seeds each has.
        file: the picture.
    """
    figure = Figure(figsize=(3.2 * len(seeds), 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    panels = figure.subplots(1, len(seeds), sharey=True, squeeze=False)[0]
    rows = np.arange(len(samplers))
    for panel, (number, count) in zip(panels, seeds.items(), strict=True):
        ranks = ranks_of(found, spaces, samplers, number, count)
        low, high = interval(ranks, len(spaces))
        panel.hlines(rows, low, high, colors=[OURS, *[INK] * (len(samplers) - 1)])
        panel.scatter(ranks.mean(axis=0), rows, c=[OURS, *[INK] * (len(samplers) - 1)], zorder=2)
        panel.set_title(f"{number} at once, {count} seeds", fontsize=10)
        panel.set_xlabel("mean rank, 1 is best")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(rows, samplers)
    panels[0].invert_yaxis()
    figure.savefig(file, metadata={"Date": None})
