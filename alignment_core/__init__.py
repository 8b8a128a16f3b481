"""Learning rules without weight symmetry: a library of layers, rules, training and analysis.

Under such a rule the gradient is propagated through a backward kernel in place of the transposed
forward kernel, and the rule trains the backward kernel. Source of the science: Kunin et al., "Two
Routes to Scalable Credit Assignment without Weight Symmetry", 2020.

    import alignment_core as ac

    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    twin = ac.with_rule(model, ac.WeightMirror(amp=1.0, decay=0.1))
    twin.compile("nesterov_momentum", loss, alignment_optimizer="adam")
    twin.fit(x, y)

    config = ac.TrainingConfig(
        dataset="digits", epochs=3, batch_size=32, learning_rate=0.1, width=8,
        learning_rule="symmetric_alignment", weights={"self": 1.0, "decay": 1.0},
    )
    print(ac.Trainer(config).fit().validation_error)

`docs/alignment.md` begins with a plain Keras model and ends with a rule of your own.

Layers (alignment_core.layers):
    Dense: fully connected layer with a learning rule.
    Conv2D: two-dimensional convolution with a learning rule.
    BatchNormalization: batch normalization as one fused kernel.
    aligned_layers: the layers of a model that have a learning rule, nested to any depth.
    send_error: delivers the error at a network's output to layers under a direct rule.
    matmul: matrix product that propagates gradients through a backward kernel.
    conv2d: convolution that propagates gradients through a backward kernel.

Any Keras model (alignment_core.training):
    with_rule: turns a Keras model into its twin under a learning rule, weights kept.
    AlignedModel: a keras.Model with an optimizer for J and one for R.
    load_model: a saved model, in any process.

Learning rules (alignment_core.rules):
    LEARNING_RULES: table of the learning rules by name.
    get_rule: a rule by name.
    Alignment: parent of the learning rules, and of a rule of your own.
    FeedbackAlignment: fixed random backward kernels.
    WeightMirror: amp + decay.
    InformationAlignment: amp + decay + null.
    SymmetricAlignment: self + decay.
    ActivationAlignment: amp + sparse.
    KolenPollack: backward kernels that receive the forward kernels' updates.
    KolenPollackAngle: angle + decay, Kolen-Pollack as gradient descent.
    DirectFeedbackAlignment: the error at the output, through a random kernel to each layer.
    UniformSignFeedback: the forward kernels' signs, times one number (uSF).
    FixedRandomSignFeedback: the forward kernels' signs, times fixed random magnitudes (frSF).
    BatchwiseRandomSignFeedback: the same with new magnitudes for each batch (brSF).
    BatchwiseRandomFeedback: new random kernels for each batch, brSF's early reading.
    ProductFeedbackAlignment: two backward kernels in a row, of which one learns (PFA).
    PRIMITIVES: table of the primitives, whose weighted sums the rules are.
    Primitive: a function of a layer's call that rules sum.
    LayerCall: one call of a layer, as its rule sees it.
    BackwardPassOperations: twelve switches of the backward pass.
    AKROUT_OPERATIONS: the switches of Akrout et al. 2019's weight mirror.

Optimizers (alignment_core.optimizers):
    OPTIMIZERS: table of the optimizers by name.
    get_optimizer: an optimizer by name.
    NesterovMomentum: Nesterov momentum as in TensorFlow 1.
    Momentum: momentum as in TensorFlow 1 and PyTorch.
    Adam: Adam with TensorFlow 1's epsilon.
    GradientDescent: plain gradient descent.
    Optimizers: one optimizer, learning rate and list of variables for each loss.
    RateSchedule: learning rate with delay, warm-up and drops.

Networks (alignment_core.models):
    MODELS: table of the networks' builders by name.
    MODEL_NAMES: the names alone, readable without importing TensorFlow.
    get_model: the builder of a network.
    initialize: draws all weights of a network anew.
    features: the outputs of a network's layers by name.

Data sets (alignment_core.data):
    DATA_SETS: table of the data sets by name, readable without importing TensorFlow.
    DataSet: interface of a data set: batches of images and labels.
    DataSetInfo: sizes and defaults of a data set.
    InputOptions: how the images of a streamed data set are prepared.

Training (alignment_core.training):
    Trainer: trains one network under one learning rule.
    TrainingConfig: complete configuration of a training.
    TrainingResult: result of a training.
    EpochResult: result of one epoch.
    LayerMetrics: how well a layer's kernels and gradients agree.
    trainer_for: a trainer from the cache of compiled ones.
    get_strategy: the tf.distribute strategy for TPU, GPUs or CPU.
    weight_metrics: metrics of layers with a learning rule.

Errors (alignment_core.errors):
    AlignSearchError: base class of all errors that are raised on purpose.
    ConfigurationError: a value can't be used.
    DataError: a data set is missing or damaged.
    CheckpointError: a training can't resume from its checkpoints.
    UnknownNameError: a name is unknown.

Names are imported when they are first used, so `import alignment_core` imports no TensorFlow.
`alignment_core.data` loads data sets; `alignment_core.analysis` holds the paper's analyses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alignment_core.data import DATA_SETS, DataSet, DataSetInfo, InputOptions
    from alignment_core.errors import (
        AlignSearchError,
        CheckpointError,
        ConfigurationError,
        DataError,
        UnknownNameError,
    )
    from alignment_core.layers.aligned import aligned_layers
    from alignment_core.layers.conv import Conv2D
    from alignment_core.layers.dense import Dense
    from alignment_core.layers.direct import send_error
    from alignment_core.layers.normalization import BatchNormalization
    from alignment_core.layers.ops import conv2d, matmul
    from alignment_core.model_names import MODEL_NAMES
    from alignment_core.models import MODELS, features, get_model, initialize
    from alignment_core.optimizers.optimizers import (
        OPTIMIZERS,
        Adam,
        GradientDescent,
        Momentum,
        NesterovMomentum,
        Optimizers,
        get_optimizer,
    )
    from alignment_core.optimizers.rate_scheduler import RateSchedule
    from alignment_core.rules.alignment import Alignment
    from alignment_core.rules.backward_pass import AKROUT_OPERATIONS, BackwardPassOperations
    from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
    from alignment_core.rules.feedback_alignment import FeedbackAlignment
    from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
    from alignment_core.rules.layer_call import LayerCall
    from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
    from alignment_core.rules.primitives import PRIMITIVES, Primitive
    from alignment_core.rules.product_feedback import ProductFeedbackAlignment
    from alignment_core.rules.sign_feedback import (
        BatchwiseRandomFeedback,
        BatchwiseRandomSignFeedback,
        FixedRandomSignFeedback,
        UniformSignFeedback,
    )
    from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
    from alignment_core.rules.table import LEARNING_RULES, get_rule
    from alignment_core.training.accelerators import get_strategy
    from alignment_core.training.aligned_model import AlignedModel
    from alignment_core.training.config import TrainingConfig
    from alignment_core.training.results import EpochResult, LayerMetrics, TrainingResult
    from alignment_core.training.saved import load_model
    from alignment_core.training.trainer import Trainer
    from alignment_core.training.trainer_cache import trainer_for
    from alignment_core.training.weight_metrics import weight_metrics
    from alignment_core.training.with_rule import with_rule

_MODULES = {
    "data": ("DATA_SETS", "DataSet", "DataSetInfo", "InputOptions"),
    "errors": (
        "AlignSearchError",
        "CheckpointError",
        "ConfigurationError",
        "DataError",
        "UnknownNameError",
    ),
    "layers.aligned": ("aligned_layers",),
    "layers.conv": ("Conv2D",),
    "layers.dense": ("Dense",),
    "layers.direct": ("send_error",),
    "layers.normalization": ("BatchNormalization",),
    "layers.ops": ("conv2d", "matmul"),
    "model_names": ("MODEL_NAMES",),
    "models": ("MODELS", "features", "get_model", "initialize"),
    "optimizers.optimizers": (
        "OPTIMIZERS",
        "Adam",
        "GradientDescent",
        "Momentum",
        "NesterovMomentum",
        "Optimizers",
        "get_optimizer",
    ),
    "optimizers.rate_scheduler": ("RateSchedule",),
    "rules.alignment": ("Alignment",),
    "rules.backward_pass": ("AKROUT_OPERATIONS", "BackwardPassOperations"),
    "rules.direct_feedback": ("DirectFeedbackAlignment",),
    "rules.feedback_alignment": ("FeedbackAlignment",),
    "rules.kolen_pollack": ("KolenPollack", "KolenPollackAngle"),
    "rules.mirroring": ("InformationAlignment", "WeightMirror"),
    "rules.layer_call": ("LayerCall",),
    "rules.primitives": ("PRIMITIVES", "Primitive"),
    "rules.product_feedback": ("ProductFeedbackAlignment",),
    "rules.sign_feedback": (
        "BatchwiseRandomFeedback",
        "BatchwiseRandomSignFeedback",
        "FixedRandomSignFeedback",
        "UniformSignFeedback",
    ),
    "rules.symmetry": ("ActivationAlignment", "SymmetricAlignment"),
    "rules.table": ("LEARNING_RULES", "get_rule"),
    "training.accelerators": ("get_strategy",),
    "training.aligned_model": ("AlignedModel",),
    "training.config": ("TrainingConfig",),
    "training.results": ("EpochResult", "LayerMetrics", "TrainingResult"),
    "training.saved": ("load_model",),
    "training.trainer": ("Trainer",),
    "training.trainer_cache": ("trainer_for",),
    "training.weight_metrics": ("weight_metrics",),
    "training.with_rule": ("with_rule",),
}
"""Public names by the module that defines them."""

_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AKROUT_OPERATIONS",
    "DATA_SETS",
    "LEARNING_RULES",
    "MODELS",
    "MODEL_NAMES",
    "OPTIMIZERS",
    "PRIMITIVES",
    "ActivationAlignment",
    "Adam",
    "AlignSearchError",
    "AlignedModel",
    "Alignment",
    "BackwardPassOperations",
    "BatchNormalization",
    "BatchwiseRandomFeedback",
    "BatchwiseRandomSignFeedback",
    "CheckpointError",
    "ConfigurationError",
    "Conv2D",
    "DataError",
    "DataSet",
    "DataSetInfo",
    "Dense",
    "DirectFeedbackAlignment",
    "EpochResult",
    "FeedbackAlignment",
    "FixedRandomSignFeedback",
    "GradientDescent",
    "InformationAlignment",
    "InputOptions",
    "KolenPollack",
    "KolenPollackAngle",
    "LayerCall",
    "LayerMetrics",
    "Momentum",
    "NesterovMomentum",
    "Optimizers",
    "Primitive",
    "ProductFeedbackAlignment",
    "RateSchedule",
    "SymmetricAlignment",
    "Trainer",
    "TrainingConfig",
    "TrainingResult",
    "UniformSignFeedback",
    "UnknownNameError",
    "WeightMirror",
    "aligned_layers",
    "conv2d",
    "features",
    "get_model",
    "get_optimizer",
    "get_rule",
    "get_strategy",
    "initialize",
    "load_model",
    "matmul",
    "send_error",
    "trainer_for",
    "weight_metrics",
    "with_rule",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
