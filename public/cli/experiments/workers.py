"""The store and the Ray cluster in which experiments train, as their options name them."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer

from alignsearch.cli.options import (
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    console,
    notice,
    print_text,
)
from alignsearch.driving import (
    EXIT_INTERRUPTED,
    cluster,
    drive_to_end,
    interruptible,
    make_driver,
)
from alignsearch.experiments.store_place import Room
from alignsearch.names import whoami
from alignsearch.search.documents import Search
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.store import Store
from alignsearch.search.use_cases.new_search import check_room, checkpoints_folder, prepare
from alignsearch.spaces.definition import Definition
from alignsearch.submitting import submission
from alignsearch.surroundings import placeable, surroundings
from alignsearch.tensorflow_import import quietly
from alignsearch.wiring import OWN_CHECKPOINTS, has_store, open_store, reviver, store_uri


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Options on where an experiment trains and how its search is run."""

    parallel: Annotated[
        int | None,
        typer.Option(min=1, max=LARGEST, help="Runs at once. Default: all the cluster can place."),
    ] = None
    resources: Annotated[
        str | None,
        typer.Option(
            help="Resources of one run, like TPU=8 or CPU=0.5. Default: one accelerator, or a CPU."
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(help="Name of the search. Default: the experiment's and a hash of its runs."),
    ] = None
    log_format: LogFormatOption = "text"
    log_level: LogLevelOption = "warning"
    store: StoreOption = None
    ray: RayOption = None


class ClusterWorkers(ExitStack):
    """`Workers` on the store and the Ray cluster of the options.

    The store is opened, and the cluster connected to or started, when first needed; both are left
    at the end of the `with` statement.
    """

    def __init__(self, options: PlaceOptions) -> None:
        """Note the options; nothing is opened or started yet."""
        super().__init__()
        self._options = options
        self._store: Store | None = None
        self._connected = False

    @property
    def has_store(self) -> bool:
        """True if a store is named or this folder has one."""
        return has_store(self._options.store)

    @property
    def owner(self) -> str:
        """This person and host."""
        return whoami()

    def open_store(self) -> Store:
        """The existing store, as `Workers.open_store`."""
        if self._store is None:
            self._store = self.enter_context(open_store(self._options.store))
        return self._store

    def make_store(self) -> Store:
        """The store; the folder's embedded one is created and started if needed."""
        if self._store is None:
            self._store = self.enter_context(Store.connect(store_uri(self._options.store)))
        return self._store

    def room(self) -> Room:
        """Resources of one run, and how many runs the cluster can place, as `Workers.room`."""
        per_run, runs = placeable(self._options.ray, self._options.resources)
        check_room(self._options.parallel, runs, per_run)
        return Room(per_run, runs)

    def checkpoints(self) -> str | None:
        """A folder beside the embedded store; None with a store that is named."""
        return checkpoints_folder(None, None if self._options.store else OWN_CHECKPOINTS)

    def prepare(self, name: str, space: str | Definition, options: Mapping[str, Any]) -> Search:
        """Return the search that `alignsearch submit` would store, as `Workers.prepare`."""
        around = surroundings(self._options.store, self._options.ray, wait=True)
        definition = space if isinstance(space, Definition) else quietly(around.resolve)(space)
        address = definition.space.name if isinstance(space, Definition) else space
        given = {"resources": self._options.resources, **options, "name": name}
        asked = submission(definition, given, space=address)
        return prepare(asked, self.owner, around, definition=definition)

    def drive(self, search: Search, unit: str) -> None:
        """Drive the search to its end, showing its progress.

        Raises:
            typer.Exit: the person interrupted it.
        """
        from alignsearch.search.driver.driver import Outcome

        print_text(f"search {search.name}: {search.trials} {unit}, {search.parallel} at once")
        if not self._connected:
            self.enter_context(cluster(self._options.ray))
            self._connected = True
        store, uri = self.make_store(), store_uri(self._options.store)
        revive = reviver(self._options.store)
        with interruptible(notice) as interrupt:
            make = partial(make_driver, store, uri, search.name, revive)
            ended = drive_to_end(store, search.name, make, interrupt, console)
        if ended is Outcome.INTERRUPTED:
            notice(f"interrupted; the same command continues {search.name}")
            raise typer.Exit(EXIT_INTERRUPTED)
