"""The interface of the place in which an experiment trains, and what a training leaves there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from alignsearch.experiments.run_statistics import Outcome, losses_in_words
from alignsearch.experiments.setting import Setting
from alignsearch.search.documents import Epoch, Search, WeightSampling
from alignsearch.search.store import Store
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.runs import Run


@dataclass(frozen=True)
class Trained:
    """The runs of an experiment after training.

    Attributes:
        search: the search whose trials the runs are.
        outcomes: result of each run, in the order in which they were asked for.
        epochs: measurements of each trial by its id, epoch by epoch. Where several attempts
            measured an epoch, the last attempt's comes last.
    """

    search: Search
    outcomes: Sequence[Outcome]
    epochs: Mapping[str, Sequence[Epoch]]

    def line(self) -> str:
        """A sentence of the report on the search, its training time and its losses."""
        seconds = sum(each.seconds for each in self.outcomes)
        return (
            f"All {len(self.outcomes)} runs are trials of the search {self.search.name}, "
            f"{self.search.parallel} at once, {seconds:,.0f} s of training in all; "
            f"{losses_in_words(self.outcomes)}."
        )

    @property
    def chance(self) -> float | None:
        """Accuracy of guessing the largest class; None if no training has measured it."""
        return max((each.chance for each in self.outcomes if each.chance), default=None)


class Place(Protocol):
    """A store and workers, given to an experiment by whoever runs it."""

    @property
    def has_store(self) -> bool:
        """True if there is a store yet: none is created to look for a search in it."""
        ...

    def open_store(self) -> Store:
        """The store, to read searches from.

        Raises:
            StoreUnavailableError: there is no store, or it doesn't answer.
        """
        ...

    def train(
        self,
        experiment: str,
        setting: Setting,
        runs: Sequence[Run],
        weight_samples: WeightSampling | None = None,
    ) -> Trained:
        """Train all runs, each as one trial of a search; those trained before aren't repeated.

        experiment: first part of the search's name. weight_samples: weights that each training
        stores with its epochs.

        Raises:
            AlignSearchError: the runs can't be placed, or their search was cancelled or failed.
        """
        ...

    def finish_search(
        self, name: str, space: str | Definition, options: Mapping[str, Any]
    ) -> Store:
        """Bring the search `name` to its end, creating it if needed; return the store that has it.

        space: address of its definition, or the definition itself. options: those of `alignsearch
        submit` by name, with `_` for `-`.

        Raises:
            AlignSearchError: the search can't be created, or its trials can't be placed.
        """
        ...

    def check_search(self, space: str | Definition, options: Mapping[str, Any]) -> Search:
        """Return the search that `finish_search` would create, unnamed; nothing is written.

        Raises:
            AlignSearchError: the definition isn't there, or an option can't be used with it.
        """
        ...

    def train_again(
        self, name: str, *, called: str, seeds: Sequence[int], changes: Mapping[str, Any]
    ) -> Search:
        """Train a finished search's best configuration once for each seed, as trials of a search.

        called: part of the new search's name. changes: fields of the recipe with other values.

        Raises:
            AlignSearchError: no trial has a loss, or the trainings can't be placed.
        """
        ...

    def note_report(self, page: Path) -> None:
        """Tell the searches of the runs that were trained here where their report is."""
        ...
