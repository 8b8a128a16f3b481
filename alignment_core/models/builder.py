"""The interface of the functions that build networks."""

from typing import Any, Protocol

import keras

from alignment_core.errors import ConfigurationError
from alignment_core.rules.alignment import Alignment


class Builder(Protocol):
    """Interface of a function that builds a network."""

    def __call__(
        self,
        input_shape: tuple[int, int, int],
        num_classes: int,
        *,
        width: int = ...,
        stem: str = ...,
        learning_rule: Alignment | None = None,
        seed: int = 0,
    ) -> Any:
        """Build a `keras.Model` from images (batch, height, width, channels) to logits.

        Args:
            input_shape: height, width and channels of an image.
            num_classes: number of logits.
            width: channels of the first stage, or units of a dense network's hidden layers.
            stem: first layers of a residual network, one of `resnet.STEMS`.
            learning_rule: rule of every layer with a kernel, or None for backpropagation.
            seed: random seed of the initial weights.

        Raises:
            ConfigurationError: the network can't be built with these values.
        """


def check_buildable(width: int) -> None:
    """Raise ConfigurationError if `width` is below one, or Keras's images are channels-first."""
    if width < 1:
        raise ConfigurationError(f"a network's width must be at least 1, not {width}")
    if keras.config.image_data_format() != "channels_last":
        raise ConfigurationError(
            "the networks' images are channels-last, and Keras is set to channels_first; call "
            'keras.config.set_image_data_format("channels_last")'
        )
