"""The store of searches, trials, epochs and events: any server that speaks MongoDB's protocol.

Every change of state is one compare-and-set by `_id`, safe to send twice. All times are
the server's. Every method raises StoreUnavailableError when the server doesn't answer,
and StoreCorruptedError when it answers with a document that can't be read.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import DriverLease, Event, Search
from alignsearch.search.documents.errors import (
    NameTakenError,
    StateConflictError,
    StoreCorruptedError,
)
from alignsearch.search.documents.states import (
    SEARCH_TRANSITIONS,
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
    statuses_before,
)
from alignsearch.search.store.address import mask
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.copy_store import CopyStore
from alignsearch.search.store.tally_store import TallyStore
from alignsearch.search.store.view_store import ViewStore

__all__ = ["Store", "mask"]

_ACTIVE = sorted(set(SearchStatus) - TERMINAL_SEARCH_STATUSES)

MOST_ACTIVE_SEARCHES = 1000
"""Searches that aren't over: more would be a submit that runs away, and slow every driver."""

logger = logging.getLogger(__name__)


class Store(ViewStore, TallyStore, CopyStore):
    """The store's one entry point: searches here, trials and attempts in the parents."""

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
        super().__init__(connection)
        self._unreadable: set[str] = set()
        self._active: dict[str, tuple[Record, Search]] = {}

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def uri_for_people(self) -> str:
        """The URI with its passwords hidden."""
        return self._db.uri_for_people

    def ping(self) -> float:
        """Return how long the server takes to answer, in seconds."""
        started = time.monotonic()
        self._db.ask_clock()
        return time.monotonic() - started

    def create_search(self, search: Search) -> Search:
        """Insert the search and return it as stored.

        Raises:
            NameTakenError: there is a search of this name.
            StateConflictError: as many searches wait and run as the store may have.
        """
        now = self.now()
        waiting = self._db.find("searches", {"status": {"$in": _ACTIVE}}, fields=["_id"])
        if len(waiting) >= MOST_ACTIVE_SEARCHES:
            raise StateConflictError(
                f"the queue is full: {len(waiting)} searches wait or run, and "
                f"{MOST_ACTIVE_SEARCHES} may; wait for some to end, or end them with `alignsearch "
                "stop` or `cancel` (`alignsearch status` lists them)"
            )
        created = search.model_copy(update={"created_at": now, "updated_at": now})
        token = secrets.token_hex(8)
        # The counter first: a search that can be seen has one.
        if not self._db.insert("counters", {"_id": search.name, "seq": 0}):
            counter = self._db.find_one("counters", {"_id": search.name})
            if counter is not None and "load" in counter:
                raise NameTakenError(
                    f"a search named {search.name!r} was loaded, or is being loaded: choose "
                    "another --name"
                )
        if not self._db.insert("searches", {**created.to_bson(), "change": token}):
            stored = self._db.find_one("searches", {"_id": search.name})
            if stored is None or stored["change"] != token:
                raise NameTakenError(
                    f"there is a search named {search.name!r} already: choose another --name"
                )
        self.add_event(search.name, search.created_by, "created")
        return created

    def get_search(self, name: str) -> Search:
        """Return the search.

        Raises:
            UnknownNameError: there is none.
        """
        return _decode(self._find_search(name))

    def list_searches(self) -> list[Search]:
        """Return all searches, the oldest first.

        One that can't be read must not keep the others from their driver: it is left out, with a
        warning the first time. `get_search` says what is wrong with it.
        """
        return self._readable(self._db.find("searches", {}, sort=["created_at"]))

    def active_searches(self) -> list[Search]:
        """Return the searches that are not over, the oldest first, without those that
        can't be read; as cheap with thousands that are over as with none.
        """
        found = self._db.find("searches", {"status": {"$in": _ACTIVE}})
        kept: dict[str, tuple[Record, Search]] = {}
        for each in found:
            # Of a long queue little changes between two looks: only that is read.
            known = self._active.get(each["_id"])
            if known is None or known[0] != each:
                readable = self._readable([each])
                if not readable:
                    continue
                known = each, readable[0]
            kept[each["_id"]] = known
        self._active = kept
        return sorted((search for _, search in kept.values()), key=lambda it: it.created_at)

    def _readable(self, documents: Sequence[Record]) -> list[Search]:
        searches = []
        for found in documents:
            try:
                searches.append(_decode(found))
            except StoreCorruptedError as error:
                if found["_id"] not in self._unreadable:
                    self._unreadable.add(found["_id"])
                    logger.warning("search %s is left out: %s", found["_id"], error)
        return searches

    def change_search(self, name: str, to: SearchStatus, who: str, *, detail: str = "") -> Search:
        """Bring the search to status `to` and note who did; a failure's `detail` is its error.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: its status doesn't allow it; says which it does.
        """
        changes: Record = {"status": to.value}
        if to is SearchStatus.FAILED:
            changes["error"] = detail
        found = self._set_search(name, statuses_before(to), changes)
        if found is None:
            status = self.get_search(name).status
            possible = sorted(SEARCH_TRANSITIONS[status])
            rule = f"from there it can be {', '.join(possible)}" if possible else "that is final"
            raise StateConflictError(f"search {name!r} can't be {to}: it is {status}; {rule}")
        self.add_event(name, who, to.value, detail)
        return found

    def request_stop(self, name: str, who: str) -> Search:
        """Ask that no new trial of the search begins; those that run finish.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: it has ended.
        """
        active = frozenset(SearchStatus) - TERMINAL_SEARCH_STATUSES
        found = self._set_search(name, active, {"stop_requested": True})
        if found is None:
            status = self.get_search(name).status
            raise StateConflictError(f"search {name!r} can't be stopped: it is {status} already")
        self.add_event(name, who, "stop requested")
        return found

    def acquire_driver(self, name: str, owner: str, ttl: float) -> str | None:
        """Take the search's lease for `ttl` seconds; return its token, None if another has it.

        Raises:
            UnknownNameError: there is no such search.
        """
        now = self.now()
        token = secrets.token_hex(8)
        lease = DriverLease(owner=owner, token=token, expires_at=now + timedelta(seconds=ttl))
        free = {"$or": [{"driver": None}, {"driver.expires_at": {"$lt": now}}]}
        changes = {"$set": {"driver": lease.to_bson()}}
        if not self._db.update("searches", {"_id": name, **free}, changes):
            driver = _decode(self._find_search(name)).driver
            if driver is None or driver.token != token:
                return None
        return token

    def renew_driver(self, name: str, token: str, ttl: float) -> bool:
        """Hold the search's lease for `ttl` seconds from now; return False if another has it."""
        expires_at = self.now() + timedelta(seconds=ttl)
        changes = {"$set": {"driver.expires_at": expires_at}}
        held = {"_id": name, "driver.token": token}
        return self._db.update("searches", held, changes)

    def release_driver(self, name: str, token: str) -> None:
        """Give the search's lease up, if `token` still holds it."""
        held = {"_id": name, "driver.token": token}
        self._db.update("searches", held, {"$set": {"driver": None}})

    def add_event(self, search: str, who: str, what: str, detail: str = "") -> None:
        """Note that `who` did `what`."""
        event = Event(search=search, at=self.now(), who=who, what=what, detail=detail)
        self._db.insert("events", event.to_bson())

    def events(self, search: str) -> list[Event]:
        """Return what was done to the search, the oldest first."""
        found = self._db.find("events", {"search": search}, sort=["at"])
        return [Event.from_bson(document) for document in found]

    def _find_search(self, name: str) -> Record:
        found = self._db.find_one("searches", {"_id": name})
        if found is None:
            names = self._db.find("searches", {}, fields=["_id"])
            raise UnknownNameError("search", name, (document["_id"] for document in names))
        return found

    def _set_search(
        self, name: str, allowed: frozenset[SearchStatus], changes: Record
    ) -> Search | None:
        """Compare and set; None if the search's status isn't among the `allowed` ones."""
        token = secrets.token_hex(8)
        condition = {"_id": name, "status": {"$in": sorted(status.value for status in allowed)}}
        update = {"$set": {**changes, "updated_at": self.now(), "change": token}}
        done = self._db.update("searches", condition, update)
        found = self._find_search(name)
        return _decode(found) if done or found["change"] == token else None


def _decode(found: Record) -> Search:
    return Search.from_bson({name: value for name, value in found.items() if name != "change"})
