"""The base class of the layers that carry a learning rule.

Under a rule, a layer owns a second kernel, the backward kernel (Kunin et al. 2020, App. A.1). It
is drawn from the forward kernel's initializer and takes the forward kernel's place when gradients
are propagated. Without a rule, the layer computes what Keras's own layer computes, at the same
cost: backpropagation.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.direct import Delivery, without_gradient
from alignment_core.rules.alignment import Alignment


class Call(NamedTuple):
    """One recorded call of a layer.

    Attributes:
        layer: the layer that was called.
        x: its input (batch, ...).
        product: product of the input and the forward kernel (batch, ...), before the bias.
        delivery: how the network's error reaches `x`, under a direct rule (`layers.direct`).
    """

    layer: "AlignedLayer"
    x: Any
    product: Any
    delivery: Delivery | None = None


_recorded: ContextVar[tuple[list[Call], ...]] = ContextVar("recorded", default=())
_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def recording() -> Iterator[list[Call]]:
    """Record the calls of layers with a learning rule, in order.

    Rules that need activations read the layers' inputs from these records. Inside a tf.function
    the records hold symbolic tensors, which are valid in that function only.

        with recording() as calls:
            model(images)
        inputs = [call.x for call in calls]
    """
    calls: list[Call] = []
    token = _recorded.set((*_recorded.get(), calls))
    try:
        yield calls
    finally:
        _recorded.reset(token)


@contextmanager
def exact_gradients() -> Iterator[None]:
    """Propagate gradients through the forward kernels: the true gradients of backpropagation.

    It applies to the layers that are called inside this context.
    """
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)


def aligned_layers(model: Any) -> list["AlignedLayer"]:
    """Return the layers that have a learning rule, also those of nested models.

        >>> rule = SymmetricAlignment({"self": 1.0, "decay": 1.0})
        >>> model = get_model("dense")((8, 8, 1), 10, learning_rule=rule)
        >>> [layer.name for layer in aligned_layers(model)]
        ['dense1', 'dense2', 'logits']

    Args:
        model: a Keras model.
    """
    found: list[AlignedLayer] = []
    for layer in model.layers:
        if isinstance(layer, AlignedLayer):
            if layer.learning_rule is not None:
                found.append(layer)
        elif hasattr(layer, "layers"):
            found.extend(aligned_layers(layer))
    return found


class AlignedLayer(keras.layers.Layer):
    """Parent of `Dense` and `Conv2D`: a learning rule and the backward kernel that it trains.

    Attributes:
        learning_rule: the rule (`Alignment`), or None for backpropagation.
        relu_follows: whether a ReLU follows the layer directly. The switches FO ReLU and
            BO ReLU act only then.
        backward_kernel: the second kernel, if the layer has a rule. It isn't trainable, so that
            `model.trainable_variables` lists the variables of the cost J alone.
        feedback_kernel: the fixed kernel of a rule that has one beside the backward kernel.
        aligned_input_shape: the input's shape without the batch, once the layer is built.
    """

    def __init__(
        self,
        *args: Any,
        learning_rule: Alignment | None = None,
        relu_follows: bool = False,
        **kwargs: Any,
    ) -> None:
        """Set Keras's arguments and the learning rule.

        Args:
            *args: positional arguments of Keras's layer.
            learning_rule: a rule, or None for backpropagation.
            relu_follows: whether a ReLU follows as a layer of its own. With `activation="relu"`
                it is set to True.
            **kwargs: keyword arguments of Keras's layer.

        Raises:
            ConfigurationError: a rule can't work with one of Keras's arguments.
        """
        super().__init__(*args, **kwargs)
        self.learning_rule = learning_rule
        self.feedback_kernel: Any = None
        self.relu_follows = relu_follows or self.activation is keras.activations.relu
        if learning_rule is not None:
            self._refuse(self._unsupported())

    def build(self, input_shape: Any) -> None:
        """Create Keras's weights and, if the layer has a rule, the backward kernel.

        Raises:
            ConfigurationError: the rule can't work with inputs of this rank.
        """
        if self.learning_rule is not None:
            self._refuse(self._unsupported_input(len(input_shape)))
        super().build(input_shape)
        self.aligned_input_shape = tuple(input_shape[1:])
        if self.learning_rule is not None:
            kernel_shape = tuple(self.kernel.shape)
            units = self.learning_rule.backward_units(kernel_shape[-1])
            drawn_shape = (*kernel_shape[:-1], units)
            initializer = _other_draw(self.backward_initializer)
            self.backward_kernel = self.add_weight(
                name="backward_kernel",
                shape=self._backward_shape(drawn_shape),
                # Initializers compute the fan-in from the shape, so it is the forward kernel's.
                initializer=lambda _, dtype: self.as_backward(initializer(drawn_shape, dtype)),
                trainable=False,
            )
            self.learning_rule.add_variables(self)

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
        if self.built and self.learning_rule is not None:
            self._refuse_other_shape(inputs.shape)
        return super().__call__(inputs, *args, **kwargs)

    def alignment_loss(
        self, x_or_shape: Any, noise: Any = None, pseudogradient: Any = None, product: Any = None
    ) -> Any:
        """Return this layer's term of the regularization R, a scalar.

        Args:
            x_or_shape: the layer's input (batch, ...), its shape if the rule draws noise, or
                None if R uses kernels only.
            noise: see `Alignment.__call__`, as for `pseudogradient` and `product`.
            pseudogradient: J's pseudogradient of the layer's linear output (batch, ...).
            product: product of the input and the forward kernel (batch, ...).

        Raises:
            ConfigurationError: the layer has no learning rule, the input has another shape than
                the layer was built for, or an argument that the rule needs is missing.
        """
        if self.learning_rule is None:
            raise ConfigurationError(
                f"layer {self.name!r} has no learning rule and so no alignment loss; "
                "build it with a learning_rule"
            )
        if x_or_shape is not None:
            self._refuse_other_shape(getattr(x_or_shape, "shape", x_or_shape))
        return self.learning_rule(self, x_or_shape, noise, pseudogradient, product)

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
        rule = config["learning_rule"]
        if isinstance(rule, Mapping):
            rule = keras.saving.deserialize_keras_object(rule)
        return super().from_config({**config, "learning_rule": rule})

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

    def _backward_shape(self, kernel_shape: tuple[int, ...]) -> tuple[int, ...]:
        return kernel_shape

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

    def project_error(self, error: Any, x: Any, product: Any) -> Any:
        """Return the gradient for the layer's input that a direct rule makes of the error.

        Args:
            error: gradient (batch, outputs) of the loss for the network's outputs.
            x: the layer's input (batch, ...), for its shape.
            product: the layer's linear output (batch, ...), for its shape.
        """
        raise NotImplementedError

    def _kernels(self) -> tuple[Any, Any]:
        """Return the forward kernel, and the kernel that the gradient is propagated through."""
        forward = tf.convert_to_tensor(self.kernel)
        if _exact.get():
            return forward, tf.stop_gradient(self.as_backward(forward))
        return forward, self.propagating_kernel()

    def _input_of_product(self, inputs: Any) -> tuple[Any, Delivery | None]:
        """Return the input, behind a barrier for its gradient if the rule is direct."""
        assert self.learning_rule is not None
        if not self.learning_rule.direct or _exact.get():
            return inputs, None
        return without_gradient(inputs, self.name)

    def _record(self, inputs: Any, product: Any, delivery: Delivery | None = None) -> None:
        for calls in _recorded.get():
            calls.append(Call(self, inputs, product, delivery))

    def _refuse_other_shape(self, shape: Any) -> None:
        built = self.aligned_input_shape
        if len(shape) == len(built) + 1 and shape[-1] == built[-1]:
            return
        wanted, given = (", ".join(map(str, each)) for each in (built, shape[1:]))
        raise ConfigurationError(
            f"layer {self.name!r} was built for inputs of shape (batch, {wanted}) and can't take "
            f"(batch, {given}): reshape the input, or build another layer"
        )

    def _refuse(self, problems: Mapping[str, bool]) -> None:
        found = [problem for problem, present in problems.items() if present]
        if found:
            raise ConfigurationError(
                f"layer {self.name!r}: a learning rule does not work with {' and '.join(found)}; "
                "change that, or set learning_rule=None"
            )

    def _unsupported(self) -> dict[str, bool]:
        raise NotImplementedError

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        raise NotImplementedError


def _other_draw(initializer: Any) -> Callable[..., Any]:
    # A Keras initializer with an integer seed draws the same numbers at every call, so the backward
    # kernel gets another seed. An initializer without a seed is constant. One with a SeedGenerator
    # draws other numbers by itself.
    seed = getattr(initializer, "seed", None)
    if not isinstance(seed, int):
        return initializer
    other = int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])
    return type(initializer).from_config({**initializer.get_config(), "seed": other})
