"""The naive definition of the backward pass, the primitives and R, which tests compare with.

Kunin et al. 2020, App. B.1.3, in NumPy. A layer's two kernels are matrices (inputs, outputs) here,
and a convolution becomes one, too (`convolution_matrix`). Training uses the fast forms in
backward_pass.py and primitives.py.
"""

from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np


def backward_pass(
    x: Any, W: Any, B: Any, bias: Any, flags: Collection[str], noise: Any = None
) -> SimpleNamespace:
    """Return a layer's forward_output, backward_output (batch, outputs) and reconstruction.

    Takes the flattened input x (batch, inputs), W and B (inputs, outputs), the bias (outputs,)
    and the names of the switches that are on (`BackwardPassOperations`).
    """
    # 1. The gradient is stopped at x, bias and W: R is differentiated with respect to B only.
    x = x if noise is None else noise  # 2. Noise of x's shape replaces x.
    x = _features(x, flags, "bi")  # 3. BI FWMC, then BI FWL2N, for both paths.
    backward_x = _batch(x, flags, "bi")  # 4. BI BWMC, for the backward path only.
    f = x @ W + (bias if "fo_bias" in flags else 0)  # 5. Both projections, each with its bias.
    b = backward_x @ B + (bias if "bo_bias" in flags else 0)
    f = np.maximum(f, 0) if "fo_relu" in flags else f  # 6. ReLU, if one follows the layer.
    b = np.maximum(b, 0) if "bo_relu" in flags else b
    r = f @ B.T  # 7. The reconstruction, from the output before any centring.
    f, r = (_batch(_features(each, flags, "fo"), flags, "fo") for each in (f, r))  # 8. In the
    b = _features(b, flags, "bo")  # order FWMC, FWL2N, BWMC; the backward output has no BWMC.
    return SimpleNamespace(forward_output=f, backward_output=b, reconstruction=r, W=W, B=B)


PRIMITIVES: dict[str, Callable[[SimpleNamespace], Any]] = {
    "decay": lambda q: np.sum(q.B**2) / 2,
    "amp": lambda q: -np.sum(q.forward_output * q.backward_output) / len(q.forward_output),
    "null": lambda q: np.sum(q.reconstruction**2) / 2 / len(q.reconstruction),
    "sparse": lambda q: np.sum(q.backward_output**2) / 2 / len(q.backward_output),
    "self": lambda q: -np.sum(q.W * q.B),
    "angle": lambda q: np.sum(q.backward_output * q.pseudogradient),
}
"""Each primitive, from what `backward_pass` returns, the kernels and the pseudogradient. The batch
is averaged; channels and positions are summed. The pseudogradient is that of the batch's mean."""


def regularization(
    weights: Mapping[str, float],
    x: Any,
    W: Any,
    B: Any,
    bias: Any,
    flags: Collection[str] = (),
    *,
    noise: Any = None,
    pseudogradient: Any = None,
    matrix: Callable[[Any], Any] = lambda kernel: kernel,
) -> Any:
    """Return a layer's R: the sum of its primitives, each times its weight.

    Takes W and B as kernels of one shape, and the function that makes a kernel a matrix (inputs,
    outputs). In a convolution `decay` and `self` are of the kernels, not of these matrices.
    """
    q = backward_pass(x, matrix(W), matrix(B), bias, flags, noise)
    q.W, q.B, q.pseudogradient = W, B, pseudogradient
    return sum(weight * PRIMITIVES[name](q) for name, weight in weights.items())


def _features(x: Any, flags: Collection[str], path: str) -> Any:
    if f"{path}_fwmc" in flags or f"{path}_fwl2n" in flags:
        x = x - x.mean(axis=1, keepdims=True)
    if f"{path}_fwl2n" in flags:
        # A sample that ReLU has silenced stays zero: the squared norm counts as 1e-12 at least.
        x = x / np.sqrt(np.maximum((x**2).sum(axis=1, keepdims=True), 1e-12))
    return x


def _batch(x: Any, flags: Collection[str], path: str) -> Any:
    return x - x.mean(axis=0) if f"{path}_bwmc" in flags else x


def convolution_matrix(kernel: Any, image_shape: Any, stride: int, padding: str) -> Any:
    """Return a convolution as a matrix (height * width * cin, height out * width out * cout)."""
    (height, width, _), (rows, columns, cin, cout) = image_shape, kernel.shape
    if padding == "SAME":
        out_height, out_width = -(-height // stride), -(-width // stride)
        top = max((out_height - 1) * stride + rows - height, 0) // 2
        left = max((out_width - 1) * stride + columns - width, 0) // 2
    else:
        out_height, out_width = (height - rows) // stride + 1, (width - columns) // stride + 1
        top = left = 0
    matrix = np.zeros((height, width, cin, out_height, out_width, cout))
    for y, x in np.ndindex(out_height, out_width):
        for i, j in np.ndindex(rows, columns):
            row, column = y * stride + i - top, x * stride + j - left
            if 0 <= row < height and 0 <= column < width:
                matrix[row, column, :, y, x, :] = kernel[i, j]
    return matrix.reshape(height * width * cin, out_height * out_width * cout)
