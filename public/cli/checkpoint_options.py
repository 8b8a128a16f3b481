"""What `submit` is told about states, silence and early ends, checked."""

from pathlib import Path
from typing import get_args

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.files import is_address
from alignsearch.cli.options import EMBEDDED_FOLDER, LARGEST
from alignsearch.search.documents import REHEARSAL, Pruning
from alignsearch.search.pruners.pruner import PRUNERS

OFF = "off"
PRUNER_NAMES = ("none", *PRUNERS)
INFORMS = get_args(Pruning.model_fields["informs"].annotation)
LEAST_LEASE = 3.0
"""Seconds; a lease is renewed three times while it lasts."""


def checkpoints_folder(asked: str | None, store: str | None, dataset: str) -> str | None:
    """The folder for states: as asked, else beside an embedded store, else none.

    Raises:
        ConfigurationError: workers couldn't use it.
    """
    if asked == OFF or (asked is None and store):
        return None
    if asked is None:
        return str((EMBEDDED_FOLDER / "checkpoints").absolute())
    if not is_address(asked):
        return str(Path(asked).absolute())
    if dataset == REHEARSAL:
        raise ConfigurationError(
            f"--checkpoints {asked!r}: a rehearsal, which needs no TensorFlow, keeps its states in "
            "folders of this machine only"
        )
    return asked


def check_lease(seconds: float) -> None:
    """Raise ConfigurationError for a lease too short to be renewed in time."""
    if not LEAST_LEASE <= seconds <= 86_400:
        raise ConfigurationError(
            f"--lease must be from {LEAST_LEASE:g} to 86400 seconds, not {seconds:g}"
        )


def pruning(pruner: str, grace: int, reduction: int, informs: str, epochs: int) -> Pruning | None:
    """How trials are ended early, or None.

    Raises:
        UnknownNameError: no pruner, or no way to inform TPE, has this name.
        ConfigurationError: a number is out of range.
    """
    for kind, name, known in (
        ("pruner", pruner, PRUNER_NAMES),
        ("way to tell TPE of pruned trials", informs, INFORMS),
    ):
        if name not in known:
            raise UnknownNameError(kind, name, known)
    if pruner == "none":
        return None
    if not 1 <= grace < epochs:
        raise ConfigurationError(
            f"--grace must be from 1 to {epochs - 1}, below the trials' {epochs} epochs, "
            f"not {grace}"
        )
    if not 2 <= reduction <= LARGEST:
        raise ConfigurationError(f"--reduction must be from 2 to {LARGEST}, not {reduction}")
    return Pruning.model_validate(
        {"pruner": pruner, "grace": grace, "reduction": reduction, "informs": informs}
    )
