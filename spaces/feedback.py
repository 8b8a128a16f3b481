"""Search spaces of the rules that have no R: direct, sign-concordant and product feedback.

Their papers search nothing, so the ranges are argued. A configuration is J's learning rate, its
weight decay and the batch size; momentum, warm-up and drops are those of the paper's searches.

- The learning rate reaches from 1e-4, BioTorch's for direct feedback alignment on CIFAR-10, over
  its 1e-3 for feedback alignment, to ten times its 0.1 for the sign-concordant rules.
- The weight decay reaches from 1e-6 to ten times BioTorch's 1e-3 for LeNet. Under product feedback
  alignment it also aligns the kernels, so it reaches to the 0.03 of the authors' first epoch.
- The batch sizes are BioTorch's for LeNet, CIFAR-10 and ImageNet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alignsearch.spaces.distributions import Choice, LogUniform
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.space import SearchSpace

BIOTORCH = "after BioTorch's configurations (Jiménez Sanfiz and Akrout 2021)"
AUTHORS = "after the authors' configurations (Li and Benna 2024)"

RATE = Metaparameter("learning_rate", LogUniform(1e-4, 1.0), BIOTORCH)
_DECAY = Metaparameter("weight_decay", LogUniform(1e-6, 1e-2), BIOTORCH)
_ALIGNING_DECAY = Metaparameter("weight_decay", LogUniform(1e-6, 3e-2), AUTHORS)
BATCH = Metaparameter("batch_size", Choice((64, 128, 256)), BIOTORCH)


def _space(name: str, title: str, learning_rule: str, source: str) -> SearchSpace:
    decay = _ALIGNING_DECAY if name == "pfa" else _DECAY
    return flat_space(name, title, learning_rule, source, (RATE, decay, BATCH))


FEEDBACK_SPACES: dict[str, SearchSpace] = {
    space.name: space
    for space in (
        _space("dfa", "DFA", "direct_feedback_alignment", "Nøkland 2016"),
        _space("usf", "uSF", "uniform_sign_feedback", "Liao et al. 2016"),
        _space("brsf", "brSF", "batchwise_random_sign_feedback", "Liao et al. 2016"),
        _space("frsf", "frSF", "fixed_random_sign_feedback", "Liao et al. 2016"),
        _space("pfa", "PFA", "product_feedback_alignment", "Li and Benna 2024"),
    )
}
"""The spaces by name; the names are those of `alignsearch.spaces.presets.RULES`."""

FEEDBACK_LABELS = {
    "learning_rate": "Learning Rate",
    "weight_decay": "Weight Decay",
    "batch_size": "Batch Size",
}
"""Names of the metaparameters for people."""


@dataclass(frozen=True)
class FeedbackTraining:
    """The function of these definitions that turns a configuration into a training.

    Attributes:
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
    """

    learning_rule: str

    def __call__(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of the training by name.

        The batch isn't divided for a small data set, as the paper's batches are.

        Args:
            config: the trial's learning rate, weight decay and batch size.
        """
        settings = common_settings(config)
        decays_alike = self.learning_rule == "product_feedback_alignment"
        weights = {"decay": settings["weight_decay"]} if decays_alike else {}
        return settings | {"weights": weights}


def common_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a training that follow from the metaparameters of these spaces."""
    return {
        "learning_rate": float(config["learning_rate"]),
        "weight_decay": float(config["weight_decay"]),
        "batch_size": int(config["batch_size"]),
    }
