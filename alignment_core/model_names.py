"""Names and usual settings of the networks, readable without importing TensorFlow."""

from alignment_core.errors import UnknownNameError

MODEL_NAMES = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet50v2",
    "resnet101v2",
    "resnet152v2",
    "resnet20",
    "resnet18_projecting",
    "resnet34_projecting",
    "dense",
    "convnet",
    "lenet",
)
"""Names of the networks, the keys of `models.MODELS` in the same order."""

OWN_WIDTHS = {"resnet20": 16, "dense": 512, "convnet": 32, "lenet": 6}
"""Default width of each network that has one of its own. Another one's depends on the data set."""


def usual_preprocessing(model: str) -> str:
    """Return the preprocessing of photographs that the published code uses for the network."""
    return "v2" if model.endswith("v2") else "v1"


def check_model(name: str) -> None:
    """Raise UnknownNameError if no network is called `name`."""
    if name not in MODEL_NAMES:
        raise UnknownNameError("model", name, MODEL_NAMES)
