"""The table of learning rules by name."""

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
