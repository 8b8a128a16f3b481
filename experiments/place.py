"""The interface of the place in which an experiment trains, and what a training leaves there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from alignsearch.experiments.run_statistics import Outcome, losses_in_words
from alignsearch.experiments.setting import Setting
from alignsearch.search.documents import Epoch, Search, WeightSampling
from alignsearch.search.store import Store
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


@dataclass(frozen=True)
class SearchSize:
    """A search over a named space that an experiment wants, as far as the experiment cares."""

    space: str
    trials: int
    epochs: int
    width: int
    dataset: str
    data_dir: str | None = None

    def at(self, data_dir: str) -> "SearchSize":
        """The same search with its images in a folder."""
        return replace(self, data_dir=data_dir)


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

    def finish_search(self, name: str, size: SearchSize) -> Store:
        """Bring the search `name` to its end, creating it with `size` if needed.

        Returns the store that holds it.

        Raises:
            AlignSearchError: the search can't be created, or its trials can't be placed.
        """
        ...
