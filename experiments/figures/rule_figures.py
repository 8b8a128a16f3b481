"""Figures of the experiment `rules`, each of one task."""

import numpy as np

from alignsearch.experiments.figures.figure import (
    Axis,
    Figure,
    Line,
    Mark,
    Panel,
    Points,
    Regions,
)
from alignsearch.experiments.figures.rule_comparison import (
    LAYER_PANELS,
    NOISY,
    TaskResults,
    disturbed,
)
from alignsearch.search.reports.comparison import best_in_words, interval

APART, ALIKE, SELF = 0, 1, 2
MEANING = {
    APART: ("#D6E6F2", "told apart"),
    ALIKE: ("#D55E00", "can't be told apart"),
    SELF: ("#EDEDED", "the rule itself"),
}
"""Colour and meaning of a pair of rules."""


MOST_NAMES = 6
"""Most layers whose names are written below their axis."""


def figures_of(page: TaskResults) -> list[Figure]:
    """Return all figures that a task's results allow."""
    return [
        _errors(page),
        *([_apart(page)] if page.pairs else []),
        _tried(page),
        *([_layers(page)] if any(each.layers for each in page.known) else []),
        *([_robustness(page)] if page.disturbances() else []),
    ]


def _errors(page: TaskResults) -> Figure:
    shown = list(reversed(page.known))
    marks: list[Mark] = []
    for at, each in enumerate(shown):
        look, ends, mean = page.look(each), interval(each.errors), each.error.mean
        assert mean is not None
        half = 0.0 if ends is None else 100 * (ends[1] - mean)
        seeds = [100 * error for error in each.errors]
        marks += [
            Points(seeds, [at + 0.22] * len(seeds), color=look.color, cloud=True),
            Points([100 * mean], [at], color=look.color, marker=look.marker, x_error=[half]),
        ]
    return Figure(
        name=f"errors{page.suffix}",
        title=f"Error of each rule{page.where}",
        caption=f"{_best_in_words(page)} Large marks: mean over fresh seeds with its interval "
        f"of 95 %; small ones: single seeds.{_lost_in_words(page)}",
        panels=[
            Panel(
                Axis("validation error in %"),
                Axis("", names=[each.name for each in shown]),
                marks,
            )
        ],
        columns=1,
    )


def _best_in_words(page: TaskResults) -> str:
    if page.compared is None:
        return "No rule has a result."
    mean = page.known[0].error.mean
    assert mean is not None
    return best_in_words(page.compared, mean, {each.rule: each.name for each in page.known})


def _lost_in_words(page: TaskResults) -> str:
    lost = [f"{each.name} {each.lost}" for each in page.known if each.lost]
    missing = [f"{each.name} {each.missing}" for each in page.results if each.missing]
    nowhere = [each.name for each in page.results if each.diverged_everywhere]
    return (
        (f" Seeds that diverged, and count as guessing: {', '.join(lost)}." if lost else "")
        + (f" Seeds without a result: {', '.join(missing)}." if missing else "")
        + (f" Diverged with every configuration: {', '.join(nowhere)}." if nowhere else "")
    )


def _apart(page: TaskResults) -> Figure:
    rules = [each.rule for each in page.known]
    names = [each.name for each in page.known]
    codes = np.full((len(rules), len(rules)), SELF)
    for pair in page.pairs:
        one, other = rules.index(pair.one), rules.index(pair.other)
        codes[one, other] = codes[other, one] = APART if pair.told_apart else ALIKE
    alike = sum(not pair.told_apart for pair in page.pairs)
    places = np.arange(len(rules))
    return Figure(
        name=f"pairs{page.suffix}",
        title=f"Which rules can't be told apart{page.where}",
        caption=f"{alike} of {len(page.pairs)} pairs of rules can't be told apart by these "
        "seeds (Welch's test, Holm's correction over all pairs, 5 %). Rules are in the order "
        "of their mean errors.",
        panels=[
            Panel(
                Axis("", names=names),
                Axis("", names=names),
                [Regions(places, places, codes, MEANING)],
                square=True,
            )
        ],
        columns=1,
    )


def _tried(page: TaskResults) -> Figure:
    marks: list[Mark] = []
    for each in page.results:
        known = sorted(100 * loss for loss in each.losses if loss is not None)
        look = page.look(each)
        shares = [(at + 1) / len(each.losses) for at in range(len(known))]
        marks += [
            Line(known, shares, color=look.color),
            Points(known[:1], shares[:1], each.name, look.color, look.marker),
        ]
    parts = [
        f"{each.name} {100 * each.near:.0f} %" for each in page.results if each.near is not None
    ]
    return Figure(
        name=f"configurations{page.suffix}",
        title=f"Errors of all configurations that were tried{page.where}",
        caption="A rule whose line rises steeply at the left depends little on its "
        "metaparameters; a line that ends below 1 belongs to a rule of which the rest diverged."
        f" Share of configurations within one point of the rule's best: {', '.join(parts)}.",
        panels=[
            Panel(
                Axis("validation error in %, one seed"),
                Axis("share of configurations", limits=(0.0, 1.02)),
                marks,
            )
        ],
        columns=1,
    )


def _layers(page: TaskResults) -> Figure:
    names = list(dict.fromkeys(layer.name for each in page.known for layer in each.layers))
    panels = []
    for value, label in LAYER_PANELS:
        marks: list[Mark] = []
        for each in page.known:
            found = [
                (names.index(layer.name), measured)
                for layer in each.layers
                if (measured := getattr(layer, value)) is not None
            ]
            if not found:
                continue
            x, y = [at for at, _ in found], [measured for _, measured in found]
            look = page.look(each)
            marks += [
                Line(x, y, color=look.color, width=1.0),
                Points(x, y, each.name, look.color, look.marker),
            ]
        shown = names if len(names) <= MOST_NAMES else ()
        panels.append(
            Panel(
                Axis("layer" if shown else "number of the layer", names=shown),
                Axis(label, log=value == "norm_ratio"),
                marks,
            )
        )
    return Figure(
        name=f"layers{page.suffix}",
        title=f"Kernels and updates layer by layer{page.where}",
        caption="Means over the fresh seeds that did not diverge, after the last epoch: angle and "
        "norm ratio of backward and forward kernels, angle of each kernel's update to the true "
        "gradient, and share of weights whose signs agree. A direct rule has no kernels to "
        "compare; backpropagation has no backward kernel.",
        panels=panels,
    )


def _robustness(page: TaskResults) -> Figure:
    panels = []
    for kind, label, levels in page.disturbances():
        marks: list[Mark] = []
        for each in page.known:
            means = [(level, disturbed(each, kind, level)) for level in levels]
            found = [(x, 100 * y.mean) for x, y in means if y is not None and y.mean is not None]
            if not found:
                continue
            if kind != NOISY and each.error.mean is not None:
                found.insert(0, (0.0, 100 * each.error.mean))
            look = page.look(each)
            x, y = [level for level, _ in found], [mean for _, mean in found]
            marks += [
                Line(x, y, color=look.color, width=1.0),
                Points(x, y, each.name, look.color, look.marker),
            ]
        panels.append(Panel(Axis(label, log=kind == NOISY), Axis("validation error in %"), marks))
    return Figure(
        name=f"robustness{page.suffix}",
        title=f"Error under noise and under an attack{page.where}",
        caption="Noise in updates: the best configuration trained again under Gaussian noise "
        "of each variance (Kunin et al. 2020, App. B.3). It is multiplied by the learning rate, so "
        "a rule whose best rate is low is disturbed less. The others disturb the trained "
        "network: noise in its kernels, in multiples of each kernel's root mean square; noise "
        "in its images; one step of FGSM along the true gradient. They begin with the undisturbed "
        "network.",
        panels=panels,
    )
