"""Figures and tables of the experiment `stability` (Kunin et al. 2020, App. D.1)."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from alignment_core.analysis.dynamics import DECAY, FLOWS, Flow, X, measured_matrix, trajectory
from alignment_core.analysis.mirror_instability import Descent
from alignsearch.experiments.figures.figure import (
    GREY,
    MARKERS,
    PALETTE,
    Axis,
    Figure,
    Line,
    Mark,
    Panel,
    Points,
)
from alignsearch.experiments.figures.looks import LOOKS, Look
from alignsearch.experiments.report import Cell, Formula, Report, Table

INPUTS = np.array([[0.5], [-1.0], [1.2], [1.5]])
"""A batch of four inputs, whose mean square stands for x^2; the conclusions hold for all."""

_DECAY_RATIOS = (0.5, 2.0)
"""lambda_WM divided by x^2 in Weight Mirror's two portraits: below and above 1."""

EPSILON = float(np.finfo(float).eps)

_RANGE = 2.0


def make_report(
    descents: Sequence[Descent], setting: Sequence[str], *, seeds: Sequence[int]
) -> Report:
    """Report that compares closed forms with real layers, and shows a network's `descents`.

    setting: sentences on how it was run.
    """
    measured = _measure()
    worst = max(np.abs(each.measured - each.derived).max() for each in measured.values())
    return Report(
        name="stability",
        title="Stability of the symmetrized gradient flows",
        source="Kunin et al. 2020, App. D.1; the exploding and collapsing weights of Fig. S4",
        setting=setting,
        seeds=seeds,
        figures=[_portraits(measured, worst), _norms(descents), _rates(descents)],
        tables=[_eigenvalues(measured), _starting(descents)],
        numbers={
            "largest_deviation_from_closed_form": worst,
            "outcomes": {f"{each.ratio:g}": each.outcome for each in descents},
        },
    )


class _Measured:
    """Matrix of one flow, from the equations and from a real layer's gradients, as numbers."""

    def __init__(self, flow: Flow, look: Look, ratio: float) -> None:
        self.flow, self.look, self.ratio = flow, look, ratio
        self.square = float(np.mean(INPUTS**2))
        self.measured = measured_matrix(flow.alignment(ratio * self.square), INPUTS)
        self.derived = np.array(self.at_numbers(flow.matrix).tolist(), dtype=float)

    def at_numbers(self, expression: Any) -> Any:
        """The expression with numbers: x^2 is the inputs' mean square, lambda_WM `ratio` x^2."""
        return expression.subs({X**2: self.square, DECAY: self.ratio * self.square})


def _measure() -> dict[str, _Measured]:
    mirror = FLOWS["weight_mirror"]
    lower, upper = (_Measured(mirror, LOOKS["wm"], ratio) for ratio in _DECAY_RATIOS)
    return {
        "Symmetric Alignment": _Measured(FLOWS["symmetric_alignment"], LOOKS["sa"], 1.0),
        "Activation Alignment": _Measured(FLOWS["activation_alignment"], LOOKS["aa"], 1.0),
        f"Weight Mirror, λ = {lower.ratio:g} x²": lower,
        f"Weight Mirror, λ = {upper.ratio:g} x²": upper,
    }


def _portraits(measured: Mapping[str, _Measured], worst: float) -> Figure:
    return Figure(
        name="phase-portraits",
        title="Symmetrized gradient flows of one forward weight w and one backward weight b",
        caption=(
            "Under Symmetric and Activation Alignment every path ends on the line w = b (dotted) "
            "and stays where it meets it: λ_u = 0. Under Weight Mirror paths leave the origin "
            "along it if λ is below x², and end in the origin if λ is above. Paths are exp(-A t), "
            "with A measured from the gradients of real layers, which differ from the closed form "
            f"by {max(worst, EPSILON):.0e} at most."
        ),
        panels=[
            Panel(
                Axis("forward weight w", limits=(-_RANGE, _RANGE)),
                Axis("backward weight b", limits=(-_RANGE, _RANGE)),
                _paths(each.measured, each.look),
                title,
                square=True,
            )
            for title, each in measured.items()
        ],
    )


def _paths(matrix: NDArray[np.float64], look: Look) -> list[Mark]:
    diagonal = np.array([-_RANGE, _RANGE])
    marks: list[Mark] = [Line(diagonal, diagonal, "w = b", GREY, "dot")]
    times = np.linspace(0, 6, 400)
    unstable = np.linalg.eigvalsh(matrix)[0] < -1e-9
    # Stable flows start on a circle around all attractors. Unstable ones start near w = -b, from
    # which their paths first approach the origin and then leave it.
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False) + np.pi / 16
    starts = 0.97 * _RANGE * np.stack([np.cos(around), np.sin(around)], axis=1)
    if unstable:
        offsets = np.array([-0.55, -0.25, -0.06, 0.06, 0.25, 0.55])
        starts = np.array(
            [(s * 1.4 + o, -s * 1.4 + o) for s, o in itertools.product((-1, 1), offsets)]
        )
    for start in starts:
        path = trajectory(matrix, start, times)
        path = path[np.abs(path).max(axis=1) <= _RANGE]
        marks.append(
            Line(
                path[:, 0], path[:, 1], f"path under {look.name}", look.color, width=1.2, arrow=True
            )
        )
    return marks


def _norms(descents: Sequence[Descent]) -> Figure:
    panels = []
    for descent in descents:
        marks: list[Mark] = []
        for at, layer in enumerate(descent.layers):
            forward, backward = descent.forward[:, at], descent.backward[:, at]
            marks += [
                Line(descent.times, forward, f"{layer}, forward W", PALETTE[at], width=3.5),
                Line(descent.times, backward, "backward B of each", "#000000", "dash", 1.0),
            ]
        panels.append(
            Panel(
                Axis("time × c"),
                Axis("norm / forward norm at start", log=True),
                marks,
                f"λ = {descent.ratio:g} c: {descent.outcome}",
            )
        )
    ends = "; ".join(
        f"at λ = {each.ratio:g} c the network {each.outcome} (largest norm "
        f"{max(each.forward[-1].max(), each.backward[-1].max()):.2g} times that at the start, "
        f"after time {each.times[-1]:.3g} / c)"
        for each in descents
    )
    return Figure(
        name="mirror-instability",
        title="Weight Mirror's symmetrized flow on a dense network with ReLU",
        caption=(
            "Frobenius norms of the kernels under plain gradient descent on R of all layers; c is "
            "the largest eigenvalue of the second moment of the network's inputs, which takes "
            f"x²'s place in the first layer. {ends[0].upper()}{ends[1:]}."
        ),
        panels=panels,
    )


def _rates(descents: Sequence[Descent]) -> Figure:
    rates = [each for descent in descents for each in descent.starting]
    layers = descents[0].layers
    worst = max(
        max(
            abs(each.symmetric - (each.decay - each.second_moment)),
            abs(each.skew - (each.decay + each.second_moment)),
        )
        / (each.decay + each.second_moment)
        for each in rates
    )
    panels = []
    for title, field, sign in (
        ("shared part, λ_u = λ − c", "symmetric", -1),
        ("difference, λ_v = λ + c", "skew", 1),
    ):
        closed = {
            layer: [each.decay + sign * each.second_moment for each in rates if each.layer == layer]
            for layer in layers
        }
        ends = [min(map(min, closed.values())), max(map(max, closed.values()))]
        marks: list[Mark] = [Line(ends, ends, "measured = closed form", GREY, "dot")]
        for at, (layer, values) in enumerate(closed.items()):
            found = [getattr(each, field) for each in rates if each.layer == layer]
            marks.append(Points(values, found, layer, PALETTE[at], MARKERS[at]))
        panels.append(Panel(Axis("closed form"), Axis("measured in the network"), marks, title))
    return Figure(
        name="starting-rates",
        title="Eigenvalues in the network at its start",
        caption=(
            "The share that W + Bᵀ (left) and W − Bᵀ (right) lose in a unit of time along the "
            "strongest direction of each layer's inputs, against the closed form with c the "
            f"second moment along it. They differ by {worst:.0e} of λ + c at most, in single "
            f"precision. {sum(each.symmetric < 0 for each in rates)} of {len(rates)} values of "
            "λ_u are negative: there the shared part grows."
        ),
        panels=panels,
    )


def _eigenvalues(measured: Mapping[str, _Measured]) -> Table:
    rows: list[list[Cell]] = []
    for title, each in measured.items():
        for at, direction in enumerate(([1, 1], [1, -1])):
            closed, printed = each.flow.eigenvalues[at], each.flow.printed[at]
            found = float((each.measured @ direction)[0] / direction[0])
            rows.append(
                [
                    title,
                    Formula(r"\lambda_u", "λ_u") if at == 0 else Formula(r"\lambda_v", "λ_v"),
                    _formula(printed),
                    _formula(closed),
                    float(each.at_numbers(closed)),
                    found,
                    "yes" if sympy.simplify(printed - closed) == 0 else "no (1)",
                ]
            )
    square = next(iter(measured.values())).square
    return Table(
        name="eigenvalues",
        title="Eigenvalues of the symmetrized flows",
        head=[
            "rule",
            "",
            "App. D.1 prints",
            "from its matrix",
            f"at x² = {square:g}",
            "real layer",
            "printed holds",
        ],
        rows=rows,
        notes=[
            "(1) App. D.1's own matrices give twice what it prints for λ_v of Symmetric and "
            "Activation Alignment: A_SA (1, −1)ᵀ = (1 + 1, −1 − 1)ᵀ = 2 (1, −1)ᵀ, and "
            "A_AA (1, −1)ᵀ = (x² + x², −x² − x²)ᵀ = 2 x² (1, −1)ᵀ. Its conclusions depend "
            "on the signs alone, and hold.",
            "The real layer's values come from the gradient of R at the layer, with the roles "
            "of its two weights exchanged for the forward one; x² is the batch's mean square.",
        ],
    )


def _starting(descents: Sequence[Descent]) -> Table:
    rows: list[list[Cell]] = [
        [
            descent.ratio,
            each.layer,
            each.second_moment,
            each.decay - each.second_moment,
            each.symmetric,
            each.decay + each.second_moment,
            each.skew,
            descent.outcome if at == 0 else "",
        ]
        for descent in descents
        for at, each in enumerate(descent.starting)
    ]
    whole = "; ".join(f"{each.measured_symmetric:.6f} at λ = {each.ratio:g} c" for each in descents)
    return Table(
        name="network",
        title="Weight Mirror on a network: rates at the start, and what becomes of it",
        head=[
            "λ / c of the first layer",
            "layer",
            "its own c",
            "λ − c",
            "measured",
            "λ + c",
            "measured",
            "the network",
        ],
        rows=rows,
        notes=[
            "With an input of several dimensions x² becomes its second moment C = E[x xᵀ]: W + Bᵀ "
            "obeys d/dt (W + Bᵀ) = (C − λ)(W + Bᵀ), so that each of C's eigenvalues c has "
            "λ_u = λ − c, and the largest decides. c of a deeper layer grows and shrinks with the "
            "weights before it: no λ keeps the network where it is.",
            f"The first layer's λ_u / c over the whole path: {whole}.",
        ],
    )


def _formula(expression: Any) -> Formula:
    plain = str(expression).replace("**2", "²").replace("lambda_WM", "λ").replace("*", " ")
    return Formula(sympy.latex(expression).replace("WM", r"\mathrm{WM}"), plain)
