"""Figure and table of the experiment `biotorch`: errors beside those that BioTorch prints."""

from collections.abc import Sequence
from dataclasses import dataclass

from alignsearch.experiments.figures.figure import GREY, Axis, Figure, Mark, Panel, Points
from alignsearch.experiments.figures.looks import looks, name_of
from alignsearch.experiments.report import Cell, Report, Table
from alignsearch.search.reports.means import Mean

TITLE = "LeNet on Fashion-MNIST, beside BioTorch's table"


@dataclass(frozen=True)
class Row:
    """One rule.

    Attributes:
        rule: short name of the rule.
        printed: the error that BioTorch prints, in percent; None for a rule not in its table.
        best: mean over seeds of the lowest error of all epochs, in percent.
        last: mean over seeds of the last epoch's error, in percent.
        missing: number of runs without a result: diverged, failed or cancelled.
    """

    rule: str
    printed: float | None
    best: Mean
    last: Mean
    missing: int

    @property
    def difference(self) -> float | None:
        """The mean error of the best epochs minus BioTorch's, in percentage points."""
        if self.printed is None or self.best.mean is None:
            return None
        return self.best.mean - self.printed


def make_report(
    rows: Sequence[Row], *, source: str, setting: Sequence[str], seeds: Sequence[int]
) -> Report:
    """Report of each rule's error, scored by the best epoch as BioTorch's and by the last one.

    setting: sentences on how it was run.
    """
    return Report(
        name="biotorch",
        title=TITLE,
        source=source,
        setting=setting,
        seeds=seeds,
        figures=[_figure(rows)],
        tables=[_table(rows)],
        numbers={
            row.rule: {
                "printed": row.printed,
                "best": row.best.mean,
                "best_sem": row.best.sem,
                "last": row.last.mean,
                "last_sem": row.last.sem,
                "n": row.last.n,
                "missing": row.missing,
            }
            for row in rows
        },
    )


def _figure(rows: Sequence[Row]) -> Figure:
    marks: list[Mark] = []
    for at, (row, look) in enumerate(
        zip(rows, looks([r.rule for r in rows]).values(), strict=True)
    ):
        for mean, shift, hollow in ((row.best, -0.1, True), (row.last, 0.1, False)):
            if mean.mean is not None:
                kind = "best epoch" if hollow else "last epoch"
                marks.append(
                    Points(
                        [at + shift],
                        [mean.mean],
                        f"{look.name}, {kind}",
                        look.color,
                        look.marker,
                        [mean.sem or 0.0],
                        hollow=hollow,
                    )
                )
    printed = [(at, row.printed) for at, row in enumerate(rows) if row.printed is not None]
    if printed:
        x, y = [at for at, _ in printed], [value for _, value in printed]
        marks.append(Points(x, y, "BioTorch, best epoch", GREY, "cross"))
    names = [name_of(row.rule) for row in rows]
    return Figure(
        name="biotorch",
        title="Test error by rule",
        caption=(
            "Mean over seeds; bars show its standard error. Hollow markers score the best epoch on "
            "the test images, as BioTorch does; filled ones the last epoch. Crosses are BioTorch's "
            f"figures, of one seed. {_words(rows)}"
        ),
        panels=[
            Panel(
                Axis("rule", limits=(-0.6, len(rows) - 0.4), names=names),
                Axis("test error (%)"),
                marks,
            )
        ],
        columns=1,
    )


def _words(rows: Sequence[Row]) -> str:
    parts = [
        f"{name_of(row.rule)} {row.difference:+.2f}" for row in rows if row.difference is not None
    ]
    text = f"Best epoch minus BioTorch's, in points: {', '.join(parts)}." if parts else ""
    missing = sum(row.missing for row in rows)
    return text + (f" {missing} runs have no result and are left out." if missing else "")


def _table(rows: Sequence[Row]) -> Table:
    cells: list[list[Cell]] = [
        [
            name_of(row.rule),
            row.printed,
            row.best.mean,
            row.best.sem,
            row.difference,
            row.last.mean,
            row.last.sem,
            row.last.n,
            row.missing,
        ]
        for row in rows
    ]
    return Table(
        name="biotorch",
        title=TITLE,
        head=[
            *("rule", "BioTorch (%)", "best epoch (%)", "SEM", "difference (points)"),
            *("last epoch (%)", "SEM of last", "n", "no result"),
        ],
        rows=cells,
        notes=[
            "Top-1 error on the 10,000 test images, mean over seeds; SEM is the standard error of "
            "that mean (s/√n, with n - 1 in s). BioTorch prints the error of the best epoch on the "
            "same test images, of one seed; the last epoch's error doesn't choose by them.",
        ],
    )
