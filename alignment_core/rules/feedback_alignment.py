"""Feedback alignment (Lillicrap et al. 2016): backward kernels that never learn."""

import keras

from alignment_core.rules.alignment import Alignment


@keras.saving.register_keras_serializable("alignment_core")
class FeedbackAlignment(Alignment):
    """Feedback alignment: fixed random backward kernels, R is 0.

    It has no primitives, so it takes no weights:

        >>> FeedbackAlignment({}).needs_activations
        False

    Source: Lillicrap et al. 2016; Kunin et al. 2020, App. A.2.
    """
