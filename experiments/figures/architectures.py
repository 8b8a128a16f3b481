"""Figures and table of `transfer` and `kolen-pollack` (Tables 3 and 4, Fig. 3 and S5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from alignsearch.experiments.figures.figure import GREY, Axis, Figure, Line, Mark, Panel, Points
from alignsearch.experiments.figures.looks import looks, name_of
from alignsearch.experiments.report import Cell, Report, Table
from alignsearch.experiments.run_statistics import MeanAccuracy
from alignsearch.search.reports.means import Mean


@dataclass(frozen=True)
class Row:
    """One rule on one network.

    Attributes:
        model, rule: names of the network and of the rule, or of the search that stands for it.
        accuracy: mean over seeds, as a share.
        gap: mean over seeds of the accuracy minus backpropagation's; None for backpropagation.
    """

    model: str
    rule: str
    accuracy: MeanAccuracy
    gap: Mean | None


def make_report(
    rows: Sequence[Row],
    *,
    name: str,
    title: str,
    source: str,
    setting: Sequence[str],
    seeds: Sequence[int],
    chance: float | None,
) -> Report:
    """Report of each rule's accuracy by network, and its gap to backpropagation's.

    setting: sentences on how it was run. chance: accuracy of guessing the largest class.
    """
    return Report(
        name=name,
        title=title,
        source=source,
        setting=setting,
        seeds=seeds,
        figures=[_accuracies(rows, name, chance), _gaps(rows, name)],
        tables=[_table(rows, name, title)],
        numbers={
            model: {
                row.rule: {
                    "mean": row.accuracy.mean,
                    "sem": row.accuracy.sem,
                    "n": row.accuracy.n,
                    "diverged": row.accuracy.diverged,
                    "missing": row.accuracy.missing,
                    "seeds": list(row.accuracy.seeds),
                    "gap": None if row.gap is None else row.gap.mean,
                    "gap_sem": None if row.gap is None else row.gap.sem,
                }
                for row in rows
                if row.model == model
            }
            for model in _models(rows)
        },
    )


def _models(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.model for row in rows))


def _rules(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.rule for row in rows))


def _series(rows: Sequence[Row], values: Sequence[Mean | None]) -> list[Mark]:
    """A series of points for each rule; at each network, rules stand beside one another."""
    marks: list[Mark] = []
    rules, models = _rules(rows), _models(rows)
    for at, (rule, look) in enumerate(looks(rules).items()):
        found = [
            (models.index(row.model) + 0.11 * (at - (len(rules) - 1) / 2), value)
            for row, value in zip(rows, values, strict=True)
            if row.rule == rule and value is not None and value.mean is not None
        ]
        if found:
            marks.append(
                Points(
                    [x for x, _ in found],
                    [100 * (value.mean or 0.0) for _, value in found],
                    look.name,
                    look.color,
                    look.marker,
                    [100 * (value.sem or 0.0) for _, value in found],
                )
            )
    return marks


def _axis(rows: Sequence[Row]) -> Axis:
    models = _models(rows)
    return Axis("network", limits=(-0.6, len(models) - 0.4), names=models)


def _accuracies(rows: Sequence[Row], name: str, chance: float | None) -> Figure:
    marks = _series(rows, [row.accuracy for row in rows])
    if chance is not None:
        ends = [-0.6, len(_models(rows)) - 0.4]
        marks.append(Line(ends, [100 * chance] * 2, "guessing", GREY, "dash"))
    best = []
    for model in _models(rows):
        here = [row for row in rows if row.model == model and row.accuracy.mean is not None]
        if here:
            top = max(here, key=lambda row: row.accuracy.mean or 0.0)
            best.append(f"{name_of(top.rule)} on {model} ({_percent(top.accuracy)})")
    return Figure(
        name=name,
        title="Validation accuracy by network",
        caption=(
            "Mean over seeds; bars show its standard error. Highest mean: "
            f"{', '.join(best)}. {_lost(rows)}"
        ),
        panels=[Panel(_axis(rows), Axis("validation accuracy (%)"), marks)],
        columns=1,
    )


def _gaps(rows: Sequence[Row], name: str) -> Figure:
    parts = []
    for rule in _rules(rows):
        gaps = [
            f"{row.model} {_points(row.gap)}"
            for row in rows
            if row.rule == rule and row.gap is not None and row.gap.mean is not None
        ]
        if gaps:
            parts.append(f"{name_of(rule)}: {', '.join(gaps)}")
    ends = [-0.6, len(_models(rows)) - 0.4]
    return Figure(
        name=f"{name}-gaps",
        title="Gap to backpropagation by network",
        caption=(
            "Accuracy minus backpropagation's at the same seed, in percentage points: mean over "
            f"seeds; bars show its standard error. {'; '.join(parts)}."
        ),
        panels=[
            Panel(
                _axis(rows),
                Axis("gap to backpropagation (points)"),
                [
                    *_series(rows, [row.gap for row in rows]),
                    Line(ends, [0.0, 0.0], color=GREY, dash="dash"),
                ],
            )
        ],
        columns=1,
    )


def _percent(mean: Mean) -> str:
    value = 100 * (mean.mean or 0.0)
    return f"{value:.1f}%" if mean.sem is None else f"{value:.1f} ± {100 * mean.sem:.1f}%"


def _points(mean: Mean) -> str:
    value = 100 * (mean.mean or 0.0)
    return f"{value:+.1f}" if mean.sem is None else f"{value:+.1f} ± {100 * mean.sem:.1f}"


def _lost(rows: Sequence[Row]) -> str:
    diverged = [row for row in rows if row.accuracy.diverged]
    missing = sum(row.accuracy.missing for row in rows)
    if diverged:
        where = ", ".join(
            f"{row.accuracy.diverged} of {name_of(row.rule)} on {row.model}" for row in diverged
        )
        words = f"Diverged, and counted with the accuracy of guessing: {where}."
    else:
        words = "No run diverged."
    return words + (f" {missing} runs have no result and are left out." if missing else "")


def _table(rows: Sequence[Row], name: str, title: str) -> Table:
    cells: list[list[Cell]] = [
        [
            row.model,
            name_of(row.rule),
            _scaled(row.accuracy.mean),
            _scaled(row.accuracy.sem),
            None if row.gap is None else _scaled(row.gap.mean),
            None if row.gap is None else _scaled(row.gap.sem),
            row.accuracy.n,
            row.accuracy.diverged,
            row.accuracy.missing,
        ]
        for row in rows
    ]
    seeds = sorted({seed for row in rows for seed in row.accuracy.seeds})
    return Table(
        name=name,
        title=title,
        head=[
            *("network", "rule", "accuracy (%)", "SEM", "gap (points)", "SEM of gap"),
            *("n", "diverged", "no result"),
        ],
        rows=cells,
        notes=[
            "Accuracy: top-1 on all validation images after the last epoch, the mean over seeds "
            f"{', '.join(map(str, seeds))}; SEM is the standard error of that mean (s/√n, with "
            "n - 1 in s). Gap: accuracy minus backpropagation's at the same seed, the mean and "
            "standard error of these differences. A diverged run counts with the accuracy of "
            "guessing; one without a result is left out.",
        ],
    )


def _scaled(value: float | None) -> float | None:
    return None if value is None else 100 * value
