"""The tracking tools in which a search's trials can appear as runs."""

import importlib.util
from collections.abc import Mapping

from alignment_core.errors import ConfigurationError
from alignsearch.search.trackers.mlflow import MLFLOW
from alignsearch.search.trackers.runs import TrackerKind
from alignsearch.search.trackers.tensorboard import TENSORBOARD
from alignsearch.search.trackers.wandb import WANDB

TRACKERS: Mapping[str, TrackerKind] = {
    "tensorboard": TENSORBOARD,
    "mlflow": MLFLOW,
    "wandb": WANDB,
}
"""Tools by the option of `submit` that names their place, which is their extra's name, too."""


def check_installed(tool: str, place: str) -> None:
    """Check that the packages of a tool are installed, without importing them.

    Raises:
        ConfigurationError: one is missing; the message names the extra that brings it.
    """
    kind = TRACKERS[tool]
    further = [
        each for start, some in kind.modules.items() if place.startswith(start) for each in some
    ]
    for module in (*kind.packages, *further):
        if importlib.util.find_spec(module) is None:
            raise ConfigurationError(
                f"--{tool} needs the package {module}, which isn't installed here: "
                f"pip install 'alignsearch[{tool}]'"
            )
