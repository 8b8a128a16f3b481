"""Figure and table of the experiment `noise` (Kunin et al. 2020, App. B.3, Fig. 5a and S1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from alignsearch.experiments.figures.figure import GREY, Axis, Figure, Line, Mark, Panel, Points
from alignsearch.experiments.figures.looks import LOOKS
from alignsearch.experiments.report import Cell, Report, Table
from alignsearch.experiments.run_statistics import MeanAccuracy

SHIFT = 1e4
"""Factor of the shift: (0.1 / 0.001)^2, from the initial learning rates of J and R (App. B.3)."""


@dataclass(frozen=True)
class Curve:
    """One rule's accuracy by the variance of the noise in its updates.

    Attributes:
        rule: short name of the rule.
        variances: variances of the noise, in ascending order.
        accuracies: mean accuracy at each variance, as a share.
        alone: whether the noise is in the backward kernels' updates alone: in R's, or under
            Kolen-Pollack in their part of J's.
        shifted: whether the curve is drawn at variances 10^4 times lower.
    """

    rule: str
    variances: Sequence[float]
    accuracies: Sequence[MeanAccuracy]
    alone: bool
    shifted: bool

    @property
    def name(self) -> str:
        """The curve's name in texts."""
        part = "B" if self.rule == "kp" else "R"
        return f"{LOOKS[self.rule].name}, {part} alone" if self.alone else LOOKS[self.rule].name

    @property
    def key(self) -> str:
        """The curve's key in `experiment.json`."""
        return f"{self.rule}_backward" if self.alone else self.rule

    @property
    def shown_variances(self) -> list[float]:
        """Variances at which points are drawn: 10^4 times lower if the curve is shifted."""
        return [each / SHIFT if self.shifted else each for each in self.variances]

    @property
    def label(self) -> str:
        """The curve's name in the legend."""
        return f"{self.name} (shifted)" if self.shifted else self.name


def make_report(
    curves: Sequence[Curve],
    setting: Sequence[str],
    *,
    seeds: Sequence[int],
    chance: float | None,
) -> Report:
    """Report of accuracy against variance, a curve for each rule and reading of App. B.3.

    setting: sentences on how it was run. chance: accuracy of guessing the largest class.
    """
    return Report(
        name="noise",
        title="Noisy updates",
        source="Kunin et al. 2020, App. B.3, Fig. 5a and S1",
        setting=setting,
        seeds=seeds,
        figures=[_figure(curves, chance)],
        tables=[_table(curves)],
        numbers={
            each.key: [
                {
                    "variance": variance,
                    "shown_at": shown,
                    "mean": found.mean,
                    "sem": found.sem,
                    "n": found.n,
                    "diverged": found.diverged,
                    "missing": found.missing,
                    "seeds": list(found.seeds),
                }
                for variance, shown, found in zip(
                    each.variances, each.shown_variances, each.accuracies, strict=True
                )
            ]
            for each in curves
        },
    )


def _figure(curves: Sequence[Curve], chance: float | None) -> Figure:
    marks: list[Mark] = []
    positive = [v for each in curves for v in each.shown_variances if v > 0]
    for curve in curves:
        points = [
            (shown, found)
            for shown, found in zip(curve.shown_variances, curve.accuracies, strict=True)
            if shown > 0 and found.mean is not None
        ]
        look = LOOKS[curve.rule]
        x, y = [shown for shown, _ in points], [found.mean for _, found in points]
        marks += [
            Line(x, y, color=look.color, dash="dash" if curve.alone else "solid"),
            Points(
                x,
                y,
                curve.label,
                look.color,
                look.marker,
                [found.sem or 0.0 for _, found in points],
                hollow=curve.alone,
            ),
        ]
        still = _noiseless(curve)
        # Without noise both readings are the same run: one dotted line for both.
        first = curve.rule not in {each.rule for each in curves[: curves.index(curve)]}
        if first and still is not None and still.mean is not None and positive:
            ends = [min(positive), max(positive)]
            marks.append(Line(ends, [still.mean] * 2, color=look.color, dash="dot", width=1.0))
    if chance is not None and positive:
        marks.append(Line([min(positive), max(positive)], [chance] * 2, "guessing", GREY, "dash"))
    limits = (min(positive) / 1.5, 1.5 * max(positive)) if positive else None
    return Figure(
        name="noise",
        title="Validation accuracy by the variance of the updates' noise",
        caption=_caption(curves),
        panels=[
            Panel(
                Axis("variance of the noise in each update", log=True, limits=limits),
                Axis("validation accuracy"),
                marks,
            )
        ],
        columns=1,
    )


def _caption(curves: Sequence[Curve]) -> str:
    parts = ["Mean over trials; bars show its standard error. Dotted: the same rule without noise."]
    if any(each.alone for each in curves):
        parts.append(
            "Hollow and dashed: noise in R's updates alone; filled and solid: in all updates."
        )
    shifted = [each.name for each in curves if each.shifted]
    if shifted:
        parts.append(
            f"The curves of {' and '.join(shifted)} are shifted to variances 10⁴ times lower than "
            "those used, because R's initial learning rate is 0.001 and J's is 0.1 (App. B.3)."
        )
    for each in curves:
        still = _noiseless(each)
        noisy = [
            (variance, found)
            for variance, found in zip(each.variances, each.accuracies, strict=True)
            if variance > 0 and found.mean is not None
        ]
        if not noisy:
            continue
        start = "" if still is None or still.mean is None else f"{still.mean:.3f} without noise, "
        first, last = noisy[0], noisy[-1]
        parts.append(
            f"{each.name}: {start}{first[1].mean:.3f} at {first[0]:g}, "
            f"{last[1].mean:.3f} at {last[0]:g}."
        )
    lost = sum(found.diverged for found in _once(curves))
    missing = sum(found.missing for found in _once(curves))
    parts.append(
        f"{lost} run{'s' if lost > 1 else ''} diverged; each counts with the accuracy of guessing."
        if lost
        else "No run diverged."
    )
    if missing:
        parts.append(f"{missing} runs have no result and are left out.")
    return " ".join(parts)


def _noiseless(curve: Curve) -> MeanAccuracy | None:
    for variance, found in zip(curve.variances, curve.accuracies, strict=True):
        if variance == 0:
            return found
    return None


def _once(curves: Sequence[Curve]) -> list[MeanAccuracy]:
    """Each mean once: without noise the readings of a rule share theirs."""
    found = {
        (each.rule, each.alone and variance > 0, variance): accuracy
        for each in curves
        for variance, accuracy in zip(each.variances, each.accuracies, strict=True)
    }
    return list(found.values())


def _table(curves: Sequence[Curve]) -> Table:
    rows: list[list[Cell]] = [
        [
            LOOKS[each.rule].name,
            "R's" if each.alone else "all",
            variance,
            found.mean,
            found.sem,
            found.n,
            found.diverged,
            found.missing,
        ]
        for each in curves
        for variance, found in zip(each.variances, each.accuracies, strict=True)
    ]
    seeds = sorted({seed for each in curves for found in each.accuracies for seed in found.seeds})
    return Table(
        name="noise",
        title="Accuracy under noisy updates",
        head=["rule", "noisy updates", "variance", "accuracy", "SEM", "n", "diverged", "no result"],
        rows=rows,
        notes=[
            "Accuracy: on all validation images after the last epoch, the mean over seeds "
            f"{', '.join(map(str, seeds))}. SEM: the standard error of that mean, "
            "s/√n with n - 1 in s. Variances are those used, whatever the figure shifts.",
        ],
    )
