"""The presets against the appendix, and what symmetric and activation alignment's lead to."""

import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import tensorflow as tf
from shipped import shipped_rules

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.dense import Dense
from alignment_core.optimizers.rate_scheduler import rate
from alignment_core.rules.layer_call import LayerCall
from alignment_core.rules.table import LEARNING_RULES
from alignsearch.spaces.presets import RULES, check_names, preset_config

# The columns of Table 5 as they are printed; alpha = (alpha / beta) beta.
TABLE5 = {
    "wm": ("weight_mirror", 2048, 1.0, "vanilla_gd", 1.0, 0.6905, 2.0, 15.6607 * 0.0283, 0.0283),
    "wm_ad": ("weight_mirror", 256, 0.125, "adam", 0.0053, 0.95, 0, 13.904 * 2.8109e-8, 2.8109e-8),
    "wm_ad_ops": (
        *("weight_mirror", 256, 0.125, "adam", 0.0025, 0.6402, 0),
        *(0.1344 * 232.7856, 232.7856),
    ),
    "ia": (
        *("information_alignment", 256, 0.125, "adam", 0.0098, 0.8176, 1),
        *(129.1123 * 7.999, 7.999),
    ),
}


@pytest.mark.parametrize("rule", TABLE5)
def test_table5_is_the_rules_column(rule):
    learning_rule, batch, rate, optimizer, eta, sigma, delay, alpha, beta = TABLE5[rule]
    config = preset_config(rule, "table5", dataset="imagenet", weights_order="paper")
    assert config.learning_rule == learning_rule
    assert (config.batch_size, config.learning_rate) == (batch, rate)
    assert config.alignment_optimizer == optimizer
    assert (config.alignment_learning_rate, config.noise_stddev) == (eta, sigma)
    assert config.delay_epochs == delay
    assert config.alternating
    assert config.weights["amp"] == pytest.approx(alpha)
    assert config.weights["decay"] == pytest.approx(beta)
    assert config.weights.get("null") == (3.161e-6 if rule == "ia" else None)
    assert (config.warmup_epochs, config.drop_epochs) == (6, (30, 60, 80))
    assert config.epochs == config.schedule_epochs == 100
    assert config.momentum == 0.9
    assert config.weight_decay == 1e-4


@pytest.mark.parametrize("rule", ["bp", "fa", "sa", "aa", "kp", "kp_angle"])
def test_b2_is_what_the_appendix_prints(rule):
    config = preset_config(rule, "b2", dataset="imagenet")
    assert (config.batch_size, config.learning_rate, config.momentum) == (256, 0.1, 0.9)
    assert (config.warmup_epochs, config.drop_epochs) == (5, (30, 60, 80))
    assert config.epochs == config.schedule_epochs == 90
    assert config.noise_stddev is None
    assert not config.alternating
    biased = {name for name, on in asdict(config.operations).items() if on}
    assert biased == ({"fo_bias", "bo_bias"} if rule in ("sa", "aa") else set())
    if rule in ("sa", "aa"):
        assert (config.alignment_optimizer, config.alignment_learning_rate) == ("adam", 0.001)


class TestFixedPoint:
    """Plain descent on R from far away, on a real layer."""

    def settle(self, rule, rate):
        config = preset_config(rule, dataset="digits")
        learning_rule = LEARNING_RULES[config.learning_rule](config.weights, config.operations)
        layer = Dense(3, learning_rule=learning_rule)
        layer.build((None, 4))
        rng = np.random.default_rng(0)
        layer.kernel.assign(rng.normal(size=(4, 3)))
        layer.bias.assign(rng.normal(size=3))
        layer.backward_kernel.assign(rng.normal(size=(3, 4)))
        x = tf.constant(rng.normal(size=(64, 4)), tf.float32)

        @tf.function
        def descend():
            for _ in tf.range(400):
                with tf.GradientTape() as tape:
                    tape.watch(layer.backward_kernel.value)
                    loss = layer.alignment_loss(LayerCall(layer, x))
                gradient = tape.gradient(loss, layer.backward_kernel.value)
                layer.backward_kernel.value.assign_sub(rate * gradient)

        descend()
        return layer.kernel.numpy().T, layer.backward_kernel.numpy(), x.numpy(), layer.bias.numpy()

    def test_symmetric_alignment_comes_to_the_transposed_kernel(self):
        forward, backward, _, _ = self.settle("sa", 100.0)
        np.testing.assert_allclose(backward, forward, atol=1e-5)

    def test_activation_alignment_comes_to_it_but_for_what_biases_change(self):
        """min_B of -tr x^T B (W x + b) + 1/2 |x^T B + b|^2 solves xx^T B^T = xx^T W: W^T itself.

        The bias is on both paths, so it cancels.
        """
        forward, backward, _, _ = self.settle("aa", 100.0)
        np.testing.assert_allclose(backward, forward, atol=1e-4)


def test_kolen_pollack_decays_both_kernels_alike():
    for rule in ("kp", "kp_angle"):
        assert preset_config(rule, dataset="digits").weights["decay"] == 1e-4
        config = preset_config(rule, dataset="digits", weight_decay=0.002)
        assert config.weights["decay"] == config.weight_decay == 0.002
    config = preset_config("kp_angle", dataset="digits")
    assert config.weights["angle"] == 1.0
    assert config.alignment_optimizer == "nesterov_momentum"
    assert config.alignment_schedule() == replace(config.schedule(), delayed="full")


def test_a_small_data_set_gets_smaller_batches_and_its_own_width():
    config = preset_config("ia", dataset="digits", epochs=45)
    assert (config.batch_size, config.learning_rate) == (8, 0.125)
    assert (config.model, config.width, config.stem) == ("resnet18", 16, "small")
    assert (config.epochs, config.schedule_epochs) == (45, 100)
    assert preset_config("sa", dataset="digits").batch_size == 8
    assert preset_config("wm", dataset="fashion_mnist").batch_size == 128
    assert preset_config("bp", dataset="digits", model="dense").width == 512
    assert preset_config("bp", dataset="digits", model="dense", width=7).width == 7
    assert preset_config("bp", dataset="digits", batch_size=100).batch_size == 100
    assert preset_config("bp", dataset="imagenet").stem == "imagenet"


def test_the_published_codes_order_gives_other_weights():
    """Its decay and null carry no halves: theirs are doubled."""
    weights = preset_config("ia", dataset="digits", weights_order="reference").weights
    assert weights == pytest.approx(
        {"amp": 129.1123 * 7.999, "null": 2 * 7.999, "decay": 2 * 3.161e-6}
    )


def test_only_wms_column_is_in_the_published_codes_order_by_itself():
    for rule in TABLE5:
        own = preset_config(rule, dataset="digits").weights
        other = "reference" if rule == "wm" else "paper"
        assert own == preset_config(rule, dataset="digits", weights_order=other).weights
    weights = preset_config("wm", dataset="digits").weights
    assert weights == pytest.approx({"decay": 2 * 15.6607 * 0.0283, "amp": 0.0283})


@pytest.mark.parametrize("rule", ["bp", "fa", "usf", "brsf", "frsf", "dfa", "brsf_drawn"])
def test_biotorchs_recipe_is_as_it_prints_it(rule):
    config = preset_config(rule, "biotorch", dataset="fashion_mnist_32", model="lenet")
    assert config.learning_rule == RULES[rule][0]
    assert (config.model, config.width, config.batch_size) == ("lenet", 6, 64)
    assert (config.optimizer, config.momentum) == ("momentum", 0.9)
    assert (config.weight_decay, config.decays_biases) == (1e-3, True)
    assert (config.epochs, config.schedule_epochs) == (100, 100)
    rates = rate(config.schedule(), [0.0, 49.9, 50.0, 74.9, 75.0, 99.0]) / config.learning_rate
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.1, 0.01, 0.01])
    assert preset_config(rule, "biotorch", dataset="digits", weight_decay=0.2).weight_decay == 0.2


def test_rules_outside_of_biotorchs_table_have_no_such_preset():
    with pytest.raises(UnknownNameError, match="no preset of pfa is named 'biotorch'"):
        check_names("pfa", "biotorch", dataset="digits")


def test_product_feedback_decays_both_kernels_alike():
    config = preset_config("pfa", dataset="digits", weight_decay=0.002)
    assert config.weights == {"decay": 0.002}
    assert config.weight_decay == 0.002


def test_a_schedule_can_be_run_through_in_part():
    whole = preset_config("bp", dataset="digits", epochs=45)
    part = preset_config("bp", dataset="digits", epochs=45, schedule_epochs=45)
    assert whole.schedule().drop_epochs == (15, 30, 40)
    assert part.schedule().drop_epochs == (30, 60, 80)


def test_every_learning_rule_has_a_short_name():
    assert {learning_rule for learning_rule, _ in RULES.values()} == shipped_rules()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "iaa"}, r"no rule is named 'iaa'; did you mean ia"),
        ({"preset": "tabel5"}, r"no preset of ia is named 'tabel5'; did you mean table5"),
        ({"rule": "sa", "preset": "table5"}, r"no preset of sa is named 'table5'; known: b2"),
        ({"dataset": "digit"}, r"no data set is named 'digit'; did you mean digits"),
        ({"model": "resnet51"}, r"no model is named 'resnet51'; did you mean resnet"),
        ({"weights_order": "papper"}, r"no weights order is named 'papper'; did you mean paper"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(change, message):
    with pytest.raises(UnknownNameError, match=message):
        preset_config(**{"rule": "ia", "dataset": "digits", **change})


def test_b2_has_one_order_of_weights():
    with pytest.raises(ConfigurationError, match="leave the weights order out"):
        preset_config("sa", dataset="digits", weights_order="paper")


def test_a_rule_alone_names_its_preset():
    assert check_names("sa", None, dataset="digits") == "b2"
    assert check_names("ia", None, dataset="digits") == "table5"


def test_names_are_checked_without_tensorflow():
    code = (
        "import sys\n"
        "from alignsearch.spaces.presets import preset_config\n"
        "for change in ({'rule': 'x'}, {'preset': 'x'}, {'dataset': 'x'}, {'model': 'x'}):\n"
        "    try: preset_config(**{'rule': 'ia', 'dataset': 'digits', **change})\n"
        "    except LookupError: pass\n"
        "    else: sys.exit('accepted')\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
