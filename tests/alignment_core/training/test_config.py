"""Training configurations that can't be trained are refused with a reason."""

from dataclasses import replace

import pytest
from digits_trainings import MIRROR

from alignment_core.errors import ConfigurationError, UnknownNameError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 1438}, "1,437"),
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"minibatches": 3}, "3 equal parts"),
        (
            {"delay_epochs": 1.0, "learning_rule": "feedback_alignment", "weights": {}},
            "no alignment loss",
        ),
        ({"delay_epochs": 4.0}, "delay"),
        ({"weights": {"amp": 1.0}}, "amp, decay"),
        ({"weights": {"amp": 1.0, "decay": float("inf")}}, "decay"),
        ({"noise_stddev": 0.0}, "noise_stddev"),
        ({"update_noise_variance": -1.0}, "update_noise_variance"),
        (
            {
                "alignment_update_noise_variance": 0.1,
                "learning_rule": "kolen_pollack",
                "weights": {"decay": 0.1},
            },
            "no optimizer of its own",
        ),
        (
            {"learning_rule": "kolen_pollack_angle", "weights": {"angle": 1.0, "decay": 0.1}},
            "alternating to False",
        ),
        ({"learning_rule": "backpropagation"}, "no weights"),
    ],
)
def test_contradictions_are_refused_before_a_network_is_built(change, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(MIRROR, **change)


def test_unknown_names_are_refused():
    for field in ("dataset", "model", "learning_rule", "alignment_optimizer"):
        with pytest.raises(UnknownNameError):
            replace(MIRROR, **{field: "nothing"})
