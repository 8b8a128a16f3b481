"""The store that a command or a script works on.

The command line and the Python API both find their store here: the one that a URI names, or the
embedded one of the current folder.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.store_variable import store_of_environment

EMBEDDED_FOLDER = Path(".alignsearch")
OWN_CHECKPOINTS = EMBEDDED_FOLDER / "checkpoints"

logger = logging.getLogger(__name__)


def open_store(uri: str | None) -> Store:
    """Connect to the store at `uri`, or start this folder's embedded store and connect to it.

    Raises:
        StoreUnavailableError: nothing answers, or this folder has no store.
        StoreCorruptedError: the embedded store's folder can't be used.
    """
    if not has_store(uri):
        raise StoreUnavailableError(
            f"the folder {Path.cwd()} has no store ({EMBEDDED_FOLDER}/) and so no search: "
            "`alignsearch submit` makes both; or work in the folder of your searches, or name a "
            "MongoDB with --store"
        )
    return Store.connect(store_uri(uri))


def store_named(uri: str | None) -> str | None:
    """Return `uri`, or the one that the environment names; None for this folder's own store."""
    return uri or store_of_environment()


def has_store(uri: str | None) -> bool:
    """Return whether a store exists: one is named by `uri`, or this folder has one."""
    return bool(uri) or EMBEDDED_FOLDER.exists()


def store_uri(uri: str | None) -> str:
    """Return `uri`, or the URI of this folder's embedded store, which is created and started."""
    return uri or EmbeddedStore(EMBEDDED_FOLDER).ensure()


def reviver(uri: str | None) -> Callable[[], None]:
    """Return a function that restarts the store if it is this folder's embedded one.

    A store whose port was taken by another program meanwhile comes back at another one, which this
    process can't follow: a line says so.
    """
    before = None if uri else EmbeddedStore(EMBEDDED_FOLDER).status().uri

    def revive() -> None:
        if uri:
            return
        try:
            found = store_uri(None)
        except StoreUnavailableError as error:
            logger.warning("%s", error)
            return
        if before not in (None, found):
            logger.error(
                "the store of this folder answers at %s now, and no longer at %s, whose port "
                "another program has taken: end this process, and start it again",
                found,
                before,
            )

    return revive
