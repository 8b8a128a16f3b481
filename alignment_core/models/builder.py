"""What every builder of a network takes."""

from typing import Any, Protocol

from alignment_core.errors import ConfigurationError
from alignment_core.rules.alignment import Alignment


class Builder(Protocol):
    """What makes a network."""

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
        """A `keras.Model` from images (batch, height, width, channels) to logits.

        `width` is the first stage's number of channels, or a dense network's of units.
        Raises ConfigurationError for what can't be built.
        """


def check_width(width: int) -> None:
    """Raise ConfigurationError for a width below one."""
    if width < 1:
        raise ConfigurationError(f"a network's width must be at least 1, not {width}")
