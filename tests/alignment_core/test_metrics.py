import math

import numpy as np
import pytest

from alignment_core.alignments import FeedbackAlignment
from alignment_core.layers import Conv2D, Dense
from alignment_core.metrics import weight_metrics

FIXED = FeedbackAlignment({})


@pytest.fixture
def dense():
    layer = Dense(3, learning_rule=FIXED, name="head")
    layer.build((None, 4))
    return layer


@pytest.fixture
def conv():
    layer = Conv2D(3, 2, learning_rule=FIXED, name="stem")
    layer.build((None, 5, 5, 2))
    return layer


def test_random_kernels_are_those_of_the_textbook_formulas(dense, conv):
    found = weight_metrics([conv, dense])

    assert [row.name for row in found] == ["stem", "head"]
    pairs = [
        (conv.kernel.numpy(), conv.backward_kernel.numpy()),
        (dense.kernel.numpy().T, dense.backward_kernel.numpy()),
    ]
    for row, (w, b) in zip(found, pairs, strict=True):
        norms = np.linalg.norm(w), np.linalg.norm(b)
        cosine = np.sum(w * b, dtype=np.float64) / math.prod(norms)
        assert row.angle == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-5)
        assert row.norm_ratio == pytest.approx(norms[1] / norms[0], rel=1e-5)


@pytest.mark.parametrize(("factor", "angle"), [(1.0, 0.0), (0.5, 0.0), (-2.0, 180.0)])
def test_multiples_of_the_forward_kernel_are_at_0_or_180_degrees(dense, factor, angle):
    dense.backward_kernel.assign(factor * dense.kernel.numpy().T)
    (row,) = weight_metrics([dense])
    assert row.angle == pytest.approx(angle, abs=1e-4)
    assert row.norm_ratio == pytest.approx(abs(factor))


@pytest.mark.parametrize("degrees", [0.001, 0.05, 90.0, 179.95])
def test_small_angles_are_not_lost_to_rounding(dense, degrees):
    w, b = np.zeros((2, 4, 3), "float32")
    w[0, 0] = 1.0
    b[0, 0], b[1, 2] = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    dense.kernel.assign(w)
    dense.backward_kernel.assign(b.T)
    assert weight_metrics([dense])[0].angle == pytest.approx(degrees, rel=1e-3)


def test_a_vanished_backward_kernel_has_no_angle(dense):
    dense.backward_kernel.assign(np.zeros((3, 4)))
    (row,) = weight_metrics([dense])
    assert math.isnan(row.angle)
    assert row.norm_ratio == 0


def test_no_layers_have_no_metrics():
    assert weight_metrics([]) == []
