"""What a layer computes in the backward pass, where its backward kernel learns.

Kunin et al. 2020, App. B.1.3, names twelve optional operations; the order in which
they apply is that of the reference implementation (neuroailab/neural-alignment):

1. the input of both paths: feature-wise centring, then normalization (BI FWMC, BI FWL2N);
2. the input of the backward path only: batch-wise centring (BI BWMC);
3. both projections, plus the layer's own bias (FO Bias, BO Bias);
4. ReLU (FO ReLU, BO ReLU), only where a ReLU follows the layer directly;
5. the reconstruction of the input from the forward output as it then stands;
6. on the forward output and on the reconstruction, each over its own axes: FO FWMC,
   FO FWL2N, FO BWMC; on the backward output: BO FWMC, BO FWL2N.

Batch-wise means over axis 0, each position on its own; on several replicas it is
over each replica's share of the batch. Feature-wise means over all other axes together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import tensorflow as tf


@dataclass(frozen=True)
class BackwardPassOperations:
    """The twelve switches of Kunin et al. 2020, App. B.1.3, all off by default.

    FO is the forward path's output, BO the backward path's output, BI the input of the
    backward pass; bwmc centres over the batch, fwmc over the features, and fwl2n
    divides the centred features by their l2 norm (so that it includes fwmc).
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
"""What Akrout et al. 2019 prescribe for weight mirrors (Kunin et al. 2020, App. B.1.1).

The backward path's input and the forward path's output are centred over the batch;
the layer's bias and ReLU act on the forward path and not on the backward path. Moments of
batch norm aren't carried into the mirroring, as Akrout et al. allow: the rule stays local.
"""


SQUARED_NORM_BOUND = 1e-12
"""The least squared norm that `feature_normalize` divides by."""


class ProjectingLayer(Protocol):
    """What the backward pass asks of a layer. Shapes: ops.py."""

    name: str
    kernel: Any
    backward_kernel: Any
    bias: Any
    relu_follows: bool

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the layer's linear output for the forward kernel."""

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the same kind of output for the backward kernel."""

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return what the backward kernel makes of an output, in the input's shape."""

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return the gradient of <output, upstream> for the backward kernel."""

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the forward kernel in the backward kernel's layout."""


@tf.custom_gradient
def batch_center(x: Any) -> Any:
    """Return `x` (batch, ...) less its mean over the batch, each position on its own.

    A projection, symmetric: it centres what it propagates as well.
    """
    return _less_mean(x, [0]), lambda upstream: _less_mean(upstream, [0])


@tf.custom_gradient
def feature_center(x: Any) -> Any:
    """Return `x` (batch, ...) less each sample's mean over all its features; likewise."""
    axes = _feature_axes(x)
    return _less_mean(x, axes), lambda upstream: _less_mean(upstream, axes)


@tf.custom_gradient
def feature_normalize(x: Any) -> Any:
    """Return `x` (batch, ...) centred and divided by its l2 norm, sample by sample.

    The squared norm is taken as at least 1e-12 (tf.math.l2_normalize's own bound), so
    that a sample whose features are all equal becomes zeros.
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
    """A layer's quantities in the backward pass, each computed when first asked for.

    Only `backward_kernel`, and what is computed from it, carries a gradient: the input,
    the bias and the forward kernel stand behind tf.stop_gradient, so that whatever is
    learnt here stays in this layer (Kunin et al. 2020, App. A.2).
    """

    def __init__(
        self,
        layer: ProjectingLayer,
        x: Any,
        operations: BackwardPassOperations,
        pseudogradient: Any = None,
        product: Any = None,
    ) -> None:
        """Take the layer, its input (batch, ...) and the operations to apply.

        `pseudogradient` is J's for the layer's linear output, for primitives that ask for
        it; `product` the input's product with the forward kernel, if it is known already.
        """
        self._layer = layer
        self._x = x
        self._operations = operations
        self._pseudogradient = pseudogradient
        self._product = product

    @cached_property
    def backward_kernel(self) -> Any:
        """The backward kernel, the one quantity that learns."""
        return tf.convert_to_tensor(self._layer.backward_kernel)

    @cached_property
    def forward_kernel(self) -> Any:
        """The forward kernel in the backward kernel's layout: a constant."""
        return self._layer.as_backward(self._constant_kernel)

    @cached_property
    def forward_output(self) -> Any:
        """The forward path's output, steps 1 to 6: a constant."""
        return self._finish_forward(self._forward_activation)

    @cached_property
    def backward_output(self) -> Any:
        """The backward path's output, steps 1 to 6."""
        operations = self._operations
        output = self._activate(
            self._layer.project_backward(self._backward_input, self.backward_kernel),
            bias=operations.bo_bias,
            relu=operations.bo_relu,
        )
        return _feature_wise(output, operations.bo_fwmc, operations.bo_fwl2n)

    @cached_property
    def forward_reconstruction(self) -> Any:
        """The input's shape again, from the forward output: steps 5 and 6."""
        return self._finish_forward(
            self._layer.reconstruct(
                self._forward_activation, self.backward_kernel, tf.shape(self._input)
            )
        )

    def correlated(self, *, reconstructed: bool) -> tuple[Any, Any]:
        """Two quantities with the inner product of forward and backward output, the cheapest.

        As long as nothing but B and centring, P, acts on the backward path, only one
        side has to be centred, <P f, P b> = <f, P b>; and where the forward output is
        `reconstructed` anyway, <f, x B^T> = <f B, x> saves the backward output, so that
        amp's and null's gradients are a single filter gradient.
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
        """Two quantities with the inner product of backward output and pseudogradient.

        <x B^T, g> = <B, g^T x>, whose second factor J's backward pass has formed: it is the
        forward kernel's own gradient.
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
        """J's pseudogradient for the layer's linear output: a constant."""
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
