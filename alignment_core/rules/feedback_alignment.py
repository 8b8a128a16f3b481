"""Feedback alignment (Lillicrap et al. 2016): backward kernels that never learn."""

from alignment_core.rules.alignment import Alignment


class FeedbackAlignment(Alignment):
    """Feedback alignment: fixed random backward kernels, R is 0.

    It has no primitives, so it takes no weights:

        >>> FeedbackAlignment().needs_activations
        False

    Source: Lillicrap et al. 2016; Kunin et al. 2020, App. A.2.
    """
