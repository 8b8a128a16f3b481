"""Figure and tables of the experiment `importance` (Kunin et al. 2020, App. B.4, Fig. S2)."""

import math
import re
from collections.abc import Sequence

from alignsearch.experiments.figures.figure import (
    MARKERS,
    PALETTE,
    Axis,
    Figure,
    Mark,
    Panel,
    Points,
)
from alignsearch.experiments.report import Cell, Report, Table
from alignsearch.search.reports.importance import CategoricalEffect, Importance
from alignsearch.spaces.table5 import LABELS

SHORT = {field: re.sub(r"^.*\((FO|BO|BI)\)", r"\1", label) for field, label in LABELS.items()}
"""Names of Table 5's rows by metaparameter, with "Forward Path Output (FO)" shortened to "FO"."""

APART = 0.13
"""Distance of the points for "no" and "yes" from the middle of their letter, in letters."""


def make_report(
    effects: Sequence[CategoricalEffect],
    importance: Importance,
    setting: Sequence[str],
    *,
    seeds: Sequence[int],
) -> Report:
    """Report of the categorical metaparameters as in Fig. S2, and of fANOVA's shares of all.

    `effects` and `importance` are those of one search, each sorted. setting: sentences on how it
    was run.
    """
    return Report(
        name="importance",
        title="Which metaparameters matter",
        source="Kunin et al. 2020, App. B.4 and Fig. S2",
        setting=setting,
        seeds=seeds,
        figures=[_figure(effects, importance)],
        tables=[_categorical(effects), _shares(importance)],
        numbers={
            "trials_with_a_loss": importance.scored,
            "difference": {each.label: each.difference for each in effects},
            "standard_error": {each.label: standard_error(each) for each in effects},
            "share": {each.metaparameter: each.share for each in importance.shares},
        },
    )


def standard_error(effect: CategoricalEffect) -> float | None:
    """Standard error of the difference of both means; None if one of them has none.

    Trials with and without are different ones, so their errors are independent.
    """
    if effect.no.sem is None or effect.yes.sem is None:
        return None
    return math.hypot(effect.no.sem, effect.yes.sem)


def _figure(effects: Sequence[CategoricalEffect], importance: Importance) -> Figure:
    marks: list[Mark] = []
    for at, (answer, side) in enumerate((("no", -APART), ("yes", APART))):
        given = [
            (place + side, score)
            for place, effect in enumerate(effects)
            if (score := getattr(effect, answer)).mean is not None
        ]
        marks.append(
            Points(
                [place for place, _ in given],
                [score.mean for _, score in given],
                f"{answer}: mean of trials, SEM",
                PALETTE[at],
                MARKERS[at],
                [score.sem or 0.0 for _, score in given],
            )
        )
    upwards = importance.shares[::-1]
    shares = Points(
        [each.share for each in upwards],
        list(range(len(upwards))),
        "mean of trees, standard deviation",
        PALETTE[2],
        MARKERS[2],
        x_error=[each.deviation for each in upwards],
    )
    return Figure(
        name="importance",
        title="Metaparameters by importance",
        caption=_caption(effects, importance),
        panels=[
            Panel(
                Axis("metaparameter", names=[each.label for each in effects]),
                Axis("validation accuracy"),
                marks,
                "categorical, as Fig. S2",
            ),
            Panel(
                Axis("share of the variance", limits=_from_zero(importance)),
                Axis("", names=[SHORT[each.metaparameter] for each in upwards]),
                [shares],
                "all, by fANOVA",
            ),
        ],
    )


def _from_zero(importance: Importance) -> tuple[float, float]:
    high = max(each.share + each.deviation for each in importance.shares)
    return (-0.02 * high, 1.05 * high) if high > 0 else (0.0, 1.0)


def _caption(effects: Sequence[CategoricalEffect], importance: Importance) -> str:
    compared = [each for each in effects if each.difference is not None]
    alone = [each.label for each in effects if each.difference is None]
    letters = ", ".join(f"{each.label} {SHORT[each.metaparameter]}" for each in effects)
    parts = [
        f"{importance.scored} trials with a loss. Left: mean accuracy of the trials with and "
        f"without the metaparameter of each letter ({letters}), sorted by the size of their "
        "difference; the appendix doesn't print how Fig. S2 is sorted.",
    ]
    if compared:
        clear = [
            each.label
            for each in compared
            if (error := standard_error(each)) is not None
            and abs(each.difference or 0.0) > 2 * error
        ]
        parts.append(
            f"{len(clear)} of {len(compared)} differences are more than twice their standard error"
            + (f" ({', '.join(clear)})." if clear else ".")
        )
    if alone:
        parts.append(f"{', '.join(alone)}: one answer in all trials, so nothing to compare.")
    most = importance.shares[0]
    total = sum(each.share for each in importance.shares)
    parts.append(
        "Right: share of the variance that a random forest over all sampled metaparameters "
        f"ascribes to each alone; {SHORT[most.metaparameter]} has most with {most.share:.0%}, all "
        f"together {total:.0%}, interactions the rest."
        if most.share > 0
        else "Right: all accuracies are equal, so that nothing has a share of their variance."
    )
    return " ".join(parts)


def _categorical(effects: Sequence[CategoricalEffect]) -> Table:
    rows: list[list[Cell]] = [
        [
            each.label,
            SHORT[each.metaparameter],
            each.no.trials,
            each.no.mean,
            each.no.sem,
            each.yes.trials,
            each.yes.mean,
            each.yes.sem,
            each.difference,
            standard_error(each),
        ]
        for each in effects
    ]
    return Table(
        name="categorical",
        title="Categorical metaparameters, sorted by the size of the difference",
        head=[
            "",
            "Table 5",
            "no: trials",
            "mean",
            "SEM",
            "yes: trials",
            "mean",
            "SEM",
            "difference",
            "its error",
        ],
        rows=rows,
        notes=[
            "; ".join(f"{each.label}: {each.question}" for each in effects) + ".",
            "Validation accuracy after the last epoch; mean and standard error over the trials, "
            "each with other values of all other metaparameters. TPE samples more where it has "
            "found good values, so a mean holds for the trials of this search and not for the "
            "whole space.",
        ],
    )


def _shares(importance: Importance) -> Table:
    return Table(
        name="fanova",
        title="All sampled metaparameters, by fANOVA",
        head=["Table 5", "share of the variance", "standard deviation"],
        rows=[
            [SHORT[each.metaparameter], each.share, each.deviation] for each in importance.shares
        ],
        notes=[
            "Functional ANOVA (Hutter et al. 2014) over a random forest that was grown from "
            f"{importance.trials} of {importance.scored} trials with a loss: mean and standard "
            "deviation over its trees. Interactions of metaparameters are in none of the shares.",
        ],
    )
