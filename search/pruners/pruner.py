"""The `Pruner` protocol and the table of its variants.

A pruner knows only losses: it reads no store. The driver asks it after each epoch of a trial
(`alignsearch.search.pruners.epoch_judge`), and the trial's worker ends the trial. Another pruner
takes a file of its own, a row of `PRUNERS`, and its name among the values of `Pruning.pruner`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Pruning
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.pruners.asha import AshaPruner
from alignsearch.search.pruners.median import MedianPruner


class Pruner(Protocol):
    """Says after an epoch whether the trial should end, from the losses reported so far.

    A trial is never ended before epoch `grace`, and never while its losses are the lowest.
    """

    def complete(self, losses: Sequence[float]) -> None:
        """Record the losses of a trial that has trained to its last epoch, in order of epochs."""

    def judge(self, epoch: int, losses: Sequence[float]) -> str | None:
        """Record that a trial has finished an epoch, and say whether it should end.

        Each epoch of a trial is judged once.

        Args:
            epoch: the epoch, counted from 1: how many the trial has finished.
            losses: the trial's known losses in order of epochs, the last one after `epoch`.

        Returns:
            Why the trial should end, as a sentence for users; None if it should go on.
        """


@dataclass(frozen=True)
class PrunerKind:
    """A row of `PRUNERS`: how to make the pruner, and a line of help about it."""

    help: str
    make: Callable[[Pruning, int, Callable[[float], float]], Pruner]


PRUNERS: dict[str, PrunerKind] = {
    "asha": PrunerKind(
        "asynchronous successive halving: the best 1 of `reduction` trials go on at each rung",
        AshaPruner,
    ),
    "median": PrunerKind(
        "median stopping: a trial ends when it is worse than the median of the completed ones",
        MedianPruner,
    ),
}
"""Every pruner by the name that `--pruner` and a stored search give it."""


def make_pruner(
    pruning: Pruning, epochs: int | None, value: Callable[[float], float] = float
) -> Pruner:
    """Return a new pruner.

    Args:
        pruning: a search's options; `pruning.pruner` is a key of `PRUNERS`.
        epochs: how many epochs each trial trains; None if that isn't known.
        value: the metric that belongs to a loss, for the reasons that people read.

    Raises:
        UnknownNameError: there is no such pruner.
    """
    if pruning.pruner not in PRUNERS:
        raise UnknownNameError("pruner", pruning.pruner, PRUNERS)
    return PRUNERS[pruning.pruner].make(pruning, epochs or LARGEST, value)
