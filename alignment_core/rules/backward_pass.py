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

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tensorflow as tf

from alignment_core.rules.layer_call import LayerCall


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


@tf.custom_gradient
def inner(one: Any, other: Any) -> Any:
    """Return the inner product of two tensors of one shape, a scalar.

    TensorFlow's own gradient would first broadcast the scalar to the shape of its factor.
    """
    return tf.reduce_sum(one * other), lambda upstream: (upstream * other, upstream * one)


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
        call: LayerCall,
        operations: BackwardPassOperations,
        primitives: Collection[str] = (),
        *,
        valued: bool = False,
    ) -> None:
        """Set the call and the operations to apply.

        Args:
            call: a call of a built layer. Its input may be noise.
            operations: switches of the backward pass.
            primitives: names of the primitives that are computed from this backward pass, which
                decide the cheapest form of `correlated`.
            valued: whether a step fetches the primitives' values, and not their gradients alone.
        """
        self._call = call
        self._layer = call.layer
        self._operations = operations
        self._primitives = primitives
        self._valued = valued

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

    @cached_property
    def correlation(self) -> Any:
        """Inner product of both outputs, a scalar, from the cheapest pair of tensors.

        The pair has the product's value and gradient, and forms nothing that they don't need:

        - If only B and the centring P act on the backward path, one side is centred alone:
          <P f, P b> = <f, P b>.
        - If the forward output is reconstructed anyway, for `null`, <f, x B^T> = <f B, x> avoids
          the backward output, and the gradients of amp and null are one filter gradient together.
        - Otherwise, if the value is fetched and no `sparse` forms the backward output anyway,
          <f, x B^T + c> = <B, f^T x> + <f, c> avoids it as well. f^T x is the gradient itself.
        """
        operations = self._operations
        linear = self._backward_path_is_linear
        reconstructed = "null" in self._primitives
        centred = operations.fo_fwmc or operations.fo_fwl2n or operations.bo_fwmc
        if linear and reconstructed and not centred:
            return inner(self.forward_reconstruction, self._backward_input)
        by_kernels = self._valued and not reconstructed and "sparse" not in self._primitives
        if by_kernels and self._backward_path_is_affine:
            return self._correlation_by_kernels()
        if linear and operations.bi_bwmc:
            return inner(self._uncentred_forward_output, self.backward_output)
        return inner(self.forward_output, self.backward_output)

    def _correlation_by_kernels(self) -> Any:
        """Return <B, f^T x> + <f, c>, the inner product of both outputs, without the backward one.

        c is the bias of the backward path, if BO Bias is on.
        """
        operations = self._operations
        output = self._uncentred_forward_output if operations.bi_bwmc else self.forward_output
        if operations.bo_fwmc:
            output = feature_center(output)
        gradient = self._layer.kernel_gradient(self._backward_input, output)
        product = inner(self.backward_kernel, gradient)
        if self._layer.bias is None or not operations.bo_bias:
            return product
        # The batch's mean of a centred output is zero, so the bias adds nothing to it.
        centred = operations.fo_bwmc
        return product if centred else product + tf.reduce_sum(output * self._bias)

    @cached_property
    def propagation(self) -> Any:
        """Inner product of the backward output and the pseudogradient, a scalar.

        It is <x B^T, g> = <B, g^T x>. J's backward pass has computed g^T x already: it is the
        forward kernel's gradient.
        """
        if not self._backward_path_is_linear or self._operations.bo_fwmc:
            return inner(self.backward_output, self.pseudogradient)
        gradient = self._layer.kernel_gradient(self._backward_input, self.pseudogradient)
        return inner(self.backward_kernel, gradient)

    @property
    def batch_size(self) -> Any:
        """Number of the input's samples, a scalar of the kernels' type."""
        return tf.cast(tf.shape(self._input)[0], self._input.dtype)

    @property
    def _backward_path_is_linear(self) -> bool:
        biased = self._layer.bias is not None and self._operations.bo_bias
        return self._backward_path_is_affine and not biased

    @property
    def _backward_path_is_affine(self) -> bool:
        operations = self._operations
        bends = self._layer.relu_follows and operations.bo_relu
        return not (bends or operations.bo_fwl2n)

    @cached_property
    def pseudogradient(self) -> Any:
        """J's pseudogradient of the layer's linear output, without a gradient."""
        return tf.cast(tf.stop_gradient(self._call.pseudogradient), self.backward_kernel.dtype)

    @cached_property
    def _constant_kernel(self) -> Any:
        kernel = self._layer.kernel if self._call.kernel is None else self._call.kernel
        return tf.stop_gradient(tf.convert_to_tensor(kernel))

    @cached_property
    def _input(self) -> Any:
        x = tf.cast(tf.stop_gradient(self._call.x), self.backward_kernel.dtype)
        return _feature_wise(x, self._operations.bi_fwmc, self._operations.bi_fwl2n)

    @cached_property
    def _backward_input(self) -> Any:
        return batch_center(self._input) if self._operations.bi_bwmc else self._input

    @cached_property
    def _forward_activation(self) -> Any:
        if self._call.product is not None and self._path_begins_at_the_input:
            output = tf.cast(tf.stop_gradient(self._call.product), self._input.dtype)
        else:
            output = self._layer.project(self._input, self._constant_kernel)
        return self._activate(
            output,
            bias=self._operations.fo_bias,
            relu=self._operations.fo_relu,
        )

    def _activate(self, output: Any, *, bias: bool, relu: bool) -> Any:
        if bias and self._layer.bias is not None:
            output += self._bias
        return tf.nn.relu(output) if relu and self._layer.relu_follows else output

    @property
    def _bias(self) -> Any:
        bias = self._layer.bias if self._call.bias is None else self._call.bias
        return tf.stop_gradient(tf.convert_to_tensor(bias))

    @property
    def _path_begins_at_the_input(self) -> bool:
        return not (self._operations.bi_fwmc or self._operations.bi_fwl2n)

    @property
    def _uncentred_forward_output(self) -> Any:
        return self._forward_features(self._forward_activation)

    def _forward_features(self, output: Any) -> Any:
        return _feature_wise(output, self._operations.fo_fwmc, self._operations.fo_fwl2n)

    def _finish_forward(self, output: Any) -> Any:
        output = self._forward_features(output)
        return batch_center(output) if self._operations.fo_bwmc else output


def _feature_wise(x: Any, center: bool, normalize: bool) -> Any:
    if normalize:
        return feature_normalize(x)
    return feature_center(x) if center else x
