"""Rules whose R is lowest where both kernels agree: symmetric and activation alignment."""

from collections.abc import Mapping
from typing import ClassVar

from alignment_core.rules.alignment import Alignment


class SymmetricAlignment(Alignment):
    """Symmetric alignment: R_SA = self + decay, weighted.

    With equal weights, which is the default, R is lowest where B is W^T.

        >>> SymmetricAlignment().needs_activations
        False

    Source: Kunin et al. 2020, App. B.2.
    """

    primitives = ("self", "decay")
    default_weights: ClassVar[Mapping[str, float]] = {"self": 1.0, "decay": 1.0}


class ActivationAlignment(Alignment):
    """Activation alignment: R_AA = amp + sparse, weighted.

    With equal weights, which is the default, R is lowest where B is W^T.

        >>> ActivationAlignment().needs_activations
        True

    Source: Kunin et al. 2020, App. B.2.
    """

    primitives = ("amp", "sparse")
    default_weights: ClassVar[Mapping[str, float]] = {"amp": 1.0, "sparse": 1.0}
