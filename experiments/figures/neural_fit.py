"""Figures and table of the experiment `neural-fit` (Kunin et al. 2020, App. B.5)."""

from collections.abc import Sequence

import numpy as np

from alignment_core.analysis.neural_fit import LayerFit
from alignment_core.analysis.recordings import Recordings
from alignsearch.experiments.figures.figure import (
    GREY,
    MARKERS,
    PALETTE,
    Axis,
    Figure,
    Line,
    Panel,
    Points,
)
from alignsearch.experiments.report import Cell, Report, Table


def make_report(
    fits: Sequence[LayerFit],
    recordings: Recordings,
    components: int,
    setting: Sequence[str],
    *,
    seeds: Sequence[int],
) -> Report:
    """Report of each layer's fit, and of the best layer's sites.

    components: of the PLS regression. setting: sentences on how it was run.
    """
    stimuli, repetitions, sites = recordings.trials.shape
    categories = len(np.unique(recordings.categories))
    what = (
        f"{stimuli:,} images of {categories} categories, {repetitions} repetitions, {sites} sites; "
        f"PLS regression with {components} components, {len(fits[0].correlations)} splits of 75 "
        "to 25 within each category."
    )
    return Report(
        name="neural-fit",
        title="Neural fits",
        source="Kunin et al. 2020, App. B.5",
        setting=[what, *setting],
        seeds=seeds,
        figures=[_layers(fits), _sites(fits, recordings)],
        tables=[_table(fits)],
        numbers={
            each.layer: {
                "features": each.features,
                "corrected": list(each.median()),
                "uncorrected": list(each.median(corrected=False)),
                "sites_left_out": each.left_out,
            }
            for each in fits
        },
    )


def _layers(fits: Sequence[LayerFit]) -> Figure:
    layers = [each.layer for each in fits]
    marks = []
    for at, (label, corrected) in enumerate((("corrected for noise", True), ("measured", False))):
        medians, deviations = np.array([each.median(corrected=corrected) for each in fits]).T
        marks.append(
            Points(
                layers,
                medians,
                label,
                PALETTE[at],
                MARKERS[at],
                None if np.isnan(deviations).any() else deviations,
            )
        )
    best = _best(fits)
    high, deviation = best.median()
    return Figure(
        name="layers",
        title="Held-out correlation of predicted and recorded responses by layer",
        caption=(
            "Median over sites: its mean over splits of the images, with bars of its standard "
            "deviation. "
            f"The best layer is {best.layer} with {high:.3f} ± {deviation:.3f} corrected and "
            f"{best.median(corrected=False)[0]:.3f} measured."
        ),
        panels=[Panel(Axis("layer"), Axis("correlation"), marks)],
        columns=1,
    )


def _sites(fits: Sequence[LayerFit], recordings: Recordings) -> Figure:
    best = _best(fits)
    reliability = best.reliabilities.mean(axis=0)
    measured = best.correlations.mean(axis=0)
    low = max(0.0, float(reliability.min()) - 0.05)
    reliable = np.linspace(low, 1, 100)
    median = float(np.median(reliability))
    above = int((measured > np.sqrt(np.clip(reliability, 0, None))).sum())
    bottom = min(float(np.nanmin(measured)) - 0.05, low**0.5)
    return Figure(
        name="sites",
        title=f"Each site's fit and reliability, layer {best.layer}",
        caption=(
            "Each dot is a site, averaged over splits on both axes. The line is the square root of "
            "the reliability, the most that a model of the noiseless responses can reach. The "
            f"{len(recordings.sites)} sites' median reliability is {median:.3f}; "
            + (
                f"{above} lie above the line, as chance in finitely many images and trials allows."
                if above
                else "none lies above the line."
            )
        ),
        panels=[
            Panel(
                Axis("reliability of the average over trials", limits=(low, 1.02)),
                Axis("correlation, measured", limits=(bottom, 1.02)),
                [
                    Line(reliable, np.sqrt(reliable), "√ reliability", GREY, "dash"),
                    Points(reliability, measured, "site"),
                ],
            )
        ],
        columns=1,
    )


def _table(fits: Sequence[LayerFit]) -> Table:
    rows: list[list[Cell]] = [
        [
            each.layer,
            each.features,
            *each.median(),
            *each.median(corrected=False),
            float(np.median(each.reliabilities)),
            each.left_out,
        ]
        for each in fits
    ]
    return Table(
        name="layers",
        title="Neural fits by layer",
        head=[
            "layer",
            "features",
            "corrected",
            "±",
            "measured",
            "±",
            "reliability",
            "sites left out",
        ],
        rows=rows,
        notes=[
            "Correlations on held-out images: the median over sites, its mean and standard "
            "deviation (±) over splits. Corrected: divided by the square root of the split-half "
            "reliability of the same images' responses, by Spearman and Brown's formula. "
            "Reliability: the median over sites and splits. Sites whose reliability is not "
            "positive in some split are left out of that split's median.",
        ],
    )


def _best(fits: Sequence[LayerFit]) -> LayerFit:
    return max(fits, key=lambda each: each.median()[0])
