"""Networks by name, built of layers that carry a learning rule.

Every kernel carries the rule, the first layer's too. But nothing is propagated beyond
the first layer, so its backward kernel, which is trained like any other, moves nothing.
"""

from alignment_core.model_names import check_model
from alignment_core.models.builder import Builder
from alignment_core.models.features import features
from alignment_core.models.initialization import initialize
from alignment_core.models.plain import convnet, dense
from alignment_core.models.resnet import ARCHITECTURES, resnet

__all__ = ["MODELS", "features", "get_model", "initialize"]

MODELS: dict[str, Builder] = {
    **{name: resnet(architecture) for name, architecture in ARCHITECTURES.items()},
    "dense": dense,
    "convnet": convnet,
}


def get_model(name: str) -> Builder:
    """The builder called `name`; raises UnknownNameError."""
    check_model(name)
    return MODELS[name]
