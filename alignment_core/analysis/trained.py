"""Loader of networks that `alignsearch train` has trained, and their layers' features."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core import data
from alignment_core.errors import ConfigurationError, DataError
from alignment_core.models import features, get_model
from alignment_core.training import checkpoints

BATCH = 256
"""Images that the network processes at once, which limits the memory."""

LARGEST_BYTES = 8 * 2**30
"""Limit of one layer's features of all images, which have to fit into memory together."""


def load(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the network of the latest checkpoint, and its training's configuration as JSON types.

    Args:
        folder: folder of a training, or its folder of checkpoints.

    Raises:
        DataError: there is no checkpoint of a whole epoch, or it can't be read.
    """
    states = [
        path
        for where in (folder / "checkpoints", folder)
        for path in where.glob("epoch-*")
        if path.name.removeprefix("epoch-").isdigit()
    ]
    if not states:
        raise DataError(
            f"{folder} holds no trained network: give the folder that `alignsearch train` names"
        )
    latest = max(states, key=lambda path: int(path.name.removeprefix("epoch-")))
    try:
        config = json.loads((latest / "training.json").read_text())["config"]
        known = data.info(config["dataset"])
        model = get_model(config["model"])(
            known.image_shape, known.num_classes, width=config["width"], stem=config["stem"]
        )
        values = checkpoints.read(str(latest))
        for name, variable in checkpoints.variables(model).items():
            variable.assign(values[name])
    except (OSError, ValueError, KeyError, IndexError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{latest} can't be read as a trained network ({reason})") from error
    return model, config


def layer_features(
    model: Any, layers: Sequence[str], images: NDArray[Any]
) -> dict[str, NDArray[np.float32]]:
    """Return the outputs (images, ...) of the named layers.

    Args:
        model: a Keras model.
        layers: names of layers.
        images: (images, height, width, channels), prepared as for training.

    Raises:
        UnknownNameError: the network has no layer with one of the names.
        ConfigurationError: the images have another shape than the network's input, or a layer has
            more features than LARGEST_BYTES.
    """
    tap = features(model, layers)
    wanted = tuple(model.input_shape[1:])
    if images.shape[1:] != wanted:
        raise ConfigurationError(
            f"the images are {_sides(images.shape[1:])}; {model.name} takes {_sides(wanted)}"
        )
    for layer in layers:
        size = int(np.prod(model.get_layer(layer).output.shape[1:]))
        if 4 * size * len(images) > LARGEST_BYTES:
            raise ConfigurationError(
                f"{layer} has {size:,} features, too many for {len(images):,} images at once; "
                "choose a later layer"
            )
    batches = [images[at : at + BATCH].astype(np.float32) for at in range(0, len(images), BATCH)]
    parts = [{name: each.numpy() for name, each in tap([batch]).items()} for batch in batches]
    return {name: np.concatenate([part[name] for part in parts]) for name in layers}


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(str(side) for side in shape)
