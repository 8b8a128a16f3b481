"""Presets: published metaparameters of each rule.

They are those of Kunin et al. 2020, App. B.2, B.3 and Table 5, and BioTorch's.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignment_core import data
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.model_names import OWN_WIDTHS, check_model
from alignsearch.spaces.biotorch import (
    BIOTORCH,
    BIOTORCH_EPOCHS,
    BIOTORCH_RULES,
    biotorch_config,
)
from alignsearch.spaces.biotorch import WEIGHT_DECAY as BIOTORCH_WEIGHT_DECAY
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.spaces.training import WEIGHTS_ORDERS, training_config

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig

B2, B3, TABLE5 = "b2", "b3", "table5"

EPOCHS = {B2: 90, B3: 90, TABLE5: 100, BIOTORCH: BIOTORCH_EPOCHS}
"""Epochs of a whole training (Kunin et al. 2020, App. B.2, He et al. 2016; App. B.1.2)."""

RULES = {
    "bp": ("backpropagation", B2),
    "fa": ("feedback_alignment", B2),
    "sa": ("symmetric_alignment", B2),
    "aa": ("activation_alignment", B2),
    "kp": ("kolen_pollack", B2),
    "kp_angle": ("kolen_pollack_angle", B2),
    "wm": ("weight_mirror", TABLE5),
    "wm_ad": ("weight_mirror", TABLE5),
    "wm_ad_ops": ("weight_mirror", TABLE5),
    "ia": ("information_alignment", TABLE5),
    "dfa": ("direct_feedback_alignment", B2),
    "usf": ("uniform_sign_feedback", B2),
    "brsf": ("batchwise_random_sign_feedback", B2),
    "brsf_drawn": ("batchwise_random_feedback", B2),
    "frsf": ("fixed_random_sign_feedback", B2),
    "pfa": ("product_feedback_alignment", B2),
}
"""Each rule's learning rule and published preset, by the rule's short name in the field."""

NOISY_RULES = ("bp", "sa", "aa", "kp")
"""The rules that App. B.3 trains with noisy updates, and that have the preset b3 as well."""

B3_DROP_EPOCHS = (30.0, 60.0)

OWN_ORDERS = {"wm": "reference"}
"""The weights order of a column of Table 5 that one order alone can be trained in.

WM's column diverges within three steps in the paper's order: its backward kernels' fixed point is
thousands of times larger than the forward kernels (docs/fidelity.md)."""

_B2_BATCH = 256
_B2_RATE = 0.1
_B2_WARMUP_EPOCHS = 5.0
_B2_ALIGNMENT_RATE = 1e-3


@dataclass(frozen=True)
class _B2Rule:
    """One rule's own part of App. B.2's preset.

    Attributes:
        weights: weights of the rule's primitives.
        biases: whether biases are used on the forward and the backward path.
        decays_alike: whether backward kernels decay as forward kernels do. Without that,
            Kolen-Pollack's two kernels don't become equal (App. D.3).
        alignment_optimizer: the optimizer of R.
        alignment_learning_rate: the learning rate of that optimizer.
    """

    weights: dict[str, float] = field(default_factory=dict)
    biases: bool = False
    decays_alike: bool = False
    alignment_optimizer: str = "adam"
    alignment_learning_rate: float = _B2_ALIGNMENT_RATE


# The paper prints alpha = 1e-3 and beta = 2e-3 for both rules, and doesn't say which primitive each
# weighs. In the published code alpha weighs decay (or sparse) and beta weighs self (or amp). That
# code's decay and sparse are |B|^2 and |x^T B|^2, twice ours, so all four weights are 2e-3 here.
# R's gradient is then 2e-3 (B - W^T), or 2e-3 x x^T (B - W^T), and B goes to W^T, as Fig. S4 shows.
# If alpha weighed self or amp, B would go to W^T / 2, or to W^T / 4 without the halves.
_ALPHA, _BETA = 1e-3, 2e-3
_B2_RULES = {
    "bp": _B2Rule(),
    "fa": _B2Rule(),
    "sa": _B2Rule({"self": _BETA, "decay": 2 * _ALPHA}, biases=True),
    "aa": _B2Rule({"amp": _BETA, "sparse": 2 * _ALPHA}, biases=True),
    "kp": _B2Rule(decays_alike=True),
    "kp_angle": _B2Rule(
        {"angle": 1.0},
        decays_alike=True,
        alignment_optimizer="nesterov_momentum",
        alignment_learning_rate=_B2_RATE,
    ),
    "dfa": _B2Rule(),
    "usf": _B2Rule(),
    "brsf": _B2Rule(),
    "brsf_drawn": _B2Rule(),
    "frsf": _B2Rule(),
    "pfa": _B2Rule(decays_alike=True),
}


def check_names(
    rule: str,
    preset: str | None,
    *,
    dataset: str,
    model: str = "resnet18",
    weights_order: str | None = None,
) -> str:
    """Check the names that a preset's training is asked for by, and return the preset's name.

    Args:
        rule: a key of `RULES`.
        preset: b2, b3, table5 or biotorch, if the rule has it; None for the rule's own.
        dataset: a data set of `alignment_core.data`.
        model: a network of `alignment_core.model_names`.
        weights_order: a key of `WEIGHTS_ORDERS`, for table5 only; None for its default.

    Raises:
        UnknownNameError: there is no such rule, preset, data set, model or weights order.
        ConfigurationError: a weights order is given for a rule that has only one.
    """
    if rule not in RULES:
        raise UnknownNameError("rule", rule, RULES)
    own = RULES[rule][1]
    published = [
        own,
        *([B3] if rule in NOISY_RULES else []),
        *([BIOTORCH] if rule in BIOTORCH_RULES else []),
    ]
    if preset not in (None, *published):
        raise UnknownNameError(f"preset of {rule}", str(preset), published)
    data.info(dataset)
    check_model(model)
    if weights_order is not None and weights_order not in WEIGHTS_ORDERS:
        raise UnknownNameError("weights order", weights_order, WEIGHTS_ORDERS)
    if own == B2 and weights_order is not None:
        raise ConfigurationError(
            f"{rule}'s weights have one order only: leave the weights order out"
        )
    return preset or own


def preset_config(
    rule: str,
    preset: str | None = None,
    *,
    dataset: str,
    data_dir: Path | str | None = None,
    model: str = "resnet18",
    width: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    weights_order: str | None = None,
    weight_decay: float | None = None,
    update_noise_variance: float = 0.0,
    alignment_update_noise_variance: float = 0.0,
    minibatches: int = 1,
    schedule_epochs: float | None = None,
    seed: int = 0,
    jit_compile: bool = False,
    **settings: Any,
) -> "TrainingConfig":
    """Return the training under a rule with its published metaparameters.

    The presets:

    - b2 (App. B.2): Nesterov momentum 0.9 at rate 0.1 on J, Adam at rate 0.001 on R, batches of
      256, and both losses minimized simultaneously. Both rates are warmed up over 5 epochs and
      dropped at epochs 30, 60 and 80 of 90 (App. B.3 says that R's rate drops too). Symmetric and
      activation alignment use biases on both paths and no ReLU. Backpropagation, feedback alignment
      and Kolen-Pollack have the parts that apply to them; Kolen-Pollack's backward kernels decay
      with `weight_decay`.
    - b3 (App. B.3): as b2, without the drop at epoch 80. The paper doesn't print its number of
      epochs.
    - table5: the rule's column of Table 5, 100 epochs.
    - biotorch: BioTorch's recipe for LeNet on Fashion-MNIST (`alignsearch.spaces.biotorch`).

    Rules that App. B.2 doesn't have, such as direct feedback alignment, have the parts of b2 that
    apply to them.

    Args:
        rule: a key of `RULES`.
        preset: b2, b3, table5 or biotorch, if the rule has it; None for the rule's own.
        width: channels of the network's first stage, or units of a plain network's layers; None
            for the network's or the data set's usual number.
        epochs: epochs to train; None for the preset's own. The schedule is compressed to fit.
        batch_size: images in a batch; None for |B| // batch_divisor of the data set. Learning
            rates stay the published ones.
        weights_order: a key of `WEIGHTS_ORDERS`, for table5 only; None for the column's own, which
            is "paper" except for those in `OWN_ORDERS`. App. B.2's numbers have one order only,
            that of the published code (`alignsearch.spaces.training.primitive_weights`).
        weight_decay: None for the preset's own.
        schedule_epochs: epochs of the preset's schedule that the training runs through; None for
            all of them.
        dataset, data_dir, model, update_noise_variance, alignment_update_noise_variance,
            minibatches, image_size, preprocessing, on_corrupt, precision, seed, jit_compile: as in
            `alignment_core.training.config.TrainingConfig`.

    Raises:
        UnknownNameError: there is no such rule, preset, data set, model or weights order.
        ConfigurationError: a weights order is given for a rule that has only one, or a value can't
            be trained with.
    """
    preset = check_names(rule, preset, dataset=dataset, model=model, weights_order=weights_order)
    known = data.info(dataset)
    if width is None:
        width = OWN_WIDTHS.get(model, known.default_width)
    # TensorFlow takes seconds to import, and only a training needs it.
    from alignment_core.training.config import WEIGHT_DECAY

    if weight_decay is None:
        weight_decay = BIOTORCH_WEIGHT_DECAY if preset == BIOTORCH else WEIGHT_DECAY
    common: dict[str, Any] = {
        "dataset": dataset,
        "data_dir": data_dir,
        "model": model,
        "width": width,
        "stem": known.stem,
        "seed": seed,
        **settings,
        "epochs": EPOCHS[preset],
        "schedule_epochs": EPOCHS[preset] if schedule_epochs is None else schedule_epochs,
    }
    if preset == BIOTORCH:
        config = biotorch_config(RULES[rule][0], **common)
    elif preset != TABLE5:
        batch = _B2_BATCH // known.batch_divisor
        config = _b2_config(rule, batch_size=batch, weight_decay=weight_decay, **common)
        if preset == B3:
            config = replace(config, drop_epochs=B3_DROP_EPOCHS)
    else:
        config = training_config(
            get_space(rule),
            PUBLISHED[rule],
            batch_divisor=known.batch_divisor,
            weights_order=weights_order or OWN_ORDERS.get(rule, "paper"),
            **common,
        )
    return replace(
        config,
        epochs=config.epochs if epochs is None else epochs,
        batch_size=config.batch_size if batch_size is None else batch_size,
        weight_decay=weight_decay,
        update_noise_variance=update_noise_variance,
        alignment_update_noise_variance=alignment_update_noise_variance,
        minibatches=minibatches,
        jit_compile=jit_compile,
    )


def _b2_config(rule: str, *, weight_decay: float, **common: Any) -> "TrainingConfig":
    from alignment_core.rules.backward_pass import BackwardPassOperations
    from alignment_core.training.config import TrainingConfig

    own = _B2_RULES[rule]
    return TrainingConfig(
        learning_rate=_B2_RATE,
        warmup_epochs=_B2_WARMUP_EPOCHS,
        learning_rule=RULES[rule][0],
        weights=own.weights | ({"decay": weight_decay} if own.decays_alike else {}),
        operations=BackwardPassOperations(fo_bias=own.biases, bo_bias=own.biases),
        alignment_optimizer=own.alignment_optimizer,
        alignment_learning_rate=own.alignment_learning_rate,
        alternating=False,
        **common,
    )
