"""Dispatchers: the ways in which a driver's trials reach workers, in one table.

Each dispatcher is a module beside this one with a class that implements
`alignsearch.search.attempts.dispatcher.Dispatcher`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alignsearch.search.attempts.dispatcher import Dispatcher
from alignsearch.search.documents import Search
from alignsearch.workers import import_paths

MakeDispatcher = Callable[[Search, str], Dispatcher]
"""`make(search, store_uri)` returns a dispatcher for the trials of the search.

The search is as the store has it since the driver took its lease: workers may compare the two.
"""


@dataclass(frozen=True)
class DispatcherEntry:
    """A dispatcher by import path, so that naming it doesn't import it.

    Attributes:
        path: MODULE:CLASS.
        help: one line that says where its workers run.
        outlives_driver: whether workers go on when the driver's process dies, and are adopted by
            the next driver's dispatcher.
    """

    path: str
    help: str
    outlives_driver: bool

    def load(self) -> MakeDispatcher:
        """Import the dispatcher's module and return its class."""
        made: MakeDispatcher = import_paths.load(self.path)
        return made


DISPATCHERS: Mapping[str, DispatcherEntry] = {
    "ray": DispatcherEntry(
        "alignsearch.workers.dispatchers.ray_actors:RayDispatcher",
        "One Ray actor a slot, on any host of a cluster; actors keep TensorFlow imported.",
        outlives_driver=True,
    ),
    "threads": DispatcherEntry(
        "alignsearch.workers.dispatchers.threads:ThreadDispatcher",
        "One thread a slot in the driver's own process; for cheap objectives and for debugging.",
        outlives_driver=False,
    ),
}
