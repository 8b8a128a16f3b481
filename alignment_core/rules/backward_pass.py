"""The backward pass: the outputs of a layer from which its backward kernel learns.

Kunin et al. 2020, App. B.1.3, names twelve optional operations. They apply in the order of the
reference implementation (neuroailab/neural-alignment), numbered as in reference.py:

1. The gradient is stopped at the input, the bias and the forward kernel.
2. Noise replaces the input, if the rule draws noise (`Alignment` does this step).
3. BI FWMC, then BI FWL2N: the input of both paths is centred and normalized over features.
4. BI BWMC: the input of the backward path only is centred over the batch.
5. Both projections are computed, plus the layer's bias (FO Bias, BO Bias).
6. ReLU (FO ReLU, BO ReLU), only if a ReLU follows the layer directly.
7. The input is reconstructed from the forward output as it is now.
8. FO FWMC, FO FWL2N, FO BWMC on the forward output and, over its own axes, on the reconstruction;
   BO FWMC, BO FWL2N on the backward output.

"Batch-wise" is over axis 0, for each position separately. With several replicas it is over each
replica's share of the batch. "Feature-wise" is over all other axes together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import tensorflow as tf


@dataclass(frozen=True)
class BackwardPassOperations:
    """The twelve switches of the backward pass, all off by default.

        >>> BackwardPassOperations(fo_relu=True, bi_bwmc=True).bi_bwmc
        True

    Attributes:
        fo_bias: add the layer's bias to the forward output.
        fo_relu: apply a ReLU to the forward output, if one follows the layer.
        fo_bwmc: batch-wise mean centring of the forward output.
        fo_fwmc: feature-wise mean centring of the forward output.
        fo_fwl2n: feature-wise centring of the forward output and division by its l2 norm.
        bo_bias: add the layer's bias to the backward output.
        bo_relu: apply a ReLU to the backward output, if one follows the layer.
        bo_fwmc: feature-wise mean centring of the backward output.
        bo_fwl2n: feature-wise centring of the backward output and division by its l2 norm.
        bi_bwmc: batch-wise mean centring of the backward path's input.
        bi_fwmc: feature-wise mean centring of the input of both paths.
        bi_fwl2n: feature-wise centring of the input of both paths and division by its l2 norm.

    Source: Kunin et al. 2020, App. B.1.3.
    """

    fo_bias: bool = False
    fo_relu: bool = False
    fo_bwmc: bool = False
    fo_fwmc: bool = False
    fo_fwl2n: bool = False
    bo_bias: bool = False
    bo_relu: bool = False
    bo_fwmc: bool = False
    bo_fwl2n: bool = False
    bi_bwmc: bool = False
    bi_fwmc: bool = False
    bi_fwl2n: bool = False


AKROUT_OPERATIONS = BackwardPassOperations(fo_bias=True, fo_relu=True, fo_bwmc=True, bi_bwmc=True)
"""The operations of Akrout et al. 2019's weight mirror (Kunin et al. 2020, App. B.1.1).

The backward path's input and the forward path's output are centred over the batch. The layer's
bias and ReLU act on the forward path only. Batch norm's moments aren't used in the mirroring,
which Akrout et al. leave open, so that the rule stays local.
"""


SQUARED_NORM_BOUND = 1e-12
"""Smallest squared norm that `feature_normalize` divides by: tf.math.l2_normalize's default."""


class ProjectingLayer(Protocol):
    """Interface of a layer whose backward kernel learns. Shapes: see layers/ops.py."""

    name: str
    kernel: Any
    backward_kernel: Any
    bias: Any
    relu_follows: bool

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the layer's linear output, computed with the forward kernel."""

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the layer's linear output, computed with the backward kernel."""

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the output mapped back to the input's shape by the backward kernel."""

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return the gradient of <output, upstream> with respect to the backward kernel."""

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the forward kernel in the backward kernel's layout."""


@tf.custom_gradient
def batch_center(x: Any) -> Any:
    """Return `x` (batch, ...) minus its mean over the batch, for each position separately.

    Centring is a symmetric projection, so the propagated gradient is centred, too.
    """
    return _less_mean(x, [0]), lambda upstream: _less_mean(upstream, [0])


@tf.custom_gradient
def feature_center(x: Any) -> Any:
    """Return `x` (batch, ...) minus each sample's mean over all its features.

    The propagated gradient is centred, too.
    """
    axes = _feature_axes(x)
    return _less_mean(x, axes), lambda upstream: _less_mean(upstream, axes)


@tf.custom_gradient
def feature_normalize(x: Any) -> Any:
    """Return `x` (batch, ...) centred over features and divided by its l2 norm, for each sample.

    The squared norm counts as SQUARED_NORM_BOUND at least, so a sample whose features are all
    equal becomes zeros.
    """
    axes = _feature_axes(x)
    centered = _less_mean(x, axes)
    square = tf.reduce_sum(tf.square(centered), axes, keepdims=True)
    scale = tf.math.rsqrt(tf.maximum(square, SQUARED_NORM_BOUND))
    normalized = centered * scale

    def propagate(upstream: Any) -> Any:
        radial = tf.reduce_sum(normalized * upstream, axes, keepdims=True)
        radial = tf.where(square > SQUARED_NORM_BOUND, radial, tf.zeros_like(radial))
        mean = tf.reduce_mean(upstream, axes, keepdims=True)
        return upstream * scale - (normalized * (radial * scale) + mean * scale)

    return normalized, propagate


def _less_mean(x: Any, axes: list[int]) -> Any:
    return x - tf.reduce_mean(x, axes, keepdims=True)


def _feature_axes(x: Any) -> list[int]:
    return list(range(1, x.shape.rank))


class BackwardPass:
    """The outputs of one layer in the backward pass, each computed when it is first read.

    Gradients flow to `backward_kernel` only. The input, the bias and the forward kernel are behind
    tf.stop_gradient, so that a term of R trains its own layer only (Kunin et al. 2020, App. A.2).
    """

    def __init__(
        self,
        layer: ProjectingLayer,
        x: Any,
        operations: BackwardPassOperations,
        pseudogradient: Any = None,
        product: Any = None,
    ) -> None:
        """Set the layer, its input and the operations to apply.

        Args:
            layer: a built layer.
            x: the layer's input (batch, ...), or noise of its shape.
            operations: switches of the backward pass.
            pseudogradient: J's pseudogradient (batch, ...) of the layer's linear output.
            product: product (batch, ...) of the input and the forward kernel, if the network has
                computed it already.
        """
        self._layer = layer
        self._x = x
        self._operations = operations
        self._pseudogradient = pseudogradient
        self._product = product

    @cached_property
    def backward_kernel(self) -> Any:
        """The backward kernel: the only value that gradients flow to."""
        return tf.convert_to_tensor(self._layer.backward_kernel)

    @cached_property
    def forward_kernel(self) -> Any:
        """The forward kernel in the backward kernel's layout, without a gradient."""
        return self._layer.as_backward(self._constant_kernel)

    @cached_property
    def forward_output(self) -> Any:
        """The forward path's output after all eight steps, without a gradient."""
        return self._finish_forward(self._forward_activation)

    @cached_property
    def backward_output(self) -> Any:
        """The backward path's output after all eight steps."""
        operations = self._operations
        output = self._activate(
            self._layer.project_backward(self._backward_input, self.backward_kernel),
            bias=operations.bo_bias,
            relu=operations.bo_relu,
        )
        return _feature_wise(output, operations.bo_fwmc, operations.bo_fwl2n)

    @cached_property
    def forward_reconstruction(self) -> Any:
        """The reconstruction of the input (batch, ...) from the forward output: steps 7 and 8."""
        return self._finish_forward(
            self._layer.reconstruct(
                self._forward_activation, self.backward_kernel, tf.shape(self._input)
            )
        )

    def correlated(self, *, reconstructed: bool) -> tuple[Any, Any]:
        """Return the cheapest pair of tensors whose inner product is that of both outputs.

        If only B and the centring P act on the backward path, one side is centred alone:
        <P f, P b> = <f, P b>. If the forward output is `reconstructed` anyway,
        <f, x B^T> = <f B, x> avoids the backward output, and the gradients of amp and null are one
        filter gradient together.
        """
        operations = self._operations
        if not self._backward_path_is_linear:
            return self.forward_output, self.backward_output
        if reconstructed and not (operations.fo_fwmc or operations.fo_fwl2n or operations.bo_fwmc):
            return self.forward_reconstruction, self._backward_input
        if operations.bi_bwmc:
            return self._forward_features(self._forward_activation), self.backward_output
        return self.forward_output, self.backward_output

    def propagated(self) -> tuple[Any, Any]:
        """Return the cheapest pair of tensors with angle's inner product.

        The inner product of backward output and pseudogradient is <x B^T, g> = <B, g^T x>. J's
        backward pass has computed g^T x already: it is the forward kernel's gradient.
        """
        if not self._backward_path_is_linear or self._operations.bo_fwmc:
            return self.backward_output, self.pseudogradient
        gradient = self._layer.kernel_gradient(self._backward_input, self.pseudogradient)
        return self.backward_kernel, gradient

    @property
    def _backward_path_is_linear(self) -> bool:
        operations = self._operations
        bends = self._layer.relu_follows and operations.bo_relu
        biased = self._layer.bias is not None and operations.bo_bias
        return not (bends or biased or operations.bo_fwl2n)

    @cached_property
    def pseudogradient(self) -> Any:
        """J's pseudogradient of the layer's linear output, without a gradient."""
        return tf.cast(tf.stop_gradient(self._pseudogradient), self.backward_kernel.dtype)

    @cached_property
    def _constant_kernel(self) -> Any:
        return tf.stop_gradient(tf.convert_to_tensor(self._layer.kernel))

    @cached_property
    def _input(self) -> Any:
        x = tf.cast(tf.stop_gradient(self._x), self.backward_kernel.dtype)
        return _feature_wise(x, self._operations.bi_fwmc, self._operations.bi_fwl2n)

    @cached_property
    def _backward_input(self) -> Any:
        return batch_center(self._input) if self._operations.bi_bwmc else self._input

    @cached_property
    def _forward_activation(self) -> Any:
        if self._is_of_the_input(self._product):
            output = tf.cast(tf.stop_gradient(self._product), self._input.dtype)
        else:
            output = self._layer.project(self._input, self._constant_kernel)
        return self._activate(
            output,
            bias=self._operations.fo_bias,
            relu=self._operations.fo_relu,
        )

    def _activate(self, output: Any, *, bias: bool, relu: bool) -> Any:
        if bias and self._layer.bias is not None:
            output += tf.stop_gradient(tf.convert_to_tensor(self._layer.bias))
        return tf.nn.relu(output) if relu and self._layer.relu_follows else output

    def _is_of_the_input(self, product: Any) -> bool:
        return product is not None and not (self._operations.bi_fwmc or self._operations.bi_fwl2n)

    def _forward_features(self, output: Any) -> Any:
        return _feature_wise(output, self._operations.fo_fwmc, self._operations.fo_fwl2n)

    def _finish_forward(self, output: Any) -> Any:
        output = self._forward_features(output)
        return batch_center(output) if self._operations.fo_bwmc else output


def _feature_wise(x: Any, center: bool, normalize: bool) -> Any:
    if normalize:
        return feature_normalize(x)
    return feature_center(x) if center else x
