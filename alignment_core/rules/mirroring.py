"""Rules that learn from a layer's response to its input: weight mirror, information alignment."""

from typing import Any

from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import AKROUT_OPERATIONS


class WeightMirror(Alignment):
    """Weight mirror: R_WM = amp + decay, weighted.

        >>> rule = WeightMirror(amp=1.0, decay=0.1, noise_stddev=0.5)
        >>> rule.draws_noise
        True

    `WeightMirror.akrout` makes the original rule of Akrout et al. 2019.

    Source: Kunin et al. 2020, App. B.1.4; Akrout et al. 2019.
    """

    primitives = ("amp", "decay")

    @classmethod
    def akrout(
        cls, mirror_rate: float, decay_rate: float, noise_stddev: Any = 1.0
    ) -> "WeightMirror":
        """Make Akrout et al. 2019's weight mirror: Delta B = mirror_rate x f^T - decay_rate B.

        x is Gaussian noise and f the layer's response to the noise. Both are centred over the
        batch, and their product is averaged over the batch. The update is one step of plain
        gradient descent on R (`GradientDescent`) at a learning rate of 1.

        Args:
            mirror_rate: weight of amp.
            decay_rate: weight of decay.
            noise_stddev: standard deviation of x.
        """
        return cls({"amp": mirror_rate, "decay": decay_rate}, AKROUT_OPERATIONS, noise_stddev)


class InformationAlignment(Alignment):
    """Information alignment: R_IA = amp + decay + null, weighted.

        >>> rule = InformationAlignment(amp=1.0, decay=0.1, null=0.01)
        >>> rule.needs_activations
        True

    Source: Kunin et al. 2020, App. B.1.4.
    """

    primitives = ("amp", "decay", "null")
