"""Rules whose R is lowest where both kernels agree: symmetric and activation alignment."""

import keras

from alignment_core.rules.alignment import Alignment


@keras.saving.register_keras_serializable("alignment_core")
class SymmetricAlignment(Alignment):
    """Symmetric alignment: R_SA = self + decay, weighted.

        >>> SymmetricAlignment({"self": 1.0, "decay": 1.0}).needs_activations
        False

    Source: Kunin et al. 2020, App. B.2.
    """

    primitives = ("self", "decay")


@keras.saving.register_keras_serializable("alignment_core")
class ActivationAlignment(Alignment):
    """Activation alignment: R_AA = amp + sparse, weighted.

        >>> ActivationAlignment({"amp": 1.0, "sparse": 1.0}).needs_activations
        True

    Source: Kunin et al. 2020, App. B.2.
    """

    primitives = ("amp", "sparse")
