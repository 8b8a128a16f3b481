"""One look a rule, in every figure: told apart by colour, colour-blind or not, and by marker."""

import itertools
import json

import numpy as np
import pytest

from alignsearch.experiments.figures.architectures import Row
from alignsearch.experiments.figures.architectures import make_report as architectures
from alignsearch.experiments.figures.figure import GREY, PALETTE, Axis, Figure, Panel, Points
from alignsearch.experiments.figures.interactive import to_json
from alignsearch.experiments.figures.looks import LOOKS, OTHERS, looks, name_of
from alignsearch.experiments.figures.noise import Curve
from alignsearch.experiments.figures.noise import make_report as noise
from alignsearch.experiments.figures.static import save_static
from alignsearch.experiments.run_statistics import MeanAccuracy
from alignsearch.search.reports.means import Mean
from alignsearch.spaces.presets import NOISY_RULES, RULES

SEEN = {
    "by most": np.eye(3),
    "without long cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "without middle cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "without short cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""Linear RGB as it is seen (Machado, Oliveira and Fernandes 2009, severity 1)."""

XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def cielab(color, seen):
    """CIELAB of an sRGB colour `#RRGGBB` as it is seen."""
    c = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    x = XYZ @ np.clip(seen @ linear, 0, 1) / WHITE
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", SEEN)
def test_any_two_rules_differ_in_colour_to_any_eyes(eyes):
    colors = {rule: cielab(look.color, SEEN[eyes]) for rule, look in LOOKS.items()}
    near = [
        (one, other)
        for one, other in itertools.combinations(colors, 2)
        if np.linalg.norm(colors[one] - colors[other]) < 15
    ]
    assert near == []


def test_every_published_rule_has_a_look_of_its_own():
    assert list(LOOKS) == list(RULES)
    for one in ("color", "marker", "name"):
        assert len({getattr(look, one) for look in LOOKS.values()}) == len(LOOKS)


def test_what_is_no_published_rule_is_grey_with_markers_of_its_own():
    found = looks(["bp", "mine", "yours"])
    assert found["bp"] is LOOKS["bp"]
    assert [name_of(rule) for rule in found] == ["BP", "mine", "yours"]
    assert [found[name].color for name in ("mine", "yours")] == [GREY, GREY]
    assert [found[name].marker for name in ("mine", "yours")] == list(OTHERS[:2])
    assert not {look.marker for look in LOOKS.values()} & set(OTHERS)


def an_accuracy(mean):
    return MeanAccuracy(mean, 0.01, 3, diverged=0, missing=0, seeds=(0, 1, 2))


def drawn_points(report):
    """Colour and marker of all points in its figures, by label."""
    return {
        mark.label: (mark.color, mark.marker, mark.hollow)
        for figure in report.figures
        for panel in figure.panels
        for mark in panel.marks
        if isinstance(mark, Points)
    }


def test_a_rule_looks_the_same_in_every_figure_whichever_others_there_are():
    rows = [
        Row("resnet18", rule, an_accuracy(0.9), None if rule == "bp" else Mean(-0.1, 0.01, 3))
        for rule in ("bp", "wm_ad", "kp", "sa")
    ]
    curves = [
        Curve(rule, [0.0, 0.1], [an_accuracy(0.9), an_accuracy(0.5)], alone=False, shifted=False)
        for rule in NOISY_RULES
    ]
    for found in (
        architectures(rows, name="t", title="", source="", setting=[], seeds=(), chance=None),
        noise(curves, [], seeds=(), chance=None),
    ):
        for look in LOOKS.values():
            assert drawn_points(found).get(look.name) in (None, (look.color, look.marker, False))


def curve(rule, *, alone=False, shifted=False, lost=0):
    accuracies = [
        MeanAccuracy(mean, 0.01, 3, diverged=lost, missing=0, seeds=(0, 1, 2))
        for mean in (0.9, 0.5)
    ]
    return Curve(rule, [0.0, 0.1], accuracies, alone=alone, shifted=shifted)


def test_both_readings_of_noise_are_curves_of_one_colour_solid_and_dashed():
    found = noise([curve("bp"), curve("sa"), curve("sa", alone=True)], [], seeds=(), chance=None)
    points, sa = drawn_points(found), LOOKS["sa"]
    assert points["SA"] == (sa.color, sa.marker, False)
    assert points["SA, R alone"] == (sa.color, sa.marker, True)
    assert found.numbers.keys() == {"bp", "sa", "sa_backward"}
    assert "noise in R's updates alone" in found.figures[0].caption
    assert [row[:2] for row in found.tables[0].rows[2:]] == [["SA", "all"]] * 2 + [
        ["SA", "R's"]
    ] * 2
    # Dotted, without noise: once a rule.
    dotted = [m for m in found.figures[0].panels[0].marks if getattr(m, "dash", "") == "dot"]
    assert [mark.color for mark in dotted] == [LOOKS["bp"].color, sa.color]


def test_a_shift_is_said_and_kept_out_of_the_table():
    found = noise([curve("bp"), curve("aa", shifted=True)], [], seeds=(), chance=None)
    assert "AA are shifted to variances 10⁴ times lower" in found.figures[0].caption
    assert found.numbers["aa"][1] == found.numbers["bp"][1] | {"shown_at": pytest.approx(1e-5)}
    assert found.tables[0].rows[3][2] == 0.1


def test_runs_without_noise_are_lost_once_whatever_the_readings():
    found = noise([curve("sa", lost=1), curve("sa", alone=True, lost=1)], [], seeds=(), chance=0.1)
    assert found.figures[0].caption.endswith(
        "3 runs diverged; each counts with the accuracy of guessing."
    )


def test_a_narrow_logarithmic_axis_has_its_ticks_by_their_values():
    axis = Axis("ratio", log=True, limits=(0.4, 2.2))
    figure = Figure("one", "", "", [Panel(axis, axis, [Points([1], [1])])], columns=1)
    drawn = json.loads(to_json(figure))["layout"]
    for found in (drawn["xaxis"], drawn["yaxis"]):
        assert found["tickvals"] == pytest.approx([0.5, 1, 2])
        assert found["ticktext"] == ["0.5", "1", "2"]


def test_every_marker_is_drawn_by_both_libraries(tmp_path):
    markers = [*(look.marker for look in LOOKS.values()), *OTHERS]
    marks = [
        Points([at], [at], marker, PALETTE[0], marker, hollow=bool(at % 2))
        for at, marker in enumerate(markers)
    ]
    figure = Figure("all", "", "", [Panel(Axis("x"), Axis("y"), marks)], columns=1)
    png, _ = save_static(figure, tmp_path)
    assert png.stat().st_size > 0
    drawn = to_json(figure)
    assert [name for name in markers if f'"symbol":"{name}' not in drawn] == []
