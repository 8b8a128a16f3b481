"""The base class of the layers that carry a learning rule.

Under a rule, a layer owns a second kernel, the backward kernel (Kunin et al. 2020, App. A.1). It
is drawn from the forward kernel's initializer and takes the forward kernel's place when gradients
are propagated. Without a rule, the layer computes what Keras's own layer computes, at the same
cost: backpropagation.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import ReferenceType, ref

import keras
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.checks import (
    check_counted,
    check_late_rule,
    check_relu,
    check_shape,
    check_sparse,
    claim,
    claimant,
    refuse,
    within_reach,
)
from alignment_core.layers.contexts import in_training, is_exact, open_recordings
from alignment_core.layers.direct import without_gradient
from alignment_core.layers.keras_internals import entry_layer, without_autocast
from alignment_core.layers.other_draw import other_draw
from alignment_core.layers.relu import is_relu
from alignment_core.layers.walk import all_layers
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.layer_call import LayerCall
from alignment_core.rules.primitives import PRIMITIVES
from alignment_core.rules.table import get_rule

LARGEST_SEED = 2**31 - 1


def aligned_layers(model: Any) -> list["AlignedLayer"]:
    """Return the layers that have a learning rule, nested to any depth (`all_layers`).

        >>> rule = SymmetricAlignment(self=1.0, decay=1.0)
        >>> model = get_model("dense")((8, 8, 1), 10, learning_rule=rule)
        >>> [layer.name for layer in aligned_layers(model)]
        ['dense1', 'dense2', 'logits']

    Args:
        model: a Keras model, or a layer with layers of its own.
    """
    return [
        layer
        for layer in all_layers(model)
        if isinstance(layer, AlignedLayer) and layer.learning_rule is not None
    ]


class AlignedLayer(keras.layers.Layer):
    """Parent of `Dense` and `Conv2D`: a learning rule and the backward kernel that it trains.

    Called in training (`contexts.in_training`), the layer adds its term of R to its losses. So
    `compile` and `fit` train the rule, and in a loop of your own the term is in `model.losses`. A
    rule that needs J's pseudogradient receives it with J's gradient; only a compiled model may use
    such a rule this way. `AlignedModel` and `Trainer` compute R themselves.

    Attributes:
        learning_rule: the rule (`Alignment`), or None for backpropagation.
        relu_follows: whether a ReLU follows the layer directly, None if that isn't known. The
            switches FO ReLU and BO ReLU act only then.
        backward_kernel: the second kernel, if the layer has a rule. It is trainable if the rule
            trains it: by R, or by J's gradient for the forward kernel. Under feedback alignment
            it isn't.
        feedback_kernel: the fixed kernel of a rule that has one beside the backward kernel.
        aligned_input_shape: the input's shape without the batch, once the layer is built.
    """

    def __init__(
        self,
        *args: Any,
        learning_rule: Alignment | str | None = None,
        relu_follows: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Set Keras's arguments and the learning rule.

        Args:
            *args: positional arguments of Keras's layer.
            learning_rule: a rule or its name, or None for backpropagation.
            relu_follows: whether a ReLU follows as a layer of its own, perhaps after batch norm.
                None takes it from `activation`: True for a ReLU, False for other functions of
                Keras and TensorFlow, and unknown without any or with a function of your own.
            **kwargs: keyword arguments of Keras's layer.

        Raises:
            UnknownNameError: no rule has this name.
            ConfigurationError: a rule can't work with one of Keras's arguments, or acts on a ReLU
                and it isn't known whether one follows.
        """
        super().__init__(*args, **kwargs)
        self.relu_follows = self._relu_follows(relu_follows)
        self._last_term: ReferenceType[Any] | None = None
        self._trained_by: ReferenceType[Any] | None = None
        self.feedback_kernel: Any = None
        self.learning_rule = learning_rule

    @property
    def learning_rule(self) -> Alignment | None:
        """The rule, or None for backpropagation."""
        return self._learning_rule

    @learning_rule.setter
    def learning_rule(self, given: Alignment | str | None) -> None:
        rule = get_rule(given)
        if rule is not None:
            refuse(self, self._unsupported())
            check_relu(self, rule)
            if self.built:
                check_late_rule(self, rule, self._backward_shape(self._drawn_shape(rule)))
        self._learning_rule = rule
        model = claimant(self)
        if model is not None:
            # The compiled step has the rule before this one in its graph.
            model.train_function = None

    def build(self, input_shape: Any) -> None:
        """Create Keras's weights and, if the layer has a rule, the backward kernel.

        Raises:
            ConfigurationError: the rule can't work with inputs of this rank.
        """
        if self.learning_rule is not None:
            refuse(self, self._unsupported_input(len(input_shape)))
        super().build(input_shape)
        self.aligned_input_shape = tuple(input_shape[1:])
        if self.learning_rule is not None:
            drawn_shape = self._drawn_shape(self.learning_rule)
            initializer = other_draw(self.backward_initializer)
            self.backward_kernel = self.add_weight(
                name="backward_kernel",
                shape=self._backward_shape(drawn_shape),
                # Initializers compute the fan-in from the shape, so it is the forward kernel's.
                initializer=lambda _, dtype: self.as_backward(initializer(drawn_shape, dtype)),
                trainable=self.learning_rule.trains_backward_kernel,
            )
            self.learning_rule.add_variables(self)

    @property
    def learns(self) -> bool:
        """True if training moves the backward kernel: its rule trains it, and it isn't frozen."""
        rule = self.learning_rule
        if rule is None or not rule.trains_backward_kernel or not self.trainable:
            return False
        return not self.built or bool(self.backward_kernel.trainable)

    @property
    def backward_initializer(self) -> Any:
        """The Keras initializer of the backward kernel: the rule's, or the forward kernel's."""
        name = self.learning_rule and self.learning_rule.backward_initializer
        return keras.initializers.get(name) if name else self.kernel_initializer

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the layer as Keras does.

        Raises:
            ConfigurationError: the input has another shape than the layer was built for.
        """
        if self.learning_rule is not None:
            check_sparse(self, inputs)
            if self.built:
                check_shape(self, inputs.shape)
        return super().__call__(inputs, *args, **kwargs)

    def alignment_loss(self, *calls: LayerCall, valued: bool = True) -> Any:
        """Return this layer's term of the regularization R, a scalar.

        Args:
            *calls: the layer's calls in one forward pass; none are needed if R uses kernels only.
            valued: see `Alignment.__call__`.

        Raises:
            ConfigurationError: the layer has no learning rule, an input has another shape than
                the layer was built for, or something that the rule needs is missing.
        """
        if self.learning_rule is None:
            raise ConfigurationError(
                f"layer {self.name!r} has no learning rule and so no alignment loss; "
                "build it with a learning_rule"
            )
        for call in calls:
            check_shape(self, call.shape)
        return self.learning_rule(self, calls, valued=valued)

    def get_config(self) -> dict[str, Any]:
        """Return Keras's configuration with `learning_rule` and `relu_follows`."""
        rule = self.learning_rule
        return {
            **super().get_config(),
            "learning_rule": rule and keras.saving.serialize_keras_object(rule),
            "relu_follows": self.relu_follows,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make the layer that `get_config` describes, with a copy of the rule."""
        rule = config.get("learning_rule")
        if isinstance(rule, Mapping):
            rule = keras.saving.deserialize_keras_object(rule)
        # Keras wraps what a constructor raises in a TypeError that prints the configuration.
        layer = super().from_config({**config, "learning_rule": None})
        layer.learning_rule = rule
        return layer

    def save_own_variables(self, store: Any) -> None:
        """Write Keras's weights and the backward kernel into `store`."""
        super().save_own_variables(store)
        for name in self._own_variables:
            store[name] = getattr(self, name)

    def load_own_variables(self, store: Any) -> None:
        """Read Keras's weights and the backward kernel from `store`."""
        super().load_own_variables(store)
        for name in self._own_variables:
            getattr(self, name).assign(store[name])

    @property
    def _own_variables(self) -> list[str]:
        if not self.built or self.learning_rule is None:
            return []
        fixed = [] if self.feedback_kernel is None else ["feedback_kernel"]
        return ["backward_kernel", *fixed]

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the forward kernel in the backward kernel's layout."""
        return forward_kernel

    def enable_lora(self, *args: Any, **kwargs: Any) -> None:
        """Enable Keras's low-rank adaptation, which a layer with a rule refuses.

        Raises:
            ConfigurationError: the layer has a rule.
        """
        if self.learning_rule is not None:
            refuse(self, {"enable_lora": True})
        super().enable_lora(*args, **kwargs)

    def _drawn_shape(self, rule: Alignment) -> tuple[int, ...]:
        """Return the backward kernel's shape as its initializer draws it: like the forward one."""
        *positions, units = self.kernel.shape
        return (*positions, rule.backward_units(units))

    def _backward_shape(self, kernel_shape: tuple[int, ...]) -> tuple[int, ...]:
        return kernel_shape

    def _relu_follows(self, given: bool | None) -> bool | None:
        own = is_relu(self.activation)
        if own:
            return True
        linear = self.activation is keras.activations.linear
        return None if linear and given is None else given if given is not None else own

    def _product(self, multiply: Callable[..., Any], *operands: Any) -> Any:
        """Multiply in the layer's compute dtype and return the layer's variable dtype."""
        narrow = [tf.cast(operand, self.compute_dtype) for operand in operands]
        return tf.cast(multiply(*narrow), self.variable_dtype)

    def propagating_kernel(self) -> Any:
        """Return the kernel that the rule propagates gradients through, as it is now.

        Under a direct rule it is the backward kernel, which projects the network's error.
        """
        assert self.learning_rule is not None
        return self.learning_rule.propagating_kernel(self)

    def project_error(self, error: Any, call: LayerCall) -> Any:
        """Return the gradient for the call's input that a direct rule makes of the error.

        Args:
            error: gradient (batch, outputs) of the loss for the network's outputs.
            call: a call of this layer.
        """
        raise NotImplementedError

    def _aligned_product(
        self, multiply: Callable[..., Any], inputs: Any, training: bool | None
    ) -> Any:
        """Return the product of inputs and forward kernel, and record or add the term of R.

        `multiply` takes the input, the forward kernel, the kernel that propagates, `tie_gradients`
        and `learn` (layers/ops.py). Under a direct rule no kernel propagates (layers/direct.py).
        """
        rule = self.learning_rule
        assert rule is not None
        kernel = tf.convert_to_tensor(self.kernel)
        if not inputs.dtype.is_floating:
            inputs = tf.cast(inputs, kernel.dtype)
        recorded = open_recordings()
        told = training is None or bool(training)
        training, taped = in_training(training), in_training(None)
        # J's gradient moves a tied B with W, whatever the layer is told, so B decays as W does.
        learning = training or (taped and rule.tie_gradients)
        adds_term = learning and self.learns and not recorded and not is_exact()
        if training or (taped and rule.direct):
            check_counted(self, rule)
        if learning:
            claim(self)
        given, delivery = inputs, None
        if is_exact():
            propagating = tf.stop_gradient(self.as_backward(kernel))
        elif rule.direct:
            given, delivery = without_gradient(inputs, self.name)
            propagating = self.as_backward(kernel)
        else:
            propagating = rule.propagating_kernel(self)
        if not adds_term:
            # A rule's own kernel may be computed from the forward kernel, which J's step updates.
            is_own = type(rule).propagating_kernel is not Alignment.propagating_kernel
            with tf.control_dependencies([propagating] if is_own and (training or taped) else []):
                product = multiply(given, kernel, propagating, tie_gradients=rule.tie_gradients)
            for calls in recorded:
                calls.append(LayerCall(self, inputs, product, delivery=delivery, training=told))
            return product
        with without_autocast():
            bias = None if self.bias is None else tf.convert_to_tensor(self.bias)
            call = LayerCall(self, inputs, kernel=tf.convert_to_tensor(self.kernel), bias=bias)
        # The product waits for all reads but the term's own of B, which waits for it: ops.py.
        reads = [each for each in (kernel, call.kernel, bias, propagating) if each is not None]
        learn = self._learner(inputs) if rule.needs_pseudogradients else None
        tied = rule.tie_gradients
        with tf.control_dependencies(reads):
            product = multiply(given, kernel, propagating, tie_gradients=tied, learn=learn)
        with tf.control_dependencies([product]):
            self._add_term(replace(call, product=product))
        return product

    def _learner(self, inputs: Any) -> Callable[[Any], Any]:
        """Return the function of J's pseudogradient that returns its gradient of R for B."""
        rule = self.learning_rule
        assert rule is not None
        if not getattr(entry_layer(), "compiled", False):
            raise ConfigurationError(
                f"layer {self.name!r}: the term of {type(rule).__name__} needs J's pseudogradient "
                "and can't be added to model.losses; compile the model and call fit, or use "
                "AlignedModel or Trainer (KolenPollack has the same gradient without such a term); "
                "where nothing is trained, call the model with training=False"
            )
        names = [each for each in rule.primitives if PRIMITIVES[each].needs == "pseudogradient"]

        def learn(pseudogradient: Any) -> Any:
            call = LayerCall(self, inputs, pseudogradient=pseudogradient)
            with without_autocast(), tf.GradientTape(watch_accessed_variables=False) as tape:
                kernel = self.backward_kernel.value
                tape.watch(kernel)
                term = rule(self, [call], primitives=names, valued=False)
            return tf.cast(tape.gradient(term, kernel), self.compute_dtype)

        return learn

    def _add_term(self, call: LayerCall) -> None:
        """Add a call's term of R to the layer's losses, kernels' primitives once a pass."""
        rule = self.learning_rule
        assert rule is not None
        last = None if self._last_term is None else self._last_term()
        is_first = last is None or all(loss is not last for loss in self.losses)
        names = [
            name
            for name in rule.primitives
            if PRIMITIVES[name].needs in (("input", "kernels") if is_first else ("input",))
        ]
        if not names:
            return
        if rule.draws_noise:
            seed = tf.random.uniform((2,), maxval=LARGEST_SEED, dtype=tf.int32)
            noise = rule.draw_noise(call.size, seed, self.backward_kernel.dtype)
            call = replace(call, noise=noise)
        elif rule.needs_pseudogradients:
            call = replace(call, pseudogradient=tf.zeros_like(call.product))
        with without_autocast():
            # Keras adds up the losses of layers of different types.
            term = tf.cast(rule(self, [call], primitives=names), keras.config.floatx())
        self._last_term = ref(term)
        self.add_loss(term)

    def _get_own_losses(self) -> list[Any]:
        """Return the losses that the layer added, or refuse them where they can't be used."""
        return within_reach(self, super()._get_own_losses())

    def takes(self, shape: tuple[Any, ...]) -> bool:
        """Return whether the built layer can be called on an input of a shape (batch, ...)."""
        built = self.aligned_input_shape
        return len(shape) == len(built) + 1 and shape[-1] == built[-1]

    def _unsupported(self) -> dict[str, bool]:
        raise NotImplementedError

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        raise NotImplementedError
