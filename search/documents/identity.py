"""Identity of a search outside of its store: in names of workers and folders, logs and metrics.

A name alone tells no two searches apart that lie in two stores, in two databases of one server, in
a store and its copy, or that had one name one after the other. So each of these names holds store,
database, name and creation token, and a process that finds one compares all four.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from alignsearch.search.documents.errors import ForeignSearchError

LABELS = ("search", "store", "database", "token")
"""Names of an identity's parts as metrics and logs have them."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Place:
    """The place where a search is stored.

    Attributes:
        store: the store's random id.
        database: name of the database.
        earlier: ids that the store had before it was found to be a copy, the oldest first.
        problem: why the store has no id of its own, and what to do; empty if it has one.
    """

    store: str
    database: str
    earlier: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Identity:
    """A search among all searches of all stores.

    Attributes:
        search: its name.
        store: the id of its store.
        database: the database that holds it.
        token: random, drawn when the search was created.
    """

    search: str
    store: str
    database: str
    token: str

    def __str__(self) -> str:
        """Return the identity as a name for an actor or a folder; it has no slash.

        The form is NAME@DATABASE-STORE-TOKEN. Neither store nor token has a dash, nor a name an @.
        """
        return f"{self.search}@{_UNSAFE.sub('_', self.database)}-{self.store}-{self.token}"

    @property
    def labels(self) -> dict[str, str]:
        """The parts by the names of `LABELS`."""
        return {name: getattr(self, name) for name in LABELS}


def check_same(found: Identity, known: Identity) -> None:
    """Refuse a search that has got the name of a known one since that was read.

    Args:
        found: the search that has the name now.
        known: the search that is meant.

    Raises:
        ForeignSearchError: they are two searches; the known one was deleted or renamed.
    """
    if found != known:
        raise ForeignSearchError(
            f"the name {known.search!r} belongs to another search now: the one that had it was "
            "deleted or renamed since it was opened here; open the new one by its name"
        )


def token_of_old(created_at: datetime, store: str) -> str:
    """Return the token of a search that was created before searches had one.

    It follows from what is stored, so that every process finds the same one. A store has no two
    searches of one name and one millisecond: the first must have been deleted before the second
    was created. In another store the same search has another token, so a copy is no original.
    """
    known = f"{created_at.isoformat(timespec='milliseconds')} {store}"
    return hashlib.sha256(known.encode()).hexdigest()[:16]
