"""The trainings that `symmetry` and `weight-metrics` share: the same runs are one search for both.

Both experiments are on App. C of Kunin et al. 2020: how backward weights become those of the
forward path, or don't.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from alignment_core.errors import ConfigurationError
from alignsearch.experiments.options import Scale
from alignsearch.experiments.place import Place
from alignsearch.experiments.run_statistics import Outcome
from alignsearch.experiments.setting import Setting
from alignsearch.experiments.training import TrainingExperiment
from alignsearch.search.documents import Epoch, WeightSampling

SEARCH = "weights"
"""First part of the search's name, in place of either experiment's own name."""

PAPER_ORDER, REFERENCE = "paper", "reference"
MIRROR, REFERENCE_MIRROR = "wm", "WM ref."
PAIRS = 500
"""Weights of a layer that Fig. S3 shows: enough for a panel, and few enough that a page of 20
panels stays small."""

PANELS = 4
"""Epochs of each rule that Fig. S3 shows, evenly from the first to the last."""

PAPER = (
    "ResNet-18 on ImageNet, as in Tables 3 and 4 (App. C): SA and AA for 90 epochs (App. B.2), WM "
    "and IA for 100 with Table 5's metaparameters."
)
RULES = ("sa", "aa", MIRROR, "ia")


@dataclass(frozen=True)
class Course:
    """The trainings of one rule, one for each seed.

    Attributes:
        rule: the rule's short name.
        label: its name in figures.
        outcomes: result of each training.
        epochs: measurements of each training, epoch by epoch.
        drops: epochs at which the learning rates drop.
    """

    rule: str
    label: str
    outcomes: Sequence[Outcome]
    epochs: Sequence[Sequence[Epoch]]
    drops: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class WeightsExperiment(TrainingExperiment):
    """An experiment on forward and backward weights during training."""

    SCALES: ClassVar[Mapping[Scale, Setting]] = {
        "minutes": Setting(
            rules=RULES, models=("resnet18",), dataset="digits", width=8, epochs=8, seeds=(0,)
        ),
        "hours": Setting(
            rules=RULES,
            models=("resnet18",),
            dataset="digits",
            width=16,
            epochs=45,
            seeds=(0, 1, 2),
        ),
        "paper": Setting(rules=RULES, models=("resnet18",), dataset="imagenet", seeds=(0,)),
    }

    def check(self) -> None:
        """Refuse backpropagation, which has no backward weights, and several networks, too."""
        setting = self.setting()
        if "bp" in setting.rules:
            raise ConfigurationError(
                "backpropagation has no backward weights to compare: leave bp out of --rules"
            )
        setting.check_one_model("weights are those of")
        setting.check()

    @property
    def imports_tensorflow(self) -> bool:
        """True: the network is built to list its layers."""
        return True


def layers_of(setting: Setting) -> list[str]:
    """Names of the layers under a learning rule, from first to last. Imports TensorFlow."""
    from alignment_core import data
    from alignment_core.layers.aligned import aligned_layers
    from alignment_core.models import get_model
    from alignment_core.rules.feedback_alignment import FeedbackAlignment

    run = setting.run(setting.rules[0], setting.models[0], 0)
    facts = data.info(setting.dataset)
    model = get_model(run.model)(
        facts.image_shape,
        facts.num_classes,
        width=run.width,
        stem=facts.stem,
        learning_rule=FeedbackAlignment({}),
    )
    return [layer.name for layer in aligned_layers(model)]


def third(layers: Sequence[str]) -> str:
    """The third layer, or the last one of fewer."""
    return layers[min(2, len(layers) - 1)]


def sampled_epochs(setting: Setting, at: Sequence[int] | None = None) -> tuple[int, ...]:
    """The epochs `at`, or without them four from the first to the last.

    Raises:
        ConfigurationError: the trainings have fewer epochs.
    """
    last = min(
        setting.run(rule, setting.models[0], setting.seeds[0]).epochs for rule in setting.rules
    )
    if at is not None and max(at) > last:
        raise ConfigurationError(
            f"--at: there is no epoch {max(at)}, the trainings have {last}; raise --epochs"
        )
    evenly = {max(1, round(last * share / (PANELS - 1))) for share in range(PANELS)}
    return tuple(sorted(at or evenly))


def sampling(layer: str, epochs: tuple[int, ...]) -> WeightSampling:
    """Which weights each training stores with its epochs: those of one layer."""
    return WeightSampling(layers=(layer,), epochs=epochs, pairs=PAIRS)


def train_rules(
    setting: Setting, place: Place, samples: WeightSampling
) -> tuple[list[Course], str]:
    """Train every rule, once a seed; returns the courses, and the report's sentence on them.

    Weight Mirror is trained in both orders of Table 5's Greek letters, unless the setting has one:
    the order decides whether its weights explode (docs/fidelity.md).
    """
    variants = []
    for rule in setting.rules:
        label = rule.upper().replace("_", "+")
        if rule == MIRROR and setting.weights_order is None:
            variants.append((rule, replace(setting, weights_order=PAPER_ORDER), label))
            variants.append((rule, replace(setting, weights_order=REFERENCE), REFERENCE_MIRROR))
        else:
            variants.append((rule, setting, label))
    runs = [
        each.run(rule, setting.models[0], seed, label=label)
        for rule, each, label in variants
        for seed in setting.seeds
    ]
    trained = place.train(SEARCH, setting, runs, samples)
    found = iter(trained.outcomes)
    courses = []
    for rule, _, label in variants:
        outcomes = [next(found) for _ in setting.seeds]
        epochs = [trained.epochs[each.trial] for each in outcomes]
        courses.append(Course(rule, label, outcomes, epochs, _drops(setting, outcomes[0])))
    line = trained.line()
    if any(label == REFERENCE_MIRROR for _, _, label in variants):
        line += (
            f" WM reads Table 5's letters as the paper's text has them, {REFERENCE_MIRROR} as the "
            "published code has them (--weights-order)."
        )
    return courses, line


def _drops(setting: Setting, outcome: Outcome) -> list[float]:
    """Epochs of a training at which its learning rates drop; its delay counts as epochs."""
    config = outcome.run.training_config(dataset=setting.dataset)
    schedule = config.schedule()
    drops = [drop + schedule.delay_epochs for drop in schedule.drop_epochs]
    return [drop for drop in drops if drop < config.epochs]
