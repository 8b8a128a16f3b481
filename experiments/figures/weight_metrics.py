"""Figure and tables of the experiment `weight-metrics` (Kunin et al. 2020, App. C, Fig. S4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignsearch.experiments.figures.figure import (
    GREY,
    SHADES,
    Axis,
    ColorScale,
    Figure,
    Line,
    Mark,
    Panel,
    shades,
)
from alignsearch.experiments.report import Cell, Report, Table
from alignsearch.search.documents import Epoch

Matrix = NDArray[np.float64]

NEAR_DEGREES = 5.0
"""Largest angle, in degrees, that Information Alignment's layers reach in Fig. S4."""


@dataclass(frozen=True, eq=False)
class LayersOverTime:
    """Angles and norm ratios of one rule's layers during its trainings.

    Attributes:
        rule: the rule's name in figures.
        layers: names of the layers, from the network's first to its last.
        angles: (seeds, epochs, layers) angle between forward and backward kernel, in degrees.
        norm_ratios: (seeds, epochs, layers) ||B|| / ||W||.
        seeds: the seed of each training.
        diverged: the seeds whose loss became infinite or NaN.
        drops: epochs at which the learning rates drop.

    Values are NaN after a training's end, and where a kernel is zero or not finite.
    """

    rule: str
    layers: Sequence[str]
    angles: Matrix
    norm_ratios: Matrix
    seeds: Sequence[int]
    diverged: Sequence[int]
    drops: Sequence[float]

    @property
    def epochs(self) -> NDArray[np.int_]:
        """Numbers of all epochs, from 1 on."""
        return np.arange(1, self.angles.shape[1] + 1)

    @property
    def measured(self) -> int:
        """Number of the last epoch that at least one training has measured; 0 for none."""
        found = np.flatnonzero(np.isfinite(self.norm_ratios).any(axis=(0, 2)))
        return int(found.max()) + 1 if len(found) else 0


def layers_over_time(
    rule: str,
    trainings: Iterable[tuple[int, bool, Sequence[Epoch]]],
    epochs: int,
    drops: Sequence[float],
) -> LayersOverTime:
    """Arrays of one rule's trainings.

    trainings: of each its seed, whether it diverged, and its measured epochs. If an epoch is given
    several times, by several attempts, the last one counts. epochs: epochs of a whole training.
    drops: epochs at which the learning rates drop.
    """
    given = list(trainings)
    names: list[str] = next(
        ([layer.name for layer in each.layers] for _, _, found in given for each in found), []
    )
    angles = np.full((len(given), epochs, len(names)), np.nan)
    ratios = np.full_like(angles, np.nan)
    for at, (_, _, found) in enumerate(given):
        for each in found:
            angles[at, each.epoch - 1] = [layer.angle for layer in each.layers]
            ratios[at, each.epoch - 1] = [layer.norm_ratio for layer in each.layers]
    return LayersOverTime(
        rule=rule,
        layers=names,
        angles=angles,
        norm_ratios=ratios,
        seeds=[seed for seed, _, _ in given],
        diverged=[seed for seed, diverged, _ in given if diverged],
        drops=drops,
    )


def make_report(
    courses: Sequence[LayersOverTime], setting: Sequence[str], *, seeds: Sequence[int]
) -> Report:
    """Report of every layer's angle and norm ratio by epoch, a row of panels for each rule.

    setting: sentences on how it was run.
    """
    return Report(
        name="weight-metrics",
        title="Weight metrics during training",
        source="Kunin et al. 2020, App. C and Fig. S4",
        setting=setting,
        seeds=seeds,
        figures=[_figure(courses)],
        tables=[_after_last_epoch(courses), _by_layer(courses)],
        numbers={
            each.rule: {
                "seeds": list(each.seeds),
                "diverged": list(each.diverged),
                "layers": list(each.layers),
                "angle_after_last_epoch": _numbers(_last(each, each.angles)),
                "norm_ratio_after_last_epoch": _numbers(_last(each, each.norm_ratios)),
                "largest_norm_ratio": _numbers(largest(each.norm_ratios)),
                "least_norm_ratio": _numbers(-largest(-each.norm_ratios)),
            }
            for each in courses
        },
    )


def over_seeds(values: Matrix) -> Matrix:
    """Mean over the seeds that were measured, (epochs, layers); NaN where none was."""
    counted = np.isfinite(values)
    number = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    means: Matrix = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    return means


def largest(values: Matrix) -> Matrix:
    """Largest value over the epochs that were measured, (seeds, layers); NaN where none was."""
    most = np.where(np.isfinite(values), values, -np.inf).max(axis=1)
    found: Matrix = np.where(np.isfinite(most), most, np.nan)
    return found


def _last(each: LayersOverTime, values: Matrix) -> Matrix:
    """Values after the last epoch that each training has measured, (seeds, layers)."""
    found = np.full((values.shape[0], values.shape[2]), np.nan)
    for at, training in enumerate(each.norm_ratios):
        known = np.flatnonzero(np.isfinite(training).any(axis=1))
        if len(known):
            found[at] = values[at, known.max()]
    return found


def _figure(courses: Sequence[LayersOverTime]) -> Figure:
    deepest = max((len(each.layers) for each in courses), default=1)
    panels = []
    for at, each in enumerate(courses):
        label = "epoch" if at == len(courses) - 1 else ""
        end, limits = each.angles.shape[1], _around_one(each.norm_ratios)
        x = Axis(label, limits=(0.5, end + 0.5))
        panels += [
            Panel(
                x,
                Axis("angle, degrees", limits=(0.0, 95.0)),
                _lines(each, each.angles, (0.0, 95.0)),
                f"{each.rule}: angle",
            ),
            Panel(
                x,
                Axis("‖B‖ / ‖W‖", log=True, limits=limits),
                [
                    Line([0.5, end + 0.5], [1.0, 1.0], "equal norms", GREY, "dash", 1.0),
                    *_lines(each, each.norm_ratios, limits),
                ],
                f"{each.rule}: norm ratio",
            ),
        ]
    return Figure(
        name="weight-metrics",
        title="Angle and norm ratio of backward and forward kernels during training",
        caption=_caption(courses),
        panels=panels,
        flatness=0.68,
        scale=ColorScale("layer, from first to last", 1, max(2, deepest), SHADES),
    )


def _around_one(ratios: Matrix) -> tuple[float, float]:
    seen = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(seen):
        return 0.5, 2.0
    return min(0.5, float(seen.min()) / 1.2), max(2.0, float(seen.max()) * 1.2)


def _lines(each: LayersOverTime, values: Matrix, limits: tuple[float, float]) -> list[Mark]:
    marks: list[Mark] = [
        Line([drop, drop], list(limits), "learning rate drops", GREY, "dot", 1.2)
        for drop in each.drops
    ]
    colors = shades(len(each.layers))
    means = over_seeds(values)
    for at, color in enumerate(colors):
        known = np.isfinite(means[:, at])
        marks.append(Line(each.epochs[known], means[known, at], color=color, width=1.3))
    return marks


def _caption(courses: Sequence[LayersOverTime]) -> str:
    numbers = {len(each.seeds) for each in courses}
    parts = [
        "Each line is a layer, the first dark and the last light"
        + (
            f"; mean over {max(numbers)} seeds."
            if max(numbers) > 1
            else "; one training for each rule."
        )
    ]
    return " ".join([*parts, *map(_in_words, courses)])


def _in_words(each: LayersOverTime) -> str:
    if not each.measured:
        return f"{each.rule}: nothing was measured" + _lost(each) + "."
    last = over_seeds(_last(each, each.angles))
    ratios, ends = each.norm_ratios, _last(each, each.norm_ratios)
    near, none = int((last <= NEAR_DEGREES).sum()), int(np.isnan(last).sum())
    without = f", {none} without an angle," if none else ""
    return (
        f"{each.rule}: median angle {_degrees(over_seeds(each.angles)[0])} after the first epoch, "
        f"{_degrees(last)} after the last, {near} of {len(each.layers)} layers within "
        f"{NEAR_DEGREES:g}°{without}; norm ratios {np.nanmin(ratios):.2g} to "
        f"{np.nanmax(ratios):.2g} throughout, {np.nanmin(ends):.2g} to {np.nanmax(ends):.2g} at "
        "the end" + _lost(each) + "."
    )


def _degrees(angles: Matrix) -> str:
    median = _or_none(np.nanmedian, angles)
    return "none" if median is None else f"{median:.0f}°"


def _lost(each: LayersOverTime) -> str:
    if not each.diverged:
        return ""
    return (
        f"; {len(each.diverged)} of {len(each.seeds)} trainings diverged and were measured "
        f"no further (last measured epoch: {each.measured})"
    )


def _after_last_epoch(courses: Sequence[LayersOverTime]) -> Table:
    rows: list[list[Cell]] = []
    for each in courses:
        angles, ratios = _last(each, each.angles), _last(each, each.norm_ratios)
        rows.append(
            [
                each.rule,
                len(each.seeds),
                len(each.diverged),
                each.measured,
                *_spread(angles),
                *_spread(ratios),
                _or_none(np.nanmax, each.norm_ratios),
            ]
        )
    seeds = sorted({seed for each in courses for seed in each.seeds})
    return Table(
        name="summary",
        title="Weight metrics after the last measured epoch",
        head=[
            "rule",
            "n",
            "diverged",
            "epochs",
            "angle: least",
            "median",
            "largest",
            "ratio: least",
            "median",
            "largest",
            "largest ever",
        ],
        rows=rows,
        notes=[
            "Angles in degrees between forward and backward kernel as vectors; ratio: ‖B‖ / ‖W‖, "
            f"Frobenius norms. Over layers and seeds ({', '.join(map(str, seeds))}). A training "
            "that diverged counts with its last measured epoch.",
        ],
    )


def _spread(values: Matrix) -> list[Cell]:
    return [_or_none(each, values) for each in (np.nanmin, np.nanmedian, np.nanmax)]


def _or_none(function: object, values: Matrix) -> float | None:
    if not np.isfinite(values).any():
        return None
    assert callable(function)
    return float(function(values))


def _by_layer(courses: Sequence[LayersOverTime]) -> Table:
    layers = list(dict.fromkeys(layer for each in courses for layer in each.layers))
    rows: list[list[Cell]] = []
    for layer in layers:
        row: list[Cell] = [layer]
        for each in courses:
            for values in (each.angles, each.norm_ratios):
                row += _mean_and_sem(each, values, layer)
        rows.append(row)
    several = any(len(each.seeds) > 1 for each in courses)
    heads = [
        head
        for each in courses
        for what in ("angle", "ratio")
        for head in ([f"{each.rule} {what}", "SEM"] if several else [f"{each.rule} {what}"])
    ]
    if not several:
        rows = [[row[0], *row[1::2]] for row in rows]
    return Table(
        name="layers",
        title="By layer, after the last measured epoch",
        head=["layer", *heads],
        rows=rows,
        notes=[
            "Mean over seeds, with its standard error."
            if several
            else "One training for each rule."
        ],
    )


def _mean_and_sem(each: LayersOverTime, values: Matrix, layer: str) -> list[Cell]:
    if layer not in each.layers:
        return [None, None]
    found = _last(each, values)[:, list(each.layers).index(layer)]
    found = found[np.isfinite(found)]
    n = len(found)
    return [
        float(found.mean()) if n else None,
        float(found.std(ddof=1) / n**0.5) if n > 1 else None,
    ]


def _numbers(values: Matrix) -> list[list[float | None]]:
    return [[float(each) if np.isfinite(each) else None for each in row] for row in values]
