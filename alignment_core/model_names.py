"""The networks' names, for those who need no TensorFlow to know them."""

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
    "dense",
    "convnet",
)
"""Each has a builder in `models.MODELS`."""

PLAIN_WIDTHS = {"dense": 512, "convnet": 32}
"""Usual widths of the plain networks; a residual one's is the data set's."""


def usual_preprocessing(model: str) -> str:
    """The way of preparing photographs that the published code has for the network."""
    return "v2" if model.endswith("v2") else "v1"


def check_model(name: str) -> None:
    """Raise UnknownNameError if there is no such network."""
    if name not in MODEL_NAMES:
        raise UnknownNameError("model", name, MODEL_NAMES)
