"""The table of learning rules by name."""

import inspect
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.rules.product_feedback import ProductFeedbackAlignment
from alignment_core.rules.sign_feedback import (
    BatchwiseRandomFeedback,
    BatchwiseRandomSignFeedback,
    FixedRandomSignFeedback,
    UniformSignFeedback,
)
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment

LEARNING_RULES: dict[str, type[Alignment] | None] = {
    "backpropagation": None,
    "feedback_alignment": FeedbackAlignment,
    "weight_mirror": WeightMirror,
    "information_alignment": InformationAlignment,
    "symmetric_alignment": SymmetricAlignment,
    "activation_alignment": ActivationAlignment,
    "kolen_pollack": KolenPollack,
    "kolen_pollack_angle": KolenPollackAngle,
    "direct_feedback_alignment": DirectFeedbackAlignment,
    "uniform_sign_feedback": UniformSignFeedback,
    "batchwise_random_sign_feedback": BatchwiseRandomSignFeedback,
    "batchwise_random_feedback": BatchwiseRandomFeedback,
    "fixed_random_sign_feedback": FixedRandomSignFeedback,
    "product_feedback_alignment": ProductFeedbackAlignment,
}
"""Class of each learning rule by its name; None is backpropagation, without a backward kernel."""


def get_rule(rule: Any) -> Alignment | None:
    """Return the rule that `rule` stands for.

        >>> get_rule("feedback_alignment")
        FeedbackAlignment()
        >>> get_rule("backpropagation") is None
        True

    Args:
        rule: a name in `LEARNING_RULES`, a rule (`Alignment`), or None for backpropagation. A name
            stands for the rule with its default weights.

    Raises:
        UnknownNameError: no rule has this name.
        ConfigurationError: the rule has no default weights, or `rule` is something else.
    """
    if isinstance(rule, str):
        if rule not in LEARNING_RULES:
            raise UnknownNameError("learning rule", rule, LEARNING_RULES)
        kind = LEARNING_RULES[rule]
        return None if kind is None else kind()
    if rule is None or isinstance(rule, Alignment):
        return rule
    if inspect.isclass(rule) and issubclass(rule, Alignment):
        raise ConfigurationError(
            f"learning_rule is the class {rule.__name__}; give a rule of this class: "
            f"{rule.__name__}({', '.join(f'{name}=1.0' for name in rule.primitives)})"
        )
    raise ConfigurationError(
        f"learning_rule is {rule!r}; give a rule, its name, or None for backpropagation"
    )
