"""Disturbances under which trained networks are measured, readable without importing TensorFlow.

Levels of weight noise are relative to each kernel's root mean square; levels of image noise and of
the attack are in standard deviations of the validation images' pixels. The levels 0.1 and 0.3 are
a part of a weight's or pixel's usual size, from hardly visible to clearly harmful. The attack of
step e moves an image as far, in Euclidean distance, as noise of standard deviation e does: 0.1 is
there for both, so that their errors can be compared. Its second level is lower, since an attack of
0.3 deceives most networks on most images and tells no rules apart.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["weight_noise", "image_noise", "fgsm"]

_LABELS: dict[Kind, str] = {
    "weight_noise": "validation error with weight noise",
    "image_noise": "validation error with image noise",
    "fgsm": "validation error after an FGSM step",
}


@dataclass(frozen=True)
class Disturbance:
    """A disturbance of a trained network's weights, or of the images that it classifies.

    Attributes:
        kind: "weight_noise" adds Gaussian noise to all forward kernels, "image_noise" to all
            images, and "fgsm" moves each pixel by the fast gradient sign method (Goodfellow,
            Shlens and Szegedy 2015, arXiv 1412.6572).
        level: the noise's standard deviation or the attack's step, in the units above.
    """

    kind: Kind
    level: float

    @property
    def name(self) -> str:
        """Name of the validation error under this disturbance, such as `error_fgsm_0.1`."""
        return f"error_{self.kind}_{self.level:g}"

    @property
    def label(self) -> str:
        """Name for people."""
        return f"{_LABELS[self.kind]} of {self.level:g}"


DISTURBANCES = (
    Disturbance("weight_noise", 0.1),
    Disturbance("weight_noise", 0.3),
    Disturbance("image_noise", 0.1),
    Disturbance("image_noise", 0.3),
    Disturbance("fgsm", 0.03),
    Disturbance("fgsm", 0.1),
)
"""The disturbances that a search measures each trained network under (`--robustness`)."""
