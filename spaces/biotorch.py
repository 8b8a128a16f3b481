"""BioTorch's recipe for LeNet on Fashion-MNIST, with what is published of it and what isn't.

BioTorch (jsalbert/biotorch, 2021) prints in its Benchmarks.md: SGD with momentum 0.9, weight decay
1e-3, batches of 64, 100 epochs, the learning rate divided by 10 at epochs 50 and 75. Its optimizer
is PyTorch's, which decays all parameters of the layers, biases included, and has no warm-up. The
learning rates aren't published. In BioTorch's runs on CIFAR-10 they differ from rule to rule:
0.1 for backpropagation and the sign-concordant rules, 0.001 for feedback alignment, and 0.0001 for
direct feedback alignment. Here one rate, found by backpropagation alone, is used for all rules
(`make biotorch-rate`) but two: direct feedback alignment diverges at it, and feedback alignment
ends far above its figure at it, and within half a point of it at a tenth.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alignment_core.training.config import TrainingConfig

BIOTORCH = "biotorch"
"""Name of the preset."""

BIOTORCH_RULES = ("bp", "fa", "usf", "brsf", "frsf", "dfa", "brsf_drawn")
"""The rules of BioTorch's table, and brSF as an early version of BioTorch had it."""

BIOTORCH_EPOCHS = 100

RATE = 0.03
"""The learning rate: the best of 0.003, 0.01, 0.03 and 0.1 for backpropagation
(docs/measurements.md, "BioTorch's table")."""

OWN_RATES = {"feedback_alignment": 3e-3, "direct_feedback_alignment": 3e-4}
"""Learning rates of rules for which `RATE` is too large, each the best of several of its own."""

WEIGHT_DECAY = 1e-3
BATCH = 64
MOMENTUM = 0.9
DROP_EPOCHS = (50.0, 75.0)


def biotorch_config(learning_rule: str, **common: Any) -> "TrainingConfig":
    """Return a training by BioTorch's recipe.

    Args:
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES` without an R.
        common: the fields of TrainingConfig that the recipe leaves open, or other values than its
            own.
    """
    # TensorFlow takes seconds to import, and only a training needs it.
    from alignment_core.training.config import TrainingConfig

    recipe: dict[str, Any] = {
        "learning_rate": OWN_RATES.get(learning_rule, RATE),
        "warmup_epochs": 0.0,
        "drop_epochs": DROP_EPOCHS,
        "optimizer": "momentum",
        "momentum": MOMENTUM,
        "weight_decay": WEIGHT_DECAY,
        "decays_biases": True,
        "batch_size": BATCH,
    }
    return TrainingConfig(learning_rule=learning_rule, **recipe | common)
