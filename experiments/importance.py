"""The experiment `importance`: which metaparameters of a search matter (App. B.4, Fig. S2)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alignment_core.errors import ConfigurationError
from alignsearch.experiments.experiment import Experiment, Reproduction
from alignsearch.experiments.options import Option, Scale
from alignsearch.experiments.place import Place
from alignsearch.search.documents import Point, Search, is_list_of_runs, known_space_of
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

PAPER = (
    "The paper's: hundreds of models of the search over Information Alignment (App. B.1.4), "
    "ResNet-18 of width 64 on ImageNet, 45 epochs."
)
SPACE = "ia"
"""Fig. S2 is on the search over Information Alignment, whose space has all of A to I but B."""

SCALES: dict[Scale, dict[str, Any]] = {
    "minutes": {"trials": 24, "epochs": 4, "width": 8, "dataset": "digits"},
    "hours": {"trials": 200, "epochs": 15, "width": 16, "dataset": "digits"},
    "paper": {"trials": 300, "epochs": 45, "width": 64, "dataset": "imagenet"},
}
"""Options of the search that is submitted if none is named."""


@dataclass(frozen=True)
class Tried:
    """The trials of a search, as far as importance is computed from them.

    Attributes:
        search: the search.
        space: its space.
        configurations: metaparameters of each trial by name.
        points: HyperOpt's values of each trial.
        losses: validation error of each trial; None without one.
        left_out: number of trials without a loss, by the reason.
    """

    search: Search
    space: SearchSpace
    configurations: list[Mapping[str, Value]]
    points: Sequence[Point]
    losses: list[float | None]
    left_out: Mapping[str, int]

    def setting(self) -> list[str]:
        """The report's sentence on the paper's own setting, this one, and trials left out."""
        search, recipe = self.search, self.search.training
        scored = sum(loss is not None for loss in self.losses)
        without = ", ".join(f"{number} {what}" for what, number in self.left_out.items())
        return [
            f"{PAPER} Here: search {search.name!r} over {search.space}, {recipe.model} of width "
            f"{recipe.width} on {recipe.dataset}, {recipe.epochs} epochs, seed {search.seed}; "
            f"{scored} of its {search.trials} trials have a loss, and count"
            + (f"; without one, and left out: {without}." if without else "."),
        ]


def read(store: Store, name: str) -> Tried:
    """The trials of a search as they are stored now.

    Raises:
        UnknownNameError: there is no search of this name.
        ConfigurationError: its space is another version of ours, or it is a list of runs.
    """
    search = store.searches.get(name)
    if is_list_of_runs(search):
        raise ConfigurationError(
            f"search {name!r} is an experiment's list of runs, whose metaparameters were chosen, "
            "not sampled: name a search that `alignsearch submit` made"
        )
    space = known_space_of(search)
    if space is None:
        raise ConfigurationError(
            f"search {name!r} was made over another version of the space {search.space}, whose "
            "ranges aren't known here: use the version of alignsearch that made it"
        )
    if search.recipe is None:
        raise ConfigurationError(
            f"search {name!r} trains none of the paper's networks: the importance of its own "
            f"dimensions is printed by `alignsearch importance {name}`"
        )
    found = [trial for trial in store.trials.all_readable(name) if not trial.is_confirmation]
    completed = [trial.state is TrialState.COMPLETED for trial in found]
    losses = [
        trial.loss if counts else None for trial, counts in zip(found, completed, strict=True)
    ]
    left_out = Counter(
        "diverged" if counts else trial.state.value
        for trial, counts, loss in zip(found, completed, losses, strict=True)
        if loss is None
    )
    configurations = [trial.config for trial in found]
    points = [trial.point for trial in found]
    return Tried(search, space, configurations, points, losses, left_out)


@dataclass(frozen=True, kw_only=True)
class ImportanceOfSearch(Experiment):
    """Importance of the metaparameters of one search, by its trials' losses."""

    search: Annotated[
        str | None,
        Option(
            "Search to look at. Default: one that this command submits and drives.",
            positional=True,
        ),
    ] = None
    scale: Annotated[Scale, Option("Size of the search that is submitted if none is named.")] = (
        "minutes"
    )
    data_dir: Annotated[
        str | None, Option("Folder of the data set's files, as the workers see it.")
    ] = None

    def check(self) -> None:
        """Accept all: the search is checked as it is read or submitted."""

    @property
    def subject(self) -> str:
        """The named search, so that each has an output folder of its own."""
        return self.search or ""

    def report(self, place: Place) -> "Report":
        """Compute importance from a named search, or from one that is submitted and finished.

        Raises:
            UnknownNameError: there is no search of this name.
            StateConflictError: too few trials have a loss.
        """
        from alignsearch.experiments.figures.importance import make_report
        from alignsearch.search.reports.importance import categorical_effects, importance

        tried = self._tried(place)
        seed = tried.search.seed
        effects = categorical_effects(tried.configurations, tried.losses)
        found = importance(tried.space, tried.points, tried.losses, seed=seed)
        return make_report(effects, found, tried.setting(), seeds=(seed,))

    def _tried(self, place: Place) -> Tried:
        if self.search is not None:
            return read(place.open_store(), self.search)
        name = f"importance-{self.scale}"
        options = {**SCALES[self.scale], "data_dir": self.data_dir}
        return read(place.finish_search(name, SPACE, options), name)

    @classmethod
    def reproduction(cls, scale: Scale, folder: Path, data_dir: str | None) -> Reproduction:
        """The experiment's command at the scale, with its images in `data_dir`."""
        return Reproduction.at_scale(scale, data_dir)
