"""Scales of experiments that train: `paper` is the paper's own setting, and reports name both."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alignment_core import data
from alignment_core.analysis.trained import LARGEST_BYTES
from alignment_core.models import get_model
from alignsearch.experiments import importance, noise, weights
from alignsearch.experiments.kolen_pollack import KolenPollack
from alignsearch.experiments.neural_fit import IMAGES, NETWORKS, READ_OUT
from alignsearch.experiments.noise import Noise
from alignsearch.experiments.reproduce import parts
from alignsearch.experiments.symmetry import Symmetry
from alignsearch.experiments.transfer import Transfer
from alignsearch.experiments.weight_metrics import WeightMetrics
from alignsearch.spaces.presets import B3

WHOLE = ("resnet18", "resnet50", "resnet50v2", "resnet101v2", "resnet152v2")
PAPER = {
    "transfer": (Transfer.SCALES, {"bp", "sa", "aa", "wm", "wm_ad_ops", "ia"}, WHOLE),
    "kolen-pollack": (KolenPollack.SCALES, {"bp", "kp", "sa", "aa", "ia"}, WHOLE),
    "noise": (Noise.SCALES, {"bp", "sa", "aa", "kp"}, WHOLE[:1]),
    "symmetry": (Symmetry.SCALES, {"sa", "aa", "wm", "ia"}, WHOLE[:1]),
}
"""Each experiment's scales; rules and networks of its figure or table."""


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_own_setting_is_the_default_of_its_scale(name):
    """Networks of width 64 on ImageNet, batches and epochs of App. B.2 and Table 5."""
    scales, rules, models = PAPER[name]
    setting = scales["paper"]
    assert set(setting.rules) >= rules
    assert setting.models == models
    if name == "noise":
        assert len(setting.seeds) == 10
    for rule in setting.rules:
        preset = B3 if name == "noise" else None
        config = setting.run(rule, "resnet18", 0, preset=preset).training_config(dataset="imagenet")
        table5 = rule in {"wm", "wm_ad", "wm_ad_ops", "ia"}
        assert (config.width, config.epochs) == (64, 100 if table5 else 90)
        assert config.batch_size == (2048 if rule == "wm" else 256)
        drops = (30, 60) if name == "noise" else (30, 60, 80)
        assert tuple(config.schedule().drop_epochs) == pytest.approx(drops), rule


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize("scale", ["minutes", "hours"])
def test_a_report_says_what_the_papers_setting_is_and_what_is_trained(name, scale):
    scales, _, _ = PAPER[name]
    setting = scales[scale]
    asked = replace(setting, scale=scale)
    paper, here = asked.lines("ImageNet.")
    assert paper == "The paper's setting: ImageNet."
    assert here.startswith(f"Here (--scale {scale}): {', '.join(setting.models)} of width")
    assert f"on digits, {setting.epochs} epochs, {len(setting.seeds)} seed" in here
    assert f"({', '.join(map(str, setting.seeds))})" in here
    assert "compressed in proportion to these epochs" in here


def test_every_experiment_that_trains_names_the_papers_setting():
    stated = (*(Transfer.PAPER, KolenPollack.PAPER, noise.PAPER, importance.PAPER, weights.PAPER),)
    assert all("ImageNet" in each for each in stated)
    assert Symmetry.SCALES is WeightMetrics.SCALES


@pytest.mark.parametrize("scale", NETWORKS)
def test_reproduce_asks_for_all_at_its_scale_and_fits_layers_that_are_there(scale, tmp_path):
    asked = {part.entry.name: part.reproduction.options for part in parts(scale, tmp_path, None)}
    assert len(asked) == 11
    alike = ("transfer", "noise", "importance", "symmetry", "weight-metrics", "kolen-pollack")
    for name in (*alike, "rules"):
        assert asked[name][:2] == ("--scale", scale)
    given = dict(zip(NETWORKS[scale][::2], NETWORKS[scale][1::2], strict=True))
    facts = data.info(given["--dataset"])
    network = get_model("resnet18")(
        facts.image_shape,
        facts.num_classes,
        width=int(given.get("--width", facts.default_width)),
        stem=facts.stem,
    )
    fit = asked["neural-fit"]
    layers = fit[fit.index("--layers") + 1].split(",")
    assert READ_OUT in layers
    for layer in layers:
        features = int(np.prod(network.get_layer(layer).output.shape[1:]))
        assert 4 * features * IMAGES <= LARGEST_BYTES, layer


def test_reproduce_passes_the_images_folder_on():
    for part in parts("paper", Path("r"), "/images"):
        if part.entry.needs != "nothing":
            assert part.reproduction.options == ("--scale", "paper", "--data-dir", "/images")
        elif part.reproduction.first:
            assert part.reproduction.first[-4:-2] == ("--data-dir", "/images")
