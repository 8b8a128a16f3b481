import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.rules import primitives
from alignment_core.rules.table import LEARNING_RULES
from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.definitions import find_definition
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.spaces.training import primitive_weights, training_config

RECIPE = {
    "dataset": "digits",
    "data_dir": None,
    "model": "resnet18",
    "width": 8,
    "stem": "small",
    "epochs": 30,
    "schedule_epochs": 45.0,
    "batch_divisor": 32,
    "seed": 7,
    "weights_order": "paper",
}


def test_the_papers_order_on_the_published_columns():
    weights = primitive_weights("weight_mirror", PUBLISHED["wm"], "paper")
    assert weights == pytest.approx({"amp": 15.6607 * 0.0283, "decay": 0.0283})
    weights = primitive_weights("information_alignment", PUBLISHED["ia"], "paper")
    assert weights == pytest.approx({"amp": 1032.7692877, "decay": 7.999, "null": 3.161e-6})


def test_the_reference_order_on_the_published_columns():
    weights = primitive_weights("weight_mirror", PUBLISHED["wm"], "reference")
    assert weights == pytest.approx({"amp": 0.0283, "decay": 2 * 15.6607 * 0.0283})
    weights = primitive_weights("information_alignment", PUBLISHED["ia"], "reference")
    assert weights == pytest.approx({"amp": 1032.7692877, "null": 15.998, "decay": 6.322e-6})


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("order", ["paper", "reference"])
def test_every_rule_gets_a_weight_for_each_of_its_primitives(name, order):
    rule = SPACES[name].learning_rule
    weights = primitive_weights(rule, PUBLISHED[name], order)
    assert weights.keys() == set(LEARNING_RULES[rule].primitives)


def _paper(greek, decay, amp, null):
    alpha, beta, gamma = greek
    return alpha * amp + beta * 0.5 * decay + gamma * 0.5 * null


def _reference_wm(greek, decay, amp, null):
    alpha, beta, _ = greek
    return alpha * decay + beta * amp


def _reference_ia(greek, decay, amp, null):
    alpha, beta, gamma = greek
    return alpha * amp + beta * null + gamma * decay


@pytest.mark.parametrize(
    ("rule", "order", "gamma", "published"),
    [
        ("weight_mirror", "paper", None, _paper),
        ("information_alignment", "paper", 0.3, _paper),
        ("weight_mirror", "reference", None, _reference_wm),
        ("information_alignment", "reference", 0.3, _reference_ia),
    ],
)
def test_each_order_gives_the_r_of_its_source(rule, order, gamma, published):
    """R from the weighted primitives against R written as its source does, in NumPy."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    forward = rng.normal(size=(5, 3))
    decay = (kernel**2).sum()
    amp = -np.mean([x_l @ kernel.T @ f for x_l, f in zip(x, forward, strict=True)])
    null = np.mean([np.sum((f @ kernel) ** 2) for f in forward])
    chosen = PUBLISHED["ia"].model_copy(
        update={"alpha_over_beta": 0.4, "beta": 1.7, "gamma": gamma}
    )
    expected = published((0.4 * 1.7, 1.7, gamma or 0.0), decay, amp, null)

    values = {
        "decay": primitives.decay(SimpleNamespace(backward_kernel=tf.constant(kernel))),
        "amp": primitives.amp(
            SimpleNamespace(correlation=np.sum(forward * (x @ kernel.T)), batch_size=5)
        ),
        "null": primitives.null(
            SimpleNamespace(forward_reconstruction=tf.constant(forward @ kernel), batch_size=5)
        ),
    }
    weights = primitive_weights(rule, chosen, order)
    total = sum(weight * float(values[name]) for name, weight in weights.items())
    assert total == pytest.approx(expected, rel=1e-6)


def test_gamma_must_fit_the_rule():
    with pytest.raises(ConfigurationError, match="weight_mirror has the weights alpha, beta, but"):
        primitive_weights("weight_mirror", PUBLISHED["ia"], "paper")
    with pytest.raises(ConfigurationError, match="information_alignment has the weights"):
        primitive_weights("information_alignment", PUBLISHED["wm"], "paper")


def test_unknown_orders_and_rules_are_refused():
    with pytest.raises(UnknownNameError, match="no weights order is named 'code'"):
        primitive_weights("weight_mirror", PUBLISHED["wm"], "code")
    with pytest.raises(UnknownNameError, match="no searched learning rule is named"):
        primitive_weights("feedback_alignment", PUBLISHED["wm"], "paper")


def test_a_configuration_becomes_its_training():
    made = training_config(get_space("ia"), PUBLISHED["ia"], **RECIPE)
    assert (made.dataset, made.width, made.stem, made.epochs) == ("digits", 8, "small", 30)
    assert made.time_scale == pytest.approx(2 / 3)
    assert made.learning_rule == "information_alignment"
    assert made.noise_stddev == 0.8176
    assert (made.batch_size, made.learning_rate) == (8, 0.125)
    assert (made.alignment_optimizer, made.alignment_learning_rate) == ("adam", 0.0098)
    assert (made.alternating, made.delay_epochs, made.seed) == (True, 1, 7)
    for name in PUBLISHED["ia"].model_fields_set:
        if name[:3] in {"fo_", "bo_", "bi_"}:
            assert getattr(made.operations, name) == getattr(PUBLISHED["ia"], name)


def test_weight_mirror_trains_by_vanilla_gradient_descent():
    made = training_config(get_space("wm"), PUBLISHED["wm"], **RECIPE)
    assert (made.alignment_optimizer, made.alignment_learning_rate) == ("vanilla_gd", 1.0)
    assert (made.batch_size, made.learning_rate, made.delay_epochs) == (64, 1.0, 2)


@pytest.mark.parametrize(("divisor", "size"), [(1, 256), (16, 16), (100, 2), (1000, 1)])
def test_the_batch_is_divided_and_the_learning_rate_isnt(divisor, size):
    made = training_config(
        get_space("ia"), PUBLISHED["ia"], **(RECIPE | {"batch_divisor": divisor})
    )
    assert (made.batch_size, made.learning_rate) == (size, 0.125)


def test_a_batch_cant_be_divided_by_nothing():
    with pytest.raises(ConfigurationError, match="batch divisor must be at least 1, not 0"):
        training_config(get_space("ia"), PUBLISHED["ia"], **(RECIPE | {"batch_divisor": 0}))


def test_spaces_and_export_dont_import_tensorflow():
    modules = ", ".join(
        f"alignsearch.{name}"
        for name in (
            "spaces.describe",
            "spaces.hyperopt_space",
            "spaces.training",
            "search.reports.export",
        )
    )
    code = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_weight_mirror_advises_against_the_papers_order():
    advice = find_definition("wm").advice
    assert "--weights-order reference" in advice(SimpleNamespace(weights_order="paper"))
    assert advice(SimpleNamespace(weights_order="reference")) == ""
    assert find_definition("ia").advice is None
