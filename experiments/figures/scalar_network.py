"""Figures and table of the experiment `scalar-network` (Kunin et al. 2020, App. D.2)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from alignment_core.analysis.scalar_network import (
    ALPHA,
    BETA,
    FIXED_POINTS,
    FLOWS,
    W1,
    W2,
    B,
    FixedPoints,
    LayeredNetwork,
    basins,
    field,
    kind_of,
    trajectories,
)
from alignsearch.experiments.figures.figure import (
    GREY,
    PALE,
    PALETTE,
    Axis,
    Dash,
    Figure,
    Line,
    Mark,
    Panel,
    Points,
    Regions,
)
from alignsearch.experiments.figures.looks import LOOKS
from alignsearch.experiments.report import Cell, Formula, Report, Table

INPUTS = np.array([[0.5], [-1.0], [1.2], [1.5]])
TARGETS = np.array([[1.0], [-0.5], [1.0], [1.4]])
"""Four scalar data points; the conclusions hold for all data with alpha > 0."""

_Networks = Mapping[str, LayeredNetwork]

_RANGE = 3.0
_GROUND = {
    1: (PALE[0], "ends at w₁ > 0"),
    -1: (PALE[1], "ends at w₁ < 0"),
    0: (PALE[2], "has not arrived"),
}


def make_report(backward: tuple[float, float], grid: int) -> Report:
    """Report of the flows from two backward weights, and of the appendix's fixed points.

    grid: starting points along each side of a basin's portrait.
    """
    alpha, beta = float(np.mean(INPUTS * TARGETS)), float(np.mean(INPUTS**2))
    networks = {name: LayeredNetwork(name, INPUTS, TARGETS) for name in FLOWS}
    deviation = _largest_deviation(networks, alpha, beta)
    data = f"α = {alpha:.4g} and β = {beta:.4g}"
    return Report(
        name="scalar-network",
        title="Flows of the two-layer scalar network",
        source="Kunin et al. 2020, App. D.2",
        setting=[
            f"The paper's own setting, which leaves the data open: here four points with {data}.",
            f"The flows were measured on two real layers too, at {_DRAWS} random states of each "
            f"rule: they differ from the equations by {deviation:.0e} at most.",
        ],
        figures=[
            _portraits(alpha, beta, backward, grid),
            _stability(networks, alpha, beta, backward),
        ],
        tables=[_table(networks, alpha, beta)],
        numbers={"alpha": alpha, "beta": beta, "largest_deviation_of_the_flow": deviation},
    )


_DRAWS = 20


def _largest_deviation(networks: _Networks, alpha: float, beta: float) -> float:
    """Largest deviation of the real layers' flow from the equations, at random states."""
    deviations = []
    for name, flow in FLOWS.items():
        states = np.random.default_rng(0).normal(size=(_DRAWS, len(flow.state)))
        expected = field(name, alpha, beta)(states.T).T
        found = np.array([networks[name].field(state) for state in states])
        deviations.append(np.abs(found - expected).max())
    return float(max(deviations))


def _portraits(alpha: float, beta: float, backward: tuple[float, float], grid: int) -> Figure:
    one, other = backward
    shown = (
        ("backpropagation", 0.0, "Backpropagation (b = w₂)"),
        ("symmetric_alignment", other, f"Symmetric Alignment, b(0) = {other:g}"),
        ("feedback_alignment", one, f"Feedback alignment, b = {one:g}"),
        ("feedback_alignment", other, f"Feedback alignment, b = {other:g}"),
    )
    axis = np.linspace(-_RANGE, _RANGE, grid)
    panels, shares = [], []
    for name, b, title in shown:
        codes = basins(name, alpha, beta, axis, b)
        shares.append(f"{title}: {np.mean(codes == 1):.0%} and {np.mean(codes == -1):.0%}")
        meaning = {code: each for code, each in _GROUND.items() if (codes == code).any()}
        marks: list[Mark] = [Regions(axis, axis, codes, meaning)]
        marks += _paths(name, alpha, beta, b)
        marks += _minima(name, alpha, beta, b)
        panels.append(
            Panel(
                Axis("w₁", limits=(-_RANGE, _RANGE)),
                Axis("w₂", limits=(-_RANGE, _RANGE)),
                marks,
                title,
                square=True,
            )
        )
    return Figure(
        name="flows",
        title="Paths and basins in the plane of the forward weights",
        caption=(
            "The minima are the hyperbola w₂ w₁ = α/β: solid where they are sinks, dotted where "
            "they are left. Colours show on which branch a start arrives within time "
            f"{_TIME:g}; of the starts, on that with w₁ > 0 and w₁ < 0: {'; '.join(shares)}. "
            "Symmetric Alignment's b moves: the picture shows where (w₁, w₂) goes."
        ),
        panels=panels,
    )


_TIME = 40.0


def _paths(name: str, alpha: float, beta: float, b: float) -> list[Mark]:
    ticks = np.array([-2.4, -1.2, 0.0, 1.2, 2.4])
    w1, w2 = (each.ravel() for each in np.meshgrid(ticks, ticks + 0.3))
    starts = np.stack([w1, w2, np.full_like(w1, b)][: len(FLOWS[name].state)])
    times = np.concatenate([[0.0], np.geomspace(1e-3, _TIME, 300)])
    paths = trajectories(name, alpha, beta, starts, times)
    marks: list[Mark] = []
    for x, y in zip(paths[0], paths[1], strict=True):
        # Once it has arrived, a path repeats the same point.
        moving = np.hypot(np.diff(x, append=x[-1]), np.diff(y, append=y[-1])) > 1e-5
        kept = moving | (np.arange(len(x)) == 0)
        if kept.sum() > 2:
            marks.append(Line(x[kept], y[kept], "path", GREY, width=1.0, arrow=True))
    return marks


def _minima(name: str, alpha: float, beta: float, b: float) -> list[Mark]:
    marks: list[Mark] = []
    for sign in (1, -1):
        w1 = sign * np.linspace(alpha / beta / _RANGE, _RANGE, 300)
        w2 = alpha / (beta * w1)
        first = np.asarray(_first_eigenvalue(name, alpha, beta, b, w1))
        for sinks in (True, False):
            part = (first < 0) == sinks
            marks.append(
                Line(
                    np.where(part, w1, np.nan),
                    np.where(part, w2, np.nan),
                    "minima: sinks" if sinks else "minima that are left",
                    "#000000" if sinks else PALETTE[1],
                    "solid" if sinks else "dot",
                    2.4,
                )
            )
    return [mark for mark in marks if isinstance(mark, Line) and np.isfinite(mark.x).any()]


def _first_eigenvalue(name: str, alpha: float, beta: float, b: float, w1: Any) -> Any:
    """The table's first eigenvalue along the minima."""
    printed = FLOWS[name].printed[0].subs({W2: ALPHA / (BETA * W1)})
    numbers = printed.subs({ALPHA: alpha, BETA: beta, B: b})
    return sympy.lambdify(W1, numbers, "numpy")(w1)


def _stability(
    networks: _Networks, alpha: float, beta: float, backward: tuple[float, float]
) -> Figure:
    shown = (
        ("backpropagation", 0.0, "BP and SA", LOOKS["bp"], False),
        *(
            ("feedback_alignment", b, f"FA, b = {b:g}", LOOKS["fa"], at == 1)
            for at, b in enumerate(backward)
        ),
    )
    marks: list[Mark] = []
    worst = 0.0
    nearest = 0.35
    for name, b, label, look, second in shown:
        for sign in (1, -1):
            dense = sign * np.linspace(nearest, _RANGE, 200)
            closed = _first_eigenvalue(name, alpha, beta, b, dense)
            dash: Dash = "dash" if second else "solid"
            marks.append(Line(dense, closed, f"{label}, closed form", look.color, dash))
            few = sign * np.linspace(nearest, _RANGE, 7)
            found = [_largest(networks[name], np.array([w, alpha / (beta * w), b])) for w in few]
            expected = np.asarray(_first_eigenvalue(name, alpha, beta, b, few))
            worst = max(worst, float(np.abs(np.array(found) - expected).max()))
            marks.append(
                Points(few, found, f"{label}, real layers", look.color, look.marker, hollow=second)
            )
    marks.insert(0, Line([-_RANGE, _RANGE], [0, 0], "", GREY, "dot", 1.0))
    return Figure(
        name="eigenvalues-at-minima",
        title="The eigenvalue that decides whether a minimum is a sink",
        caption=(
            "Along the hyperbola of minima, w₂ = α / (β w₁): negative where it is a sink. "
            "Backpropagation and Symmetric Alignment share −(w₁² + w₂²) β, which is negative "
            "everywhere; feedback alignment's −(w₁² + b w₂) β changes its sign on the branch "
            "where b w₂ is negative, at w₁³ = −b α/β. Measured on real layers by central "
            f"differences, it differs by {worst:.0e} at most."
        ),
        panels=[
            Panel(
                Axis("w₁ of the minimum", limits=(-_RANGE, _RANGE)),
                Axis("eigenvalue λ₁", limits=(-12, 6)),
                marks,
            )
        ],
        columns=1,
    )


def _largest(network: LayeredNetwork, state: Any) -> float:
    """The eigenvalue of largest size; the others are 0 at a minimum."""
    values = network.eigenvalues(state[: network.variables]).real
    return float(values[np.argmax(np.abs(values))])


def _table(networks: _Networks, alpha: float, beta: float) -> Table:
    rows: list[list[Cell]] = []
    notes = [
        "λ are the roots of the polynomial, which SymPy finds from the equations; the numbers "
        f"are at α = {alpha:.4g}, β = {beta:.4g} and at the point that is named, in the order of "
        "their size. The real layers' come from central differences of their gradients.",
        "App. D.2 calls a point with non-positive eigenvalues a source and one with "
        "non-negative ones a sink. Near a fixed point a deviation d obeys d' = J d, so it dies "
        "out along eigenvectors with λ < 0: those make a sink. The words here are the usual "
        "ones; the appendix's conclusions agree with them.",
        "App. D.2 prints x² where β, the mean of x², belongs: ∂w₁'/∂w₁ = −b w₂ β. One "
        "eigenvalue is 0 at every minimum, because the minima are a curve: a sink then means "
        "that the curve attracts, and a start ends somewhere on it.",
        "App. D.2 prints the transpose of the usual Jacobian; the eigenvalues are the same.",
    ]
    for point in FIXED_POINTS:
        flow = FLOWS[point.flow]
        notes.append(f"({len(rows) + 1}) {point.note}.")
        state = point.state(alpha, beta)
        derived = point.eigenvalues(alpha, beta)
        measured = networks[point.flow].eigenvalues(state)
        polynomial = flow.characteristic_polynomial(point.where)
        rows.append(
            [
                flow.title,
                _where(point),
                _printed(point),
                Formula(sympy.latex(polynomial), _plain(polynomial)),
                ", ".join(f"{each:.3g}" for each in state),
                _spectrum(derived),
                _spectrum(measured),
                kind_of(derived),
                f"({len(rows) + 1})",
            ]
        )
    return Table(
        name="fixed-points",
        title="Fixed points and the eigenvalues of the Jacobian there",
        head=[
            "rule",
            "fixed points",
            "App. D.2 prints",
            "characteristic polynomial",
            "at (w₁, w₂, b)",
            "its roots",
            "real layers",
            "kind",
            "",
        ],
        rows=rows,
        notes=notes,
    )


def _where(point: FixedPoints) -> Formula:
    if point.name == "minima":
        more = ("", "") if B not in point.where else (r",\ b = w_2", ", b = w₂")
        return Formula(rf"w_2 w_1 = \alpha / \beta{more[0]}", f"w₂ w₁ = α/β{more[1]}")
    names = [sympy.latex(each) for each in point.where]
    plain = [_plain(each) for each in point.where]
    return Formula(f"{' = '.join(names)} = 0", f"{' = '.join(plain)} = 0")


def _printed(point: FixedPoints) -> Cell:
    if point.name != "minima":
        return None
    x = sympy.Symbol("x")
    printed = [sympy.factor(each.subs(BETA, x**2)) for each in FLOWS[point.flow].printed]
    return Formula(
        r",\ ".join(sympy.latex(each) for each in printed), ", ".join(map(_plain, printed))
    )


def _plain(expression: Any) -> str:
    text = str(expression)
    for old, new in (
        ("**2", "²"),
        ("**3", "³"),
        ("**4", "⁴"),
        ("w_1", "w₁"),
        ("w_2", "w₂"),
        ("alpha", "α"),
        ("beta", "β"),
        ("lambda", "λ"),
        ("*", " "),
    ):
        text = text.replace(old, new)
    return text


def _spectrum(values: Any) -> str:
    """Eigenvalues as text, in their order; zeros but for rounding errors are printed as 0."""
    texts = []
    for value in values:
        real, imaginary = (0.0 if abs(each) < 1e-6 else each for each in (value.real, value.imag))
        texts.append(f"{real:.3g}{imaginary:+.3g}i" if imaginary else f"{real:.4g}")
    return ", ".join(texts)
