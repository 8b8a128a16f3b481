"""Figures of kernels during training: what is drawn and said, held to NumPy and to counting."""

import numpy as np
import pytest
from epoch_maker import an_epoch

from alignsearch.experiments.figures.figure import GREY, SHADES, Line, Points, shades
from alignsearch.experiments.figures.symmetry import Pairs
from alignsearch.experiments.figures.symmetry import make_report as symmetry
from alignsearch.experiments.figures.weight_metrics import layers_over_time
from alignsearch.experiments.figures.weight_metrics import make_report as weight_metrics
from alignsearch.search.documents import LayerRecord

LAYERS = ("stem", "middle", "logits")
DROPS = (1.5, 3.0)


def layers(angles, ratios):
    return [
        LayerRecord(name=name, angle=angle, norm_ratio=ratio)
        for name, angle, ratio in zip(LAYERS, angles, ratios, strict=True)
    ]


def two_rules():
    """SA whole over two seeds, and WM of which the second seed diverges after two epochs."""
    generator = np.random.default_rng(0)
    angles = generator.uniform(1, 90, (2, 2, 4, 3))
    ratios = generator.uniform(0.1, 10, (2, 2, 4, 3))
    courses = []
    for at, rule in enumerate(("SA", "WM")):
        trainings = []
        for seed in (0, 1):
            diverges = (rule, seed) == ("WM", 1)
            done = 2 if diverges else 4
            epochs = [
                an_epoch(
                    epoch=number + 1,
                    epochs=4,
                    layers=layers(angles[at, seed, number], ratios[at, seed, number]),
                )
                for number in range(done)
            ]
            trainings.append((seed, diverges, epochs))
        courses.append(layers_over_time(rule, trainings, 4, DROPS))
    return angles, ratios, weight_metrics(courses, ["as it was set"], seeds=(0, 1))


def drawn(panel):
    return [each for each in panel.marks if each.color not in (GREY,)]


def test_each_layer_has_a_line_of_its_mean_over_the_seeds_that_were_measured():
    angles, ratios, found = two_rules()
    (figure,) = found.figures
    sa_angle, sa_ratio, wm_angle, _ = figure.panels
    for panel, values in ((sa_angle, angles[0]), (sa_ratio, ratios[0])):
        lines = drawn(panel)
        assert [line.color for line in lines] == shades(3)
        for layer, line in enumerate(lines):
            np.testing.assert_allclose(line.y, values[:, :, layer].mean(axis=0))
            assert list(line.x) == [1, 2, 3, 4]
    for layer, line in enumerate(drawn(wm_angle)):
        both = angles[1, :, :2, layer].mean(axis=0)
        np.testing.assert_allclose(line.y, [*both, *angles[1, 0, 2:, layer]])


def test_the_drops_of_the_learning_rates_are_marked_in_every_panel():
    _, _, found = two_rules()
    for panel in found.figures[0].panels:
        marked = [m.x for m in panel.marks if isinstance(m, Line) and m.label.endswith("drops")]
        assert marked == [[drop, drop] for drop in DROPS]


def test_the_tables_count_the_last_epoch_of_each_training():
    angles, ratios, found = two_rules()
    sa, wm = found.tables[0].rows
    assert sa[:4] == ["SA", 2, 0, 4]
    assert wm[:4] == ["WM", 2, 1, 4]
    np.testing.assert_allclose(sa[4:7], [f(angles[0, :, -1]) for f in (np.min, np.median, np.max)])
    last = np.stack([ratios[1, 0, 3], ratios[1, 1, 1]])
    np.testing.assert_allclose(wm[7:10], [f(last) for f in (np.min, np.median, np.max)])
    assert wm[10] == max(ratios[1, 0].max(), ratios[1, 1, :2].max())
    rows = found.tables[1].rows
    assert [row[0] for row in rows] == list(LAYERS)
    ends = angles[0, :, -1, 0]
    assert rows[0][1] == pytest.approx(ends.mean())
    assert rows[0][2] == pytest.approx(abs(ends[0] - ends[1]) / 2)


def test_the_caption_says_what_diverged_and_how_many_layers_are_near():
    angles, _, found = two_rules()
    caption = found.figures[0].caption
    near = int((angles[0, :, -1].mean(axis=0) <= 5).sum())
    assert f"{near} of 3 layers within 5°" in caption
    assert "1 of 2 trainings diverged" in caption
    assert "mean over 2 seeds" in caption


def test_a_rule_that_was_lost_at_once_is_said_to_be():
    lost = layers_over_time("WM", [(0, True, [])], 4, DROPS)
    found = weight_metrics([lost], [], seeds=(0,))
    assert "nothing was measured; 1 of 1 trainings diverged" in found.figures[0].caption
    assert found.tables[0].rows[0][4] is None


def some_pairs():
    generator = np.random.default_rng(1)
    forward = generator.normal(size=200)
    noise = generator.normal(size=200)
    return [
        Pairs("SA", 1, forward, noise, 88.0, 1.0),
        Pairs("SA", 4, forward, forward + 0.1 * noise, 6.0, 1.0),
        Pairs("WM", 1, forward, 50 * forward + noise, 1.0, 50.0),
        Pairs("WM", 4, np.array([]), np.array([]), None, None),
    ]


def test_symmetry_shows_each_pair_beside_the_diagonal():
    pairs = some_pairs()
    found = symmetry(pairs, "stem", [], shown_seed=7, seeds=(7,))
    (figure,) = found.figures
    assert (figure.columns, figure.rows) == (2, 2)
    for each, panel in zip(pairs[:3], figure.panels, strict=False):
        points, diagonal = panel.marks
        assert isinstance(points, Points)
        assert np.array_equal(points.x, each.forward)
        assert np.array_equal(points.y, each.backward)
        assert np.array_equal(diagonal.x, diagonal.y)
        assert panel.x.limits[1] > np.abs(each.forward).max()
        assert panel.y.limits[1] > np.abs(each.backward).max()
    # Where weights are of one size both axes have one scale; where they explode, each its own.
    assert figure.panels[1].x.limits == figure.panels[1].y.limits
    assert figure.panels[2].y.limits[1] > 10 * figure.panels[2].x.limits[1]


def test_symmetry_tells_correlations_and_what_diverged():
    pairs = some_pairs()
    found = symmetry(pairs, "stem", [], shown_seed=7, seeds=(7,))
    rows = found.tables[0].rows
    expected = np.corrcoef(pairs[1].forward, pairs[1].backward)[0, 1]
    assert rows[1][4] == pytest.approx(expected)
    assert rows[3] == ["WM", 4, None, None, None, 0]
    assert found.figures[0].panels[3].title == "WM, epoch 4: diverged"
    assert "WM: 1° and ‖B‖ / ‖W‖ = 50 after epoch 1; diverged after that" in (
        found.figures[0].caption
    )
    assert "seed 7" in found.tables[0].notes[0]


def test_shades_go_from_the_first_to_the_last():
    assert shades(1) == [SHADES[0]]
    assert shades(5) == list(SHADES)
    assert shades(3)[1] == SHADES[2]
    assert len(set(shades(54))) == 54
