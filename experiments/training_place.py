"""Where an experiment's runs are trained: a search over this store and these workers."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import typer

from alignsearch.cli.drive import EXIT_INTERRUPTED, cluster, drive_to_end, interruptible, reviver
from alignsearch.cli.options import console, notices, print_text, start_logs, store_uri, whoami
from alignsearch.cli.surroundings import OWN_CHECKPOINTS, placeable
from alignsearch.experiments.run_statistics import losses_in_words
from alignsearch.experiments.runs import Outcome, name_of, outcomes, submit
from alignsearch.experiments.training_options import Setting, TrainingOptions
from alignsearch.search.documents import Epoch, RecipeChoices, Search, WeightSampling
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.new_search import (
    check_room,
    checkpoints_folder,
    recipe_of,
    versions,
)
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run

STALL_SECONDS = 1800.0
"""Without a new epoch: the steps of a deep network are compiled in minutes."""


@dataclass(frozen=True)
class Trained:
    """Runs that have come to their end, and the search that has them."""

    search: Search
    outcomes: Sequence[Outcome]
    epochs: Mapping[str, Sequence[Epoch]]
    """What each trial's attempts have measured, by the trial; the last attempt's come last."""

    def line(self) -> str:
        """What the report says of the search itself."""
        seconds = sum(each.seconds for each in self.outcomes)
        return (
            f"The search {self.search.name} has every run: {len(self.outcomes)} of them, "
            f"{self.search.parallel} at once, {seconds:,.0f} s of training in all; "
            f"{losses_in_words(self.outcomes)}."
        )


class Train(Protocol):
    """`TrainingPlace.train`."""

    def __call__(
        self,
        experiment: str,
        setting: Setting,
        runs: Sequence[Run],
        weight_samples: WeightSampling | None = None,
    ) -> Trained:
        """Bring every run to its end."""
        ...


class TrainingPlace(ExitStack):
    """The store and the cluster for one experiment after another; each starts where needed.

    Use it in a `with` statement. `train` is all that an experiment needs of it.
    """

    def __init__(self, asked: TrainingOptions) -> None:
        """Note what is asked for; nothing is made or started yet."""
        super().__init__()
        start_logs(asked.log_format, asked.log_level)
        self._asked = asked
        self._uri = ""
        self._store: Store | None = None
        self._connected = False

    @property
    def store(self) -> Store:
        """The store, which is made and started if it is this folder's own."""
        if self._store is None:
            self._uri = store_uri(self._asked.store)
            self._store = self.enter_context(Store.connect(self._uri))
        return self._store

    def train(
        self,
        experiment: str,
        setting: Setting,
        runs: Sequence[Run],
        weight_samples: WeightSampling | None = None,
    ) -> Trained:
        """Bring every run to its end; those that have ended before are not trained again.

        Raises:
            AlignSearchError: they can't be placed, or their search was cancelled or has failed.
        """
        search = self._search(experiment, setting, runs, weight_samples)
        search = submit(self.store, search, runs)
        if search.status not in TERMINAL_SEARCH_STATUSES:
            self._drive(search)
        found = outcomes(self.store, search.name)
        epochs = {each.trial: self.store.logs.epochs(each.trial) for each in found}
        return Trained(search, found, epochs)

    def _search(
        self,
        experiment: str,
        setting: Setting,
        runs: Sequence[Run],
        weight_samples: WeightSampling | None,
    ) -> Search:
        asked = self._asked
        per_trial, room = placeable(asked.ray, asked.resources)
        check_room(asked.parallel, room, per_trial)
        models = sorted({run.model for run in runs})
        given = {name: getattr(setting, name, None) for name in RecipeChoices.model_fields}
        recipe = recipe_of(
            RecipeChoices(**{name: value for name, value in given.items() if value is not None}),
            None,
            model=models[0] if len(models) == 1 else f"{len(models)} networks",
            width=max(run.width for run in runs),
            epochs=max(run.epochs for run in runs),
            weight_samples=weight_samples,
        )
        search = Search(
            name="unnamed",
            space=RUNS.name,
            space_hash=RUNS.space_hash,
            recipe=recipe,
            trials=len(runs),
            parallel=min(asked.parallel or room, room, len(runs)),
            seed=0,
            startup=0,
            resources=per_trial,
            checkpoints=checkpoints_folder(None, None if asked.store else OWN_CHECKPOINTS),
            keep_checkpoints=0,
            stall_seconds=STALL_SECONDS,
            created_by=whoami(),
            versions=versions(),
        )
        name = asked.name or name_of(experiment, search, runs)
        return search.model_copy(update={"name": name})

    def _drive(self, search: Search) -> None:
        from alignsearch.search.driver.driver import Outcome as DriverOutcome

        print_text(f"search {search.name}: {search.trials} runs, {search.parallel} at once")
        if not self._connected:
            self.enter_context(cluster(self._asked.ray))
            self._connected = True
        with interruptible() as interrupt:
            revive = reviver(self._asked.store)
            ended = drive_to_end(self.store, self._uri, search.name, interrupt, console, revive)
        if ended is DriverOutcome.INTERRUPTED:
            notices.print(
                f"interrupted; the same command goes on with {search.name}", highlight=False
            )
            raise typer.Exit(EXIT_INTERRUPTED)
