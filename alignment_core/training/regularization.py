"""The regularization R of one network: the sum of its layers' terms on a batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alignment_core.layers.aligned import AlignedLayer, aligned_layers
from alignment_core.layers.contexts import recording
from alignment_core.layers.keras_internals import Functional
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.layer_call import LayerCall

Calls = list[list[LayerCall]]
"""The calls of each layer of `Regularization.learning` in one forward pass."""


class Regularization:
    """R of one network. R is the plain sum of one term a layer (Kunin et al. 2020, App. A.2).

    Attributes:
        model: the network.
        layers: all layers with a rule.
        learning: the layers whose term of R has an optimizer of its own. Frozen layers have none.
        tied: the layers whose rule ties gradients; their R is a part of J.
        share: this replica's share of each loss. Each replica computes on its share of the batch,
            and gradients are summed over replicas.
    """

    def __init__(self, model: Any) -> None:
        """Collect the layers of a built Keras model."""
        self.model = model
        self.layers = aligned_layers(model)
        moved = [layer for layer in self.layers if layer.learns]
        self.learning = [layer for layer in moved if _rule(layer).has_own_loss]
        self.tied = [layer for layer in moved if _rule(layer).tie_gradients]
        self.share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync
        self._is_called_once = _is_called_once(model, self.learning)

    @property
    def needs_activations(self) -> bool:
        """True if R is computed from the layers' inputs in a forward pass."""
        return any(_rule(layer).needs_activations for layer in self.learning)

    @property
    def needs_pseudogradients(self) -> bool:
        """True if R is computed from the pseudogradients of J's backward pass."""
        return any(_rule(layer).needs_pseudogradients for layer in self.learning)

    def tied_term(self) -> Any:
        """Return the R of all layers that tie gradients, a scalar that J contains."""
        return _sum([layer.alignment_loss() for layer in self.tied])

    def calls(self, x: Any, seed: tf.Tensor, *, training: bool) -> Calls:
        """Return the calls of each layer.

        If R doesn't need activations, no forward pass runs, and only the inputs' shapes are given.

        Args:
            x: the network's inputs (batch, ...), a tensor or nested tensors.
            seed: seed of the noise (2,).
            training: whether batch norm uses the batch's moments or the moving ones. In training,
                the calls are left out that a layer was told `training=False` for.
        """
        if not self.needs_activations:
            shapes = self._input_shapes(x)
            if shapes is not None:
                return self._with_noise(shapes, seed)
        with recording() as calls:
            self.model(x, training=training)
        return self._with_noise(self._by_layer(calls, training=training), seed)

    def gradients_and_calls(
        self,
        loss: Callable[[], tuple[tf.Tensor, Any]],
        variables: Sequence[Any],
        seed: tf.Tensor,
        scale: Any = 1.0,
        *,
        training: bool = True,
    ) -> tuple[list[tf.Tensor], Calls, Any]:
        """Run one forward and backward pass for both J and R.

        Args:
            loss: function without arguments that runs the network and returns this replica's share
                of J, and further tensors.
            variables: TensorFlow's variables to differentiate J for.
            seed: seed of the noise (2,).
            scale: factor by which `loss` is scaled against underflow, besides the share.
            training: what `loss` tells the network; see `calls`.

        Returns:
            J's gradients for `variables`; the calls, with pseudogradients if R needs them; and the
            further tensors of `loss`.
        """
        with recording() as calls, tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            if self.needs_pseudogradients:
                tape.watch([layer.kernel.value for layer in self.learning])
            value, extra = loss()
        # The network may be called more than once, so this is by layer and not by name.
        ordered = self._by_layer(calls, training=training)
        products = [[call.product for call in each] for each in ordered]
        if not self.needs_pseudogradients:
            products = []
        gradients, found = tape.gradient(value, [list(variables), products])
        for layer, each, upstreams in zip(self.learning, ordered, found, strict=False):
            dtype = layer.variable_dtype
            # R is multiplied by the share itself.
            each[:] = [
                replace(
                    call,
                    pseudogradient=tf.cast(upstream, dtype) / tf.cast(self.share * scale, dtype),
                )
                for call, upstream in zip(each, upstreams, strict=True)
            ]
        return gradients, self._with_noise(ordered, seed), extra

    def gradients(self, calls: Calls) -> list[tf.Tensor | None]:
        """Return R's gradient for the backward kernel of each layer of `learning`.

        It is None for a layer without a call, which has no term in R.
        """
        gradients: list[tf.Tensor | None] = []
        for layer, own in zip(self.learning, calls, strict=True):
            kernel = layer.backward_kernel.value
            if not own:
                gradients.append(None)
                continue
            # One layer after the other saves memory, as each layer's outputs are freed before the
            # next. With pseudogradients this order isn't enforced: TensorFlow reuses a kernel
            # gradient that J has computed only if the operation has no control dependency.
            before = [] if self.needs_pseudogradients else [g for g in gradients if g is not None]
            # With a batch of unknown size, a gradient would form an output for its shape alone.
            valued = not all(isinstance(call.shape[0], int) for call in own)
            with tf.control_dependencies(before[-1:]):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(kernel)
                    term = self.share * layer.alignment_loss(*own, valued=valued)
                gradients.append(tape.gradient(term, kernel))
        return gradients

    def value(self, calls: Calls) -> tf.Tensor:
        """Return this replica's share of R."""
        terms = [
            layer.alignment_loss(*own, valued=False)
            for layer, own in zip(self.learning, calls, strict=True)
            if own
        ]
        return self.share * _sum(terms or [tf.zeros(())])

    def _by_layer(self, calls: Sequence[LayerCall], *, training: bool) -> Calls:
        counted = [call for call in calls if call.training or not training]
        return [[call for call in counted if call.layer is layer] for layer in self.learning]

    def _input_shapes(self, x: Any) -> Calls | None:
        """Return the calls with shapes in place of inputs; None if a shape isn't static."""
        first = tf.nest.flatten(x)[0]
        batch = first.shape[0]
        if batch is None:
            batch = tf.shape(first)[0]
        if self._is_called_once:
            features = [[tuple(layer.aligned_input_shape)] for layer in self.learning]
        else:
            features = [[tuple(call.shape[1:]) for call in own] for own in self._traced_calls(x)]
        if any(None in shape for shapes in features for shape in shapes):
            return None
        return [
            [LayerCall(layer, (batch, *shape)) for shape in shapes]
            for layer, shapes in zip(self.learning, features, strict=True)
        ]

    def _traced_calls(self, x: Any) -> Calls:
        """Trace a forward pass, which never runs, to see which layers it calls, and on what."""
        found: list[LayerCall] = []

        @tf.function(autograph=False)
        def forward(x: Any) -> Any:
            with recording() as calls:
                outputs = self.model(x, training=True)
            found.extend(calls)
            return outputs

        forward.get_concrete_function(
            tf.nest.map_structure(lambda each: tf.TensorSpec(each.shape, each.dtype), x)
        )
        return self._by_layer(found, training=True)

    def _with_noise(self, calls: Calls, seed: tf.Tensor) -> Calls:
        """Add noise to each call of a layer whose rule draws noise.

        All layers of a rule share one block of numbers, because drawing noise for each layer costs
        more than a convolution. Each layer's term is distributed as with its own noise; the terms
        of different layers are correlated. The calls of one layer take different numbers.
        """
        rules = [_rule(layer) for layer in self.learning]
        sizes: dict[Alignment, list[Any]] = {}
        for rule, own in zip(rules, calls, strict=True):
            if rule.draws_noise and own:
                sizes.setdefault(rule, []).append(sum(call.size for call in own))
        blocks = {
            rule: rule.draw_noise(_largest(each), seed, self.layers[0].backward_kernel.dtype)
            for rule, each in sizes.items()
        }
        for layer, rule, own in zip(self.learning, rules, calls, strict=True):
            start: Any = 0
            for index, call in enumerate(own):
                if rule in blocks:
                    block = tf.cast(blocks[rule], layer.variable_dtype)
                    own[index] = replace(call, noise=block[start:] if index else block)
                    start += call.size
        return calls


def noise_seed(seed: int) -> int:
    """Return the seed of a training's noise. Its weights and order of images have other ones."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0] >> 1)


def minibatch_seed(seed: tf.Tensor, part: tf.Tensor, parts: int) -> tf.Tensor:
    """Return the seed (2,) of the noise of one minibatch of this replica, from the step's seed."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.random.fold_in(tf.random.fold_in(seed, 0), replica * parts + part)


def _sum(terms: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return the sum of layers' terms, which have the types of their kernels."""
    return tf.add_n([tf.cast(term, keras.config.floatx()) for term in terms])


def _rule(layer: AlignedLayer) -> Alignment:
    assert layer.learning_rule is not None
    return layer.learning_rule


def _largest(sizes: Sequence[Any]) -> Any:
    if all(isinstance(size, int) for size in sizes):
        return max(sizes)
    return tf.reduce_max(tf.stack([tf.cast(size, tf.int32) for size in sizes]))


def _is_called_once(model: Any, layers: Sequence[AlignedLayer]) -> bool:
    """Return whether a functional or sequential model calls each of the layers once, by itself."""
    if type(model).call not in (keras.Sequential.call, Functional.call):
        return False
    own = {id(layer) for layer in model.layers}
    return all(id(layer) in own and len(layer._inbound_nodes) == 1 for layer in layers)
