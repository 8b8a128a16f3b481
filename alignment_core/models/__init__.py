"""Networks by name, built of layers that carry a learning rule.

Every kernel carries the rule, also the first layer's. No gradient is propagated beyond the first
layer, so its backward kernel learns but has no effect.

`model_names.MODEL_NAMES` lists the names without importing TensorFlow.
"""

from alignment_core.errors import UnknownNameError
from alignment_core.models.builder import Builder
from alignment_core.models.convnet import convnet
from alignment_core.models.dense import dense
from alignment_core.models.features import features
from alignment_core.models.initialization import initialize
from alignment_core.models.lenet import lenet
from alignment_core.models.resnet import ARCHITECTURES, resnet

__all__ = ["MODELS", "Builder", "features", "get_model", "initialize"]

MODELS: dict[str, Builder] = {
    **{name: resnet(architecture) for name, architecture in ARCHITECTURES.items()},
    "dense": dense,
    "convnet": convnet,
    "lenet": lenet,
}
"""Builder of each network by its name. A builder of your own can be added.

    def build(input_shape, num_classes, *, width=64, stem="small", learning_rule=None, seed=0): ...
    MODELS["mine"] = build
"""


def get_model(name: str) -> Builder:
    """Return the builder of the network called `name`.

        >>> model = get_model("dense")((8, 8, 1), 10, width=16)
        >>> model.output_shape
        (None, 10)

    Raises:
        UnknownNameError: no network has this name.
    """
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    return MODELS[name]
