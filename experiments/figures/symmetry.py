"""Figure and table of the experiment `symmetry` (Kunin et al. 2020, App. C, Fig. S3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignsearch.experiments.figures.figure import (
    GREY,
    PALETTE,
    Axis,
    Figure,
    Line,
    Mark,
    Panel,
    Points,
)
from alignsearch.experiments.report import Cell, Report, Table

Vector = NDArray[np.float64]

SAME_SCALE = 3.0
"""Largest ratio of the forward and backward weights' ranges at which both axes share a scale: above
it the smaller weights would be a line."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Weights of one layer after an epoch of one rule's training.

    Attributes:
        rule: the rule's name in figures.
        epoch: number of the epoch, from 1 on.
        forward, backward: (weights,) forward weights and the backward weights at the same places;
            empty if the training had diverged before.
        angle: angle between the layer's whole kernels, in degrees; None if it has none.
        norm_ratio: ||B|| / ||W|| of the whole kernels; None if it isn't finite.
        color: the rule's colour.
    """

    rule: str
    epoch: int
    forward: Vector
    backward: Vector
    angle: float | None
    norm_ratio: float | None
    color: str = PALETTE[0]

    @property
    def correlation(self) -> float | None:
        """Correlation of the pairs; None if either weights are constant or too few."""
        if len(self.forward) < 2 or not (self.forward.std() > 0 and self.backward.std() > 0):
            return None
        return float(np.corrcoef(self.forward, self.backward)[0, 1])


def make_report(
    pairs: Sequence[Pairs],
    layer: str,
    setting: Sequence[str],
    *,
    shown_seed: int,
    seeds: Sequence[int],
) -> Report:
    """Report of each rule's pairs: a row of panels, a panel for each epoch, in the order given.

    setting: sentences on how it was run. shown_seed: which of the `seeds` the weights are of.
    """
    return Report(
        name="symmetry",
        title="Learning symmetry",
        source="Kunin et al. 2020, App. C and Fig. S3",
        setting=setting,
        seeds=seeds,
        figures=[_figure(pairs, layer)],
        tables=[_table(pairs, layer, shown_seed)],
        numbers={
            rule: {
                str(each.epoch): {
                    "angle": each.angle,
                    "norm_ratio": each.norm_ratio,
                    "correlation": each.correlation,
                    "pairs": len(each.forward),
                }
                for each in pairs
                if each.rule == rule
            }
            for rule in dict.fromkeys(each.rule for each in pairs)
        },
    )


def _figure(pairs: Sequence[Pairs], layer: str) -> Figure:
    columns = len({each.epoch for each in pairs})
    rows = len(pairs) // columns
    panels = [
        _panel(each, lowest=at // columns == rows - 1, leftmost=at % columns == 0)
        for at, each in enumerate(pairs)
    ]
    return Figure(
        name="symmetry",
        title=f"Forward and backward weights of layer {layer}",
        caption=_caption(pairs),
        panels=panels,
        columns=columns,
    )


def _panel(each: Pairs, *, lowest: bool, leftmost: bool) -> Panel:
    forward, backward = (
        float(np.abs(values).max() * 1.1) if len(values) and np.abs(values).max() > 0 else 1.0
        for values in (each.forward, each.backward)
    )
    if max(forward, backward) <= SAME_SCALE * min(forward, backward):
        forward = backward = max(forward, backward)
    ends = np.array([-1.0, 1.0]) * min(forward, backward)
    marks: list[Mark] = []
    if len(each.forward):
        marks.append(
            Points(each.forward, each.backward, "", color=each.color, cloud=True),
        )
        marks.append(Line(ends, ends, "W = Bᵀ", GREY, "dot", 1.5))
        what = "" if each.angle is None else f": {each.angle:.0f}°"
    else:
        what = ": diverged"
    return Panel(
        Axis("forward weight" if lowest else "", limits=(-forward, forward)),
        Axis("backward weight" if leftmost else "", limits=(-backward, backward)),
        marks,
        f"{each.rule}, epoch {each.epoch}{what}",
    )


def _caption(pairs: Sequence[Pairs]) -> str:
    most = max(len(each.forward) for each in pairs)
    parts = [
        f"Each dot is one of {most} weights of the layer, drawn at random once and the same in "
        "every epoch; dotted: both are equal. Above each panel: the angle between the whole "
        "kernels. Axes have scales of their own where forward and backward weights differ in size."
    ]
    for rule in dict.fromkeys(each.rule for each in pairs):
        own = [each for each in pairs if each.rule == rule]
        seen = [each for each in own if len(each.forward)]
        if not seen:
            parts.append(f"{rule} had diverged before epoch {own[0].epoch}.")
            continue
        first, last = seen[0], seen[-1]
        words = f"{rule}: {_state(first)}"
        if last is not first:
            words += f", {_state(last)}"
        if len(seen) < len(own):
            words += "; diverged after that"
        parts.append(words + ".")
    return " ".join(parts)


def _state(each: Pairs) -> str:
    angle = "no angle" if each.angle is None else f"{each.angle:.0f}°"
    ratio = "" if each.norm_ratio is None else f" and ‖B‖ / ‖W‖ = {each.norm_ratio:.2g}"
    return f"{angle}{ratio} after epoch {each.epoch}"


def _table(pairs: Sequence[Pairs], layer: str, seed: int) -> Table:
    rows: list[list[Cell]] = [
        [
            each.rule,
            each.epoch,
            each.angle,
            each.norm_ratio,
            each.correlation,
            len(each.forward),
        ]
        for each in pairs
    ]
    return Table(
        name="symmetry",
        title=f"Symmetry of layer {layer}",
        head=["rule", "epoch", "angle", "‖B‖ / ‖W‖", "correlation", "weights"],
        rows=rows,
        notes=[
            "Angle in degrees and ratio of norms are those of all the layer's weights, the "
            "correlation is that of the weights shown. One training for each rule, seed "
            f"{seed}; 0 weights: it had diverged before.",
        ],
    )
