"""A store on any server that speaks MongoDB's protocol: a connection, and a part a kind of record.

Every change of state is one compare-and-set by `_id`, safe to send twice. All times are
the server's. Every method raises StoreUnavailableError when the server doesn't answer,
and StoreCorruptedError when it answers with a document that can't be read.
"""

import time
from datetime import datetime
from typing import Self

from alignsearch.search.documents.identity import Place
from alignsearch.search.store import capabilities
from alignsearch.search.store.attempts import Attempts
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.copies import Copies
from alignsearch.search.store.deletions import Deletions
from alignsearch.search.store.logs import Logs
from alignsearch.search.store.news import News
from alignsearch.search.store.numbering import Numbering
from alignsearch.search.store.places import Places
from alignsearch.search.store.points import Points
from alignsearch.search.store.renames import Renames
from alignsearch.search.store.searches import Searches
from alignsearch.search.store.services import Services
from alignsearch.search.store.totals import Totals
from alignsearch.search.store.tracking import Tracking
from alignsearch.search.store.trial_records import TrialRecords
from alignsearch.search.store.trials import Trials


class Store:
    """A connection to a store, and the parts that read and write through it.

    Attributes:
        searches: searches, their statuses and their drivers' leases.
        trials: trials and their changes.
        attempts: attempts at trials, with the workers' leases.
        points: points that people have given to searches, of which drivers make trials.
        totals: counts and the best trial of each search.
        logs: events, epochs and log lines.
        copies: whole searches, for dumping and loading.
        renames: whole searches that get another name.
        deletions: whole searches that are deleted.
        tracking: the right to write a search's trials into a tracking tool, and how far it is.
        services: processes that drive all searches of the store.
        news: wakes pollers when something has changed, where the server can tell.
    """

    @classmethod
    def connect(cls, uri: str, *, timeout: float = 5.0) -> Self:
        """Connect to `uri`; its path names the database (`alignsearch` if it has none).

        timeout: seconds within which a server must be found, now and at every later call.

        Raises:
            ConfigurationError: `uri` can't be parsed.
            StoreUnavailableError: no server answers, or it refuses us.
            StoreCorruptedError: a newer version of the program wrote this store.
        """
        return cls(StoreConnection.open(uri, timeout))

    def __init__(self, connection: StoreConnection) -> None:
        """Build the parts over one connection, which `close` closes."""
        self._db = connection
        numbering = Numbering(connection)
        records = TrialRecords(connection)
        self.logs = Logs(connection)
        self._places = Places(connection)
        self.searches = Searches(connection, self.logs, self._places)
        self.trials = Trials(connection, records, numbering)
        self.attempts = Attempts(connection, records, self.trials)
        self.points = Points(connection)
        self.totals = Totals(connection, numbering, self.trials)
        self.copies = Copies(connection)
        self.renames = Renames(connection, self._places)
        self.deletions = Deletions(connection, self._places)
        self.tracking = Tracking(connection)
        self.services = Services(connection)
        self.news = News(connection)

    def close(self) -> None:
        """Close the connection."""
        self.news.close()
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def uri_for_people(self) -> str:
        """The URI with its passwords hidden."""
        return self._db.uri_for_people

    @property
    def place(self) -> Place:
        """The store's id and database, by which it is told from every other one."""
        return self._places.place

    def lacking(self) -> list[str]:
        """Return what the server can't do of what a search needs; see `store.capabilities`."""
        return capabilities.lacking(self._db)

    def now(self) -> datetime:
        """Return the server's clock, aware UTC, to the millisecond."""
        return self._db.now()

    def ping(self) -> float:
        """Return how long the server takes to answer, in seconds."""
        started = time.monotonic()
        self._db.ask_clock()
        return time.monotonic() - started
