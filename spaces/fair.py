"""Search spaces in which rules are compared: each has the same common metaparameters and its own.

`alignsearch experiment rules` searches them. Common to all of them are J's learning rate, its
weight decay and the batch size, which backpropagation has, too:

- The learning rate reaches from 1e-4, BioTorch's for direct feedback alignment on CIFAR-10, to ten
  times its 0.1 for backpropagation and the sign-concordant rules.
- The weight decay reaches from 1e-6 to the 0.03 with which Li and Benna begin to train product
  feedback alignment. Under Kolen-Pollack and product feedback alignment it is the decay of the
  backward kernels, too (Kunin et al. 2020, App. B.2 and D.3), so it is their own metaparameter.
- The batch sizes are BioTorch's for LeNet, CIFAR-10 and ImageNet. They take the place of App.
  B.1.2's, and the learning rate is searched by itself instead of following from them.

A rule's own metaparameters have their published ranges where there are some:

- Weight mirror (`fair_wm`): App. B.1.1's noise and weights, with the fixed schedule and plain
  gradient descent of Table 5's WM column. `fair_wm_ad`: App. B.1.2's, with Adam. `fair_ia`: those
  of App. B.1.4, with all operations of App. B.1.3.
- Symmetric and activation alignment: App. B.2 prints one weight for each primitive, and searches
  nothing. R is lowest at B = ratio * W^T, where the ratio is that of the two weights; it reaches
  from a tenth to ten times App. B.2's, which is 1. Adam's rate has App. B.1.2's range.
- Feedback alignment, direct and sign-concordant feedback have none.

The order of weight mirror's weights is that of the published code, in which Table 5's WM column
trains (docs/fidelity.md); information alignment's is the paper's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.definition import TRAINING, Definition
from alignsearch.spaces.distributions import LogUniform
from alignsearch.spaces.feedback import (
    AUTHORS,
    BATCH,
    BIOTORCH,
    FEEDBACK_LABELS,
    RATE,
    common_settings,
)
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.metaparameter import Fixed, Metaparameter
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import LABELS
from alignsearch.spaces.training import ALIGNMENT_OPTIMIZERS, letters_of, weights_of

if TYPE_CHECKING:
    from alignment_core.rules.alignment import Alignment

PREFIX = "fair_"
"""Beginning of the definitions' names, before a rule's short name."""

COMMON = ("learning_rate", "weight_decay", "batch_size")
"""The metaparameters that all rules have."""

_B2 = "Kunin et al. 2020, App. B.2"
_B12 = "Kunin et al. 2020, App. B.1.2"
_ARGUED = "argued in alignsearch.spaces.fair"

_COMMON = (
    RATE,
    Metaparameter("weight_decay", LogUniform(1e-6, 3e-2), f"{BIOTORCH}; {AUTHORS}"),
    BATCH,
)
_ALIGNMENT_RATE = Metaparameter("alignment_learning_rate", LogUniform(1e-6, 1e-2), _B12)
_RATIO = Metaparameter("weight_ratio", LogUniform(0.1, 10.0), f"around {_B2}'s ratio of 1")
_ADAM = Fixed("alignment_optimizer", "Adam", _B2)

_REPLACED = frozenset({"train_batch_size", "sgdm_learning_rate"})
"""Metaparameters of the paper's spaces whose place the common ones take."""

_WEIGHT = 2e-3
"""Weight of the primitive that pulls kernels to zero under SA and AA, and of the other one at a
ratio of 1 (App. B.2, in our primitives' factors)."""

_OWN_RULES_WEIGHT = LogUniform(1e-3, 1e3)
"""Range of a weight of a rule of one's own. Adam's steps don't depend on R's scale, so it is the
ratios of weights that matter: three decades in both directions."""

_PUBLISHED = {"wm": "reference", "wm_ad": "reference", "ia": "paper"}
"""The rules whose own metaparameters are the paper's space of the same name, with the order of
their weights (`spaces.training.WEIGHTS_ORDERS`)."""
_BALANCED = {"sa": ("self", "decay"), "aa": ("amp", "sparse")}
"""The rules with a ratio of two weights: the primitive that rewards agreement, and the other."""
_DECAYS_ALIKE = frozenset({"kp", "pfa"})
"""The rules whose backward kernels decay as the forward kernels do."""


@dataclass(frozen=True)
class Compared:
    """A rule of the comparison: its name in the field, and its key in `LEARNING_RULES`."""

    name: str
    learning_rule: str


COMPARED = {
    "bp": Compared("BP", "backpropagation"),
    "fa": Compared("FA", "feedback_alignment"),
    "dfa": Compared("DFA", "direct_feedback_alignment"),
    "usf": Compared("uSF", "uniform_sign_feedback"),
    "brsf": Compared("brSF", "batchwise_random_sign_feedback"),
    "frsf": Compared("frSF", "fixed_random_sign_feedback"),
    "kp": Compared("KP", "kolen_pollack"),
    "wm": Compared("WM", "weight_mirror"),
    "wm_ad": Compared("WM+AD", "weight_mirror"),
    "ia": Compared("IA", "information_alignment"),
    "sa": Compared("SA", "symmetric_alignment"),
    "aa": Compared("AA", "activation_alignment"),
    "pfa": Compared("PFA", "product_feedback_alignment"),
}
"""The rules by their short names (`spaces.presets.RULES`), in the order of the table."""

OWN_LABELS = {"weight_ratio": "Ratio of R's Weights"}


@dataclass(frozen=True)
class FairTraining:
    """The function of these definitions that turns a configuration into a training.

    Attributes:
        rule: a key of `COMPARED`.
    """

    rule: str

    def __call__(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of the training by name.

        The batch isn't divided for a small data set.

        Args:
            config: a value of each of the space's metaparameters.
        """
        settings: dict[str, Any] = common_settings(config)
        rule = self.rule
        if rule in _DECAYS_ALIKE:
            settings["weights"] = {"decay": settings["weight_decay"]}
        elif rule in _BALANCED:
            # TensorFlow takes seconds to import, and only a training needs it.
            from alignment_core.rules.backward_pass import BackwardPassOperations

            agreeing, other = _BALANCED[rule]
            settings |= {
                "weights": {
                    agreeing: _WEIGHT * float(config["weight_ratio"]),
                    other: _WEIGHT,
                },
                "operations": BackwardPassOperations(fo_bias=True, bo_bias=True),
                "alignment_learning_rate": float(config["alignment_learning_rate"]),
                "alternating": False,
            }
        elif rule in _PUBLISHED:
            settings |= _published_settings(rule, config)
        return settings


@dataclass(frozen=True)
class OwnRuleTraining:
    """The function that turns a configuration into a training of a rule of the user's own.

    R is minimized by Adam together with J. A rule that ties gradients has no optimizer of R, and
    its R is decay alone, which is J's weight decay.

    Attributes:
        rule: a subclass of `alignment_core.Alignment`.
    """

    rule: "type[Alignment]"

    def __call__(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of the training by name.

        Args:
            config: a value of each of the space's metaparameters.
        """
        settings = common_settings(config)
        if self.rule.tie_gradients:
            decays = dict.fromkeys(self.rule.primitives, settings["weight_decay"])
            return settings | {"weights": decays}
        if self.rule.primitives:
            settings |= {
                "weights": {name: float(config[name]) for name in self.rule.primitives},
                "alignment_learning_rate": float(config["alignment_learning_rate"]),
                "alternating": False,
            }
        return settings


def fair_name(rule: str) -> str:
    """Return the name of the definition in which a rule of ours is compared: `fair_kp` for `kp`."""
    return f"{PREFIX}{rule}"


def own_rule_definition(rule: "type[Alignment]") -> Definition:
    """Return the search over a rule of the user's own beside the common metaparameters.

    Args:
        rule: a subclass of `alignment_core.Alignment`. Each of its primitives has a weight, unless
            the rule ties gradients.

    Example:
        >>> own_rule_definition(SparseMirror).space.sampled[-1].name
        'alignment_learning_rate'
    """
    name = rule.__name__
    own: list[Metaparameter] = []
    if rule.primitives and not rule.tie_gradients:
        own = [Metaparameter(each, _OWN_RULES_WEIGHT, _ARGUED) for each in rule.primitives]
        own.append(_ALIGNMENT_RATE)
    return _definition(
        flat_space(name, name, name, "", (*_COMMON, *own)), OwnRuleTraining(rule), rule, name
    )


def _published_settings(rule: str, config: Mapping[str, Any]) -> dict[str, Any]:
    # TensorFlow takes seconds to import, and only a training needs it.
    from alignment_core.rules.backward_pass import BackwardPassOperations

    letters = letters_of(config["alpha_over_beta"], config["beta"], config["gamma"])
    switches = {each.name: bool(config[each.name]) for each in fields(BackwardPassOperations)}
    return {
        "weights": weights_of(COMPARED[rule].learning_rule, letters, _PUBLISHED[rule]),
        "operations": BackwardPassOperations(**switches),
        "noise_stddev": float(config["sigma"]),
        "alignment_optimizer": ALIGNMENT_OPTIMIZERS[config["alignment_optimizer"]],
        "alignment_learning_rate": float(config["alignment_learning_rate"]),
        "alternating": bool(config["alternating_minimization"]),
        "delay_epochs": int(config["delay_epochs"]),
    }


def _space(rule: str) -> SearchSpace:
    own: Iterable[Metaparameter] = ()
    fixed: Iterable[Fixed] = ()
    source = _ARGUED
    if rule in _BALANCED:
        own, fixed = (_RATIO, _ALIGNMENT_RATE), (_ADAM,)
    elif rule in _PUBLISHED:
        published = get_space(rule)
        own = [each for each in published.sampled if each.name not in _REPLACED]
        fixed = [each for each in published.fixed if each.name not in _REPLACED]
        source = f"{published.source}; {_ARGUED}"
    known = COMPARED[rule]
    dimensions = (*_COMMON, *own)
    return flat_space(fair_name(rule), known.name, known.learning_rule, source, dimensions, fixed)


def _definition(space: SearchSpace, training: Any, rule: Any, title: str) -> Definition:
    known = FEEDBACK_LABELS | LABELS | OWN_LABELS
    return Definition(
        space=space,
        objective=TRAINING,
        training=training,
        rule=rule,
        metric="validation_error",
        labels={name: label for name, label in known.items() if name in space.field_names},
        title=title,
    )


FAIR: dict[str, Definition] = {
    fair_name(rule): _definition(_space(rule), FairTraining(rule), known.learning_rule, known.name)
    for rule, known in COMPARED.items()
}
"""The definitions by name, without their source."""
