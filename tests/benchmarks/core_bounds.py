"""Lower bound of a step: the sum of its unavoidable kernels, each timed alone.

Images, weights and noise are float32. Each kernel runs with warm caches and all cores to itself.

J, backpropagation and feedback alignment alike: a layer's forward product, its filter gradient and,
but for the first layer, its input gradient: 3 products. Batch norm, ReLU, pooling, padding and the
sum of a block, forward and backward, one kernel each way. A kernel's L2 penalty, one pass over
memory, and its update, one kernel.

R, where it alternates, needs no forward pass of the network; one block of noise serves all layers:
- WM: a layer's response to the noise and amp's filter gradient: 2 products. Akrout's operations add
  the ReLU where one follows, and one pass: centring one side of a product over the batch centres
  the product.
- WM+AD+OPS: BO ReLU and BO FWL2N bend the backward output, which has to be formed: 3 products. A
  pass for each operation, and one for the gradient of each on the backward path.
- IA without operations: the response, its reconstruction, and one filter gradient, because
  <f, x B^T> = <f B, x>: 3 products. A pass to weigh noise against reconstruction.
- IA, Table 5: BO FWL2N forbids that: response, backward output, reconstruction, and the filter
  gradients of amp and null: 5 products, and passes as above.
All: decay, one pass over the kernels, and their update.

SA: J, and one pass over the kernels and an update. AA: J, whose products are the forward outputs;
the backward output and one filter gradient, 2 products, a pass to weigh both outputs, an update.
KP: J, and one pass and an update, because its gradient is J's own, tied or as a primitive.
"""

import math
import statistics
import time
from collections import Counter, defaultdict

import keras
import tensorflow as tf

from alignment_core.layers.aligned import AlignedLayer
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.normalization import BatchNormalization

raw = tf.raw_ops


def normal(*shape):
    return tf.random.stateless_normal(shape, [0, 0])


def convolution(which, x, kernel, strides, padding):
    """Return one of a convolution's three products, ready to run."""
    image, weights = normal(*x), normal(*kernel)
    settings = {"strides": [1, *strides, 1], "padding": padding}
    output = tf.nn.conv2d(image, weights, **settings)
    if which == "forward":
        return lambda: raw.Conv2D(input=image, filter=weights, **settings)
    if which == "input gradient":
        return lambda: raw.Conv2DBackpropInput(
            input_sizes=x, filter=weights, out_backprop=output, **settings
        )
    return lambda: raw.Conv2DBackpropFilter(
        input=image, filter_sizes=kernel, out_backprop=output, **settings
    )


def product(which, x, kernel):
    """Return one of a dense layer's three products, ready to run."""
    image, weights, output = normal(*x), normal(*kernel), normal(x[0], kernel[1])
    if which == "forward":
        return lambda: raw.MatMul(a=image, b=weights)
    if which == "input gradient":
        return lambda: raw.MatMul(a=output, b=weights, transpose_b=True)
    return lambda: raw.MatMul(a=image, b=output, transpose_a=True)


def batch_norm(which, shape):
    x, ones = normal(*shape), tf.ones(shape[-1])
    if which == "forward":
        return lambda: raw.FusedBatchNormV3(
            x=x, scale=ones, offset=ones, mean=ones, variance=ones, is_training=True
        )
    reserved = raw.FusedBatchNormV3(
        x=x, scale=ones, offset=ones, mean=ones, variance=ones, is_training=True
    )[3:]
    return lambda: raw.FusedBatchNormGradV3(
        y_backprop=x,
        x=x,
        scale=ones,
        reserve_space_1=reserved[0],
        reserve_space_2=reserved[1],
        reserve_space_3=reserved[2],
    )


def relu(which, shape):
    x = normal(*shape)
    if which == "forward":
        return lambda: raw.Relu(features=x)
    return lambda: raw.ReluGrad(gradients=x, features=x)


def pad(which, shape, padding):
    x = normal(*shape)
    if which == "forward":
        return lambda: raw.Pad(input=x, paddings=padding)
    padded = tf.pad(x, padding)
    begin = [before for before, _ in padding]
    return lambda: raw.Slice(input=padded, begin=begin, size=shape)


def pool(which, shape):
    x = normal(*shape)
    settings = {"ksize": [1, 3, 3, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    output = raw.MaxPool(input=x, **settings)
    if which == "forward":
        return lambda: raw.MaxPool(input=x, **settings)
    return lambda: raw.MaxPoolGrad(orig_input=x, orig_output=output, grad=output, **settings)


def add(shape):
    x = normal(*shape)
    return lambda: raw.AddV2(x=x, y=x)


def one_pass(shape):
    x, scalar = normal(*shape), tf.constant(0.5)
    return lambda: raw.Mul(x=x, y=scalar)


def noise(size):
    return lambda: tf.random.stateless_normal((size,), [0, 1], alg="philox")


def update(optimizer, shape):
    """Return the update of one kernel by J's or R's optimizer, ready to run."""
    gradient, zero = normal(*shape), tf.constant(0.0)
    w, m, v = (tf.Variable(normal(*shape)) for _ in range(3))
    if optimizer == "nesterov_momentum":
        return lambda: raw.ResourceApplyMomentum(
            var=w.handle, accum=m.handle, lr=zero, grad=gradient, momentum=0.9, use_nesterov=True
        )
    if optimizer == "vanilla_gd":
        return lambda: raw.ResourceApplyGradientDescent(var=w.handle, alpha=zero, delta=gradient)
    return lambda: raw.ResourceApplyAdam(
        var=w.handle, m=m.handle, v=v.handle, beta1_power=0.9, beta2_power=0.999, lr=zero,
        beta1=0.9, beta2=0.999, epsilon=1e-8, grad=gradient,
    )  # fmt: skip


KINDS = {
    "convolution": convolution,
    "product": product,
    "batch norm": batch_norm,
    "relu": relu,
    "pad": pad,
    "pool": pool,
    "add": add,
    "pass": one_pass,
    "noise": noise,
    "update": update,
}


class Kernels:
    """The distinct kernels of all steps, each timed once a round."""

    def __init__(self):
        self._made = {}
        self.seconds = defaultdict(list)

    def prepare(self, counts: Counter):
        for key in counts:
            if key not in self._made:
                kind, *arguments = key
                self._made[key] = KINDS[kind](*arguments)
                self._made[key]()

    def time_each(self):
        for key, kernel in self._made.items():
            kernel()
            started = time.perf_counter()
            kernel()
            self.seconds[key].append(time.perf_counter() - started)

    def bound(self, counts: Counter) -> float:
        """Return the sum of the kernels' median seconds."""
        return sum(count * statistics.median(self.seconds[key]) for key, count in counts.items())


class Counts:
    """Counts of the kernels that each rule's step of one network needs."""

    def __init__(self, model, batch):
        self.batch = batch
        self.layers = [layer for layer in model.layers if isinstance(layer, AlignedLayer)]
        self.others = [layer for layer in model.layers if not isinstance(layer, AlignedLayer)]

    def _full(self, tensor):
        return (self.batch, *tensor.shape[1:])

    def _product(self, which, layer):
        x, kernel = self._full(layer.input), tuple(layer.kernel.shape)
        if isinstance(layer, Conv2D):
            return "convolution", which, x, kernel, layer.strides, layer.padding.upper()
        return "product", which, x, kernel

    def loss(self) -> Counter:
        """Return the kernels of a step on J."""
        counts = Counter()
        for index, layer in enumerate(self.layers):
            directions = ["forward", "filter gradient", "input gradient"]
            counts.update(self._product(which, layer) for which in directions[: 3 if index else 2])
            shape = tuple(layer.kernel.shape)
            counts.update([("pass", shape), ("update", "nesterov_momentum", shape)])
        for layer in self.others:
            counts.update(self._other(layer))
        return counts

    def _other(self, layer):
        shape, both = self._full(layer.output), ("forward", "backward")
        match layer:
            case keras.layers.InputLayer():
                found = []
            case keras.layers.Add():
                # In the backward pass the gradients of both branches are added.
                found = [("add", shape), ("add", shape)]
            case BatchNormalization():
                found = [("batch norm", which, shape) for which in both]
            case keras.layers.ReLU():
                found = [("relu", which, shape) for which in both]
            case keras.layers.MaxPooling2D():
                found = [("pool", which, self._full(layer.input)) for which in both]
            case keras.layers.ZeroPadding2D():
                shape, padding = self._full(layer.input), ((0, 0), *layer.padding, (0, 0))
                # No gradient is propagated to the images.
                found = [("pad", which, shape, padding) for which in both[: 1 + (shape[-1] > 3)]]
            case _:
                found = [("pass", self._full(layer.input))] * 2
        return found

    def of_rule(self, config) -> Counter:
        """Return the kernels of the rule's step, which is on R alone if it alternates."""
        counts = Counter() if config.has_alignment_loss and config.alternating else self.loss()
        if config.ties_gradients:
            counts.update(self._kernels("nesterov_momentum"))
        if not config.has_alignment_loss:
            return counts
        counts.update(self._kernels(config.alignment_optimizer))
        if config.noise_stddev is not None:
            counts["noise", max(math.prod(self._full(layer.input)) for layer in self.layers)] += 1
        for layer in self.layers:
            counts.update(self._of_layer(layer, config))
        return counts

    def _kernels(self, optimizer):
        for layer in self.layers:
            shape = tuple(layer.kernel.shape)
            yield from (("pass", shape), ("update", optimizer, shape))

    def _of_layer(self, layer, config):
        on, names = config.operations, set(config.weights)
        forward, reconstruct, learn = (
            self._product(which, layer)
            for which in ("forward", "input gradient", "filter gradient")
        )
        x, f = ("pass", self._full(layer.input)), ("pass", self._full(layer.output))
        relu = ("relu", "forward", f[1])
        if "sparse" in names:
            return [forward, learn, f]
        if "amp" not in names:
            return []
        found = [forward, learn]
        if on.fo_relu and layer.relu_follows:
            found += [relu]
        if not on.bo_fwl2n:
            if "null" in names:
                found += [reconstruct, x]
            return found + [f] * (on.fo_bwmc or on.bi_bwmc)
        found += [forward, *[f] * (on.fo_bwmc + on.fo_fwmc), *[x] * on.bi_bwmc, f, f]
        if on.bo_relu and layer.relu_follows:
            found += [relu, ("relu", "backward", f[1])]
        if "null" in names:
            found += [reconstruct, learn, *[x] * (on.fo_bwmc + on.fo_fwmc)]
        return found
