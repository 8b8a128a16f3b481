"""A place that trains an experiment's runs as a search of a store, by workers it is given."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.experiments.place import Trained
from alignsearch.experiments.runs import finished, name_of, outcomes, submit
from alignsearch.experiments.setting import Setting
from alignsearch.search.documents import (
    NAME_FORM,
    NAME_RULE,
    Recipe,
    RecipeChoices,
    Search,
    WeightSampling,
)
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.longer_training import trained_again
from alignsearch.search.use_cases.new_search import create, recipe_of, versions
from alignsearch.search.use_cases.submission import refusal
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.runs import Run

REPORTED = "report written"
"""The event of an experiment's runs that says where their report is, as HOST:PATH."""
STALL_SECONDS = 1800.0
"""Longest time without a new epoch before a training counts as stuck: compiling the steps of a
deep network takes several minutes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Room:
    """Resources of one run by their Ray names, and how many runs the cluster holds at once."""

    per_run: dict[str, float]
    runs: int


class Workers(Protocol):
    """A store and what can drive a search in it; given by the command line."""

    @property
    def has_store(self) -> bool:
        """True if there is a store yet."""
        ...

    def open_store(self) -> Store:
        """The existing store.

        Raises:
            StoreUnavailableError: there is none, or it doesn't answer.
        """
        ...

    def make_store(self) -> Store:
        """The store, created first if there is none."""
        ...

    def room(self) -> Room:
        """Resources of one run, and how many runs the cluster holds at once.

        Raises:
            ClusterError: the cluster doesn't answer, or has less room than was asked for.
        """
        ...

    def checkpoints(self) -> str | None:
        """Folder or address for the checkpoints of runs; None for none."""
        ...

    @property
    def owner(self) -> str:
        """Person and host that the search is recorded for."""
        ...

    def prepare(self, name: str, space: str | Definition, options: Mapping[str, Any]) -> Search:
        """Return the search that `alignsearch submit` would store; nothing is written.

        Raises:
            AlignSearchError: the definition isn't there, or an option can't be used with it.
        """
        ...

    def drive(self, search: Search, unit: str) -> None:
        """Drive the search to its end. unit: what its trials are called, like "runs"."""
        ...


class StorePlace:
    """The `Place` of the command line: every training is a trial of a search in a store."""

    def __init__(
        self, workers: Workers, *, parallel: int | None = None, name: str | None = None
    ) -> None:
        """Note the workers; nothing is created or started yet.

        parallel: most runs at once; None for all that the cluster holds. name: name of the search
        with the runs; None for one made of the experiment's name and a hash of its runs.

        Raises:
            ConfigurationError: the name can't be a search's.
        """
        if name is not None and not NAME_FORM.fullmatch(name):
            raise ConfigurationError(f"--name {name!r} can't be used: {NAME_RULE}")
        self._workers = workers
        self._parallel = parallel
        self._name = name
        self._trained: list[str] = []

    @property
    def has_store(self) -> bool:
        """True if there is a store yet."""
        return self._workers.has_store

    def open_store(self) -> Store:
        """The existing store, as `Place.open_store`."""
        return self._workers.open_store()

    def train(
        self,
        experiment: str,
        setting: Setting,
        runs: Sequence[Run],
        weight_samples: WeightSampling | None = None,
    ) -> Trained:
        """Train all runs, as `Place.train`: the same runs again continue the same search."""
        search = self._search(experiment, setting, runs, weight_samples)
        store = self._workers.make_store()
        search = submit(store, search, runs)
        if search.status not in TERMINAL_SEARCH_STATUSES:
            self._workers.drive(search, "runs")
        found = outcomes(store, search.name)
        epochs = {each.trial: store.logs.epochs(each.trial) for each in found}
        self._trained.append(search.name)
        return Trained(search, found, epochs)

    def finish_search(
        self, name: str, space: str | Definition, options: Mapping[str, Any]
    ) -> Store:
        """Bring the search to its end, as `Place.finish_search`."""
        store = self._workers.make_store()
        try:
            search = store.searches.get(name)
        except UnknownNameError:
            asked = {"parallel": self._parallel, **options}
            search = create(store, self._workers.prepare(name, space, asked), named=True)
        if search.status not in TERMINAL_SEARCH_STATUSES:
            self._workers.drive(search, "trials")
        return store

    def check_search(self, space: str | Definition, options: Mapping[str, Any]) -> Search:
        """Return the search that would be created, as `Place.check_search`."""
        return self._workers.prepare("unnamed", space, {"parallel": self._parallel, **options})

    def train_again(
        self, name: str, *, called: str, seeds: Sequence[int], changes: Mapping[str, Any]
    ) -> Search:
        """Train the best configuration again, as `Place.train_again`."""
        store = self._workers.make_store()
        owner = self._workers.owner
        search = trained_again(store, name, called=called, seeds=seeds, changes=changes, who=owner)
        if search.status not in TERMINAL_SEARCH_STATUSES:
            self._workers.drive(search, "runs")
        self._trained.append(search.name)
        return finished(store, search.name)

    def note_report(self, page: Path) -> None:
        """Add an event with the report's page to each search, as `Place.note_report`."""
        where = f"{self._workers.owner.rpartition('@')[2]}:{page.absolute()}"
        for name in dict.fromkeys(self._trained):
            try:
                self._workers.open_store().logs.add_event(
                    name, self._workers.owner, REPORTED, where
                )
            except AlignSearchError as error:
                # The report is written: that a page doesn't name it is no failure.
                logger.warning("search %s doesn't say where its report is: %s", name, error)

    def _search(
        self,
        experiment: str,
        setting: Setting,
        runs: Sequence[Run],
        weight_samples: WeightSampling | None,
    ) -> Search:
        room = self._workers.room()
        search = Search(
            name="unnamed",
            space=RUNS.name,
            space_hash=RUNS.space_hash,
            recipe=_recipe(setting, runs, weight_samples),
            trials=len(runs),
            parallel=min(self._parallel or room.runs, room.runs, len(runs)),
            seed=0,
            startup=0,
            resources=room.per_run,
            checkpoints=self._workers.checkpoints(),
            keep_checkpoints=0,
            stall_seconds=STALL_SECONDS,
            created_by=self._workers.owner,
            versions=versions(),
        )
        name = self._name or name_of(experiment, search, runs)
        return search.model_copy(update={"name": name})


def _recipe(setting: Setting, runs: Sequence[Run], weight_samples: WeightSampling | None) -> Recipe:
    given = {name: getattr(setting, name, None) for name in RecipeChoices.model_fields}
    models = sorted({run.model for run in runs})
    try:
        choices = RecipeChoices(**{name: each for name, each in given.items() if each is not None})
    except ValidationError as error:
        raise refusal(error) from error
    return recipe_of(
        choices,
        None,
        model=models[0] if len(models) == 1 else f"{len(models)} networks",
        width=max(run.width for run in runs),
        epochs=max(run.epochs for run in runs),
        weight_samples=weight_samples,
    )
