"""What `symmetry` and `weight-metrics` have trained: the same runs, so that one search has both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alignment_core.errors import ConfigurationError
from alignsearch.cli.tensorflow_import import import_tensorflow
from alignsearch.experiments.runs import Outcome
from alignsearch.experiments.training_options import Scale, Setting
from alignsearch.experiments.training_place import Train
from alignsearch.search.documents import Epoch, WeightSampling

SEARCH = "weights"
REFERENCE = "reference"
MIRROR, REFERENCE_MIRROR = "wm", "WM ref."
PAIRS = 500
"""Of the weights that Fig. S3 shows: enough for a panel, few enough for a page of them."""
PANELS = 4

PAPER = (
    "ResNet-18 on ImageNet, as in Tables 3 and 4 (App. C): SA and AA for 90 epochs (App. B.2), WM "
    "and IA for 100 with Table 5's metaparameters."
)
RULES = ("sa", "aa", MIRROR, "ia")

SCALES: dict[Scale, Setting] = {
    "minutes": Setting(
        rules=RULES, models=("resnet18",), dataset="digits", width=8, epochs=8, seeds=(0,)
    ),
    "hours": Setting(
        rules=RULES, models=("resnet18",), dataset="digits", width=16, epochs=45, seeds=(0, 1, 2)
    ),
    "paper": Setting(rules=RULES, models=("resnet18",), dataset="imagenet", seeds=(0,)),
}


@dataclass(frozen=True)
class Curves:
    """The trainings of one rule, a seed each, with what their epochs measured.

    rule: its short name. label: what figures call it. drops: of the learning rates, in epochs.
    """

    rule: str
    label: str
    outcomes: Sequence[Outcome]
    epochs: Sequence[Sequence[Epoch]]
    drops: Sequence[float]


def check(setting: Setting) -> None:
    """Raise ConfigurationError if these are no weights to compare."""
    if "bp" in setting.rules:
        raise ConfigurationError(
            "backpropagation has no backward weights to compare: leave bp out of --rules"
        )
    if len(setting.models) > 1:
        raise ConfigurationError(
            f"weights are those of one network, not {len(setting.models)}: name one with --model"
        )


def layers_of(setting: Setting) -> list[str]:
    """The layers under a learning rule, from first to last. Imports TensorFlow."""
    import_tensorflow()
    from alignment_core import data
    from alignment_core.layers.aligned import aligned_layers
    from alignment_core.models import get_model
    from alignment_core.rules.alignment import FeedbackAlignment

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
    """The third of them, or the last of fewer."""
    return layers[min(2, len(layers) - 1)]


def sampling(setting: Setting, layer: str, at: Sequence[int] | None = None) -> WeightSampling:
    """The layer's weights after epochs `at`; four evenly from the first to the last without."""
    last = min(
        setting.run(rule, setting.models[0], setting.seeds[0]).epochs for rule in setting.rules
    )
    evenly = {max(1, round(last * share / (PANELS - 1))) for share in range(PANELS)}
    if at is not None and max(at) > last:
        raise ConfigurationError(
            f"--at: there is no epoch {max(at)}, the trainings have {last}; raise --epochs"
        )
    return WeightSampling(layers=(layer,), epochs=tuple(sorted(at or evenly)), pairs=PAIRS)


def train_rules(
    setting: Setting, train: Train, samples: WeightSampling
) -> tuple[list[Curves], str]:
    """Train every rule, once a seed; and what the report says of the search.

    Weight Mirror in both orders of Table 5's letters, unless one is asked for: it is the rule of
    which they decide whether weights explode (README.md).
    """
    variants = []
    for rule in setting.rules:
        variants.append((rule, setting, rule.upper().replace("_", "+")))
        if rule == MIRROR and setting.weights_order is None:
            other = replace(setting, weights_order=REFERENCE)
            variants.append((rule, other, REFERENCE_MIRROR))
    runs = [
        each.run(rule, setting.models[0], seed, label=label)
        for rule, each, label in variants
        for seed in setting.seeds
    ]
    trained = train(SEARCH, setting, runs, samples)
    import_tensorflow()
    found = iter(trained.outcomes)
    curves = []
    for rule, _, label in variants:
        outcomes = [next(found) for _ in setting.seeds]
        config = outcomes[0].run.training_config(dataset=setting.dataset)
        schedule = config.schedule()
        curves.append(
            Curves(
                rule,
                label,
                outcomes,
                [trained.epochs[each.trial] for each in outcomes],
                [
                    drop + schedule.delay_epochs
                    for drop in schedule.drop_epochs
                    if drop + schedule.delay_epochs < config.epochs
                ],
            )
        )
    line = trained.line()
    if any(label == REFERENCE_MIRROR for _, _, label in variants):
        line += (
            f" WM reads Table 5's letters as the paper's text has them, {REFERENCE_MIRROR} as the "
            "published code has them (--weights-order)."
        )
    return curves, line
