"""Searches in the store: creating, reading and steering them, and their drivers' leases."""

import logging
import secrets
from collections.abc import Callable, Collection, Sequence

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Confirmation, Search
from alignsearch.search.documents.errors import (
    NameTakenError,
    StateConflictError,
)
from alignsearch.search.documents.lease import DRIVER_LEASE, Lease, expiry
from alignsearch.search.documents.states import (
    SEARCH_TRANSITIONS,
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
    statuses_before,
)
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.leases import Leases
from alignsearch.search.store.logs import Logs
from alignsearch.search.store.places import Places
from alignsearch.search.store.readable import Readable
from alignsearch.search.store.whole import HOLDS, decode_search

_NOT_OVER = frozenset(SearchStatus) - TERMINAL_SEARCH_STATUSES
_ACTIVE = sorted(_NOT_OVER)

MOST_ACTIVE_SEARCHES = 1000
"""Searches that aren't over: more come from a script that submits in a loop, and slow drivers."""

logger = logging.getLogger(__name__)


class Searches:
    """The store's searches. Every change is a compare-and-set that is safe to send twice."""

    def __init__(self, connection: StoreConnection, logs: Logs, places: Places) -> None:
        self._db = connection
        self._places = places
        self._logs = logs
        self._leases = Leases(connection, "searches", DRIVER_LEASE)
        self._readable_ones = Readable("search")
        self._active: dict[str, tuple[Record, Search]] = {}

    def create(self, search: Search) -> Search:
        """Insert the search and return it as stored.

        Raises:
            NameTakenError: there is a search of this name.
            StateConflictError: the store has MOST_ACTIVE_SEARCHES that wait or run already.
        """
        now = self._db.now()
        waiting = self._db.find("searches", {"status": {"$in": _ACTIVE}}, fields=["_id"])
        if len(waiting) >= MOST_ACTIVE_SEARCHES:
            raise StateConflictError(
                f"the queue is full: {len(waiting)} searches wait or run, and "
                f"{MOST_ACTIVE_SEARCHES} may; wait for some to end, or end them with `alignsearch "
                "stop` or `cancel` (`alignsearch status` lists them)"
            )
        created = search.model_copy(
            update={
                "created_at": now,
                "updated_at": now,
                "token": secrets.token_hex(8),
                "inherits": (),
                "checkpoint_folder": None,
                "place": self._places.place,
            }
        )
        token = secrets.token_hex(8)
        # The counter first: a search that can be seen has one.
        if not self._db.insert("counters", {"_id": search.name, "seq": 0}):
            counter = self._db.find_one("counters", {"_id": search.name})
            for field, meaning in HOLDS.items():
                if counter is not None and counter.get(field) is not None:
                    raise NameTakenError(
                        f"the name {search.name!r} is taken: its search {meaning}; choose another "
                        "--name"
                    )
        if not self._db.insert("searches", {**created.to_bson(), "change": token}):
            stored = self._db.find_one("searches", {"_id": search.name})
            if stored is None or stored["change"] != token:
                raise NameTakenError(
                    f"there is a search named {search.name!r} already: choose another --name"
                )
        self._logs.add_event(search.name, search.created_by, "created")
        return created

    def get(self, name: str) -> Search:
        """Return the search.

        Raises:
            UnknownNameError: there is none.
        """
        return self._decode(self._find(name))

    def all(self) -> list[Search]:
        """Return all searches, the oldest first.

        A search that can't be read is left out, so that drivers still find the others. A warning
        is logged the first time; `get` raises the error.
        """
        return self._readable(self._db.find("searches", {}, sort=["created_at"]))

    def active(self) -> list[Search]:
        """Return the searches that are not over, the oldest first, without unreadable ones.

        It costs the same with thousands of searches that are over as with none.
        """
        found = self._db.find("searches", {"status": {"$in": _ACTIVE}})
        kept: dict[str, tuple[Record, Search]] = {}
        for each in found:
            # Few searches of a long queue change between two calls: only those are decoded.
            known = self._active.get(each["_id"])
            if known is None or known[0] != each:
                readable = self._readable([each])
                if not readable:
                    continue
                known = each, readable[0]
            kept[each["_id"]] = known
        self._active = kept
        return sorted((search for _, search in kept.values()), key=lambda it: it.created_at)

    def named(self, names: Collection[str]) -> list[Search]:
        """Return the searches of these names that exist, without unreadable ones."""
        found = self._db.find("searches", {"_id": {"$in": sorted(names)}}) if names else []
        return self._readable(found)

    def _readable(self, documents: Sequence[Record]) -> list[Search]:
        return self._readable_ones.of(documents, self._decode)

    def change(self, name: str, to: SearchStatus, who: str, *, detail: str = "") -> Search:
        """Set the search's status and add an event.

        The `detail` of a failure, or of a pause, is the search's error until its status changes.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: its status doesn't allow it; the message names those that it allows.
        """
        found = self._set(name, statuses_before(to), _over(to, detail))
        if found is None:
            status = self.get(name).status
            possible = sorted(SEARCH_TRANSITIONS[status])
            rule = f"from there it can be {', '.join(possible)}" if possible else "that is final"
            raise StateConflictError(f"search {name!r} can't be {to}: it is {status}; {rule}")
        self._logs.add_event(name, who, to.value, detail)
        return found

    def request_stop(self, name: str, who: str) -> Search:
        """Let no new trial of the search begin and add an event; running trials finish.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: it has ended.
        """
        found = self._set(name, _NOT_OVER, {"stop_requested": True})
        if found is None:
            status = self.get(name).status
            raise StateConflictError(f"search {name!r} can't be stopped: it is {status} already")
        self._logs.add_event(name, who, "stop requested")
        return found

    def extend(self, name: str, changes: Record, who: str, *, detail: str) -> Search:
        """Change what ends the search and add an event; a search that is over is queued again.

        changes: new values by the names of the search's fields, like `trials`.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: it was cancelled.
        """
        queued = {**changes, **_queued_again(confirms_only=False)}
        found = None
        # It may end, or be extended by somebody else, between the two.
        while found is None:
            found = self._set(name, statuses_before(SearchStatus.QUEUED), queued) or self._set(
                name, _NOT_OVER, {**changes, "stop_requested": False, "confirms_only": False}
            )
            if found is None and (search := self.get(name)).status is SearchStatus.CANCELLED:
                raise StateConflictError(
                    f"search {name!r} can't go on: it is cancelled. A new one can begin with its "
                    f"results: `alignsearch submit {search.space} --warm-start {name}`"
                )
        self._logs.add_event(name, who, "extended", detail)
        return found

    def adjust(self, name: str, changes: Record, who: str, *, detail: str) -> Search:
        """Change settings of a search that isn't over, and add an event.

        changes: new values by the names of the search's fields, like `parallel`.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: it is over.
        """
        if "trials" in changes:
            changes = {**changes, "confirms_only": False}
        found = self._set(name, _NOT_OVER, changes)
        if found is None:
            status = self.get(name).status
            hint = "that is final"
            if status is not SearchStatus.CANCELLED:
                hint = f"`alignsearch extend {name}` lets one that is over go on"
            raise StateConflictError(f"search {name!r} can't be set: it is {status}; {hint}")
        self._logs.add_event(name, who, "set", detail)
        return found

    def decide(self, name: str) -> tuple[Search, str]:
        """Return the search and the token of its last change, by which `end` knows it again.

        Raises:
            UnknownNameError: there is none.
        """
        found = self._find(name)
        return self._decode(found), found["change"]

    def end(
        self, search: Search, change: str, to: SearchStatus, who: str, *, detail: str
    ) -> Search | None:
        """End the search and add an event, unless somebody has changed it since it was read.

        search, change: as `decide` returned them.

        Returns:
            The search; None if it is to be read and decided about again.
        """
        # A search of an older version has no points, and lacks their number.
        points = [search.enqueued] if search.enqueued else [0, None]
        as_read: Record = {"change": change, "enqueued": {"$in": points}}
        found = self._set(search.name, statuses_before(to), _over(to, detail), as_read)
        if found is not None:
            self._logs.add_event(search.name, who, to.value, detail)
        return found

    def confirm(self, name: str, asked: Confirmation, who: str) -> Search:
        """Have the best trials repeated and add an event; a search that is over is queued again.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: it was cancelled.
        """
        changes: Record = {"confirm": asked.to_bson()}
        found = self._set(name, _NOT_OVER, changes) or self._set(
            name,
            statuses_before(SearchStatus.QUEUED),
            {**changes, **_queued_again(confirms_only=True)},
        )
        if found is None:
            status = self.get(name).status
            raise StateConflictError(f"search {name!r} can't be confirmed: it is {status}")
        cost = "" if asked.share is None else f", for at most {100 * asked.share:g} % of its cost"
        detail = f"the best {asked.top}, {asked.seeds} seeds each at most{cost}"
        self._logs.add_event(name, who, "to be confirmed", detail)
        return found

    def reopen(self, name: str, who: str, detail: str) -> Search:
        """Queue a search again that is over, with its budget as it is, and add an event.

        One that goes on for its repetitions alone begins trials of its own again, too.

        Raises:
            UnknownNameError: there is no such search.
            StateConflictError: it was cancelled, or goes on as it is.
        """
        over = frozenset({SearchStatus.COMPLETED, SearchStatus.FAILED})
        repeating = {"confirms_only": True}
        queued = _queued_again(confirms_only=False)
        found = (
            self._set(name, over, queued)
            or self._set(name, _NOT_OVER, {"confirms_only": False}, repeating)
            # Its repetitions have ended meanwhile.
            or self._set(name, over, queued)
        )
        if found is None:
            status = self.get(name).status
            raise StateConflictError(f"search {name!r} can't be queued again: it is {status}")
        self._logs.add_event(name, who, "queued again", detail)
        return found

    def edit(
        self,
        name: str,
        changes: Callable[[Search], Record],
        who: str,
        what: str,
        detail: str,
    ) -> Search:
        """Change fields of the search in whatever status, add an event, and return the search.

        It doesn't count as an update, so the search is as old as it was.

        changes: from the search as it is to the fields' new values. It is called again if the
            search was changed meanwhile.

        Raises:
            UnknownNameError: there is no such search.
        """
        while True:
            before = self._find(name)
            fields = changes(self._decode(before))
            token = secrets.token_hex(8)
            unchanged = {"_id": name, "change": before.get("change")}
            done = self._db.update("searches", unchanged, {"$set": {**fields, "change": token}})
            found = self._find(name)
            if done or found.get("change") == token:
                self._logs.add_event(name, who, what, detail)
                return self._decode(found)

    def acquire_driver(self, name: str, owner: str, ttl: float) -> str | None:
        """Take the driver's lease for `ttl` seconds; return its token, None if another has it.

        Raises:
            UnknownNameError: there is no such search.
        """
        token = secrets.token_hex(8)
        lease = Lease(owner=owner, token=token, expires_at=expiry(self._db.now(), ttl), seconds=ttl)
        if not self._leases.take(name, lease):
            driver = self.get(name).driver
            if driver is None or driver.token != token:
                return None
        return token

    def renew_driver(self, name: str, token: str, ttl: float) -> bool:
        """Extend the driver's lease to `ttl` seconds from now; return False if another has it."""
        return self._leases.renew(name, token, ttl)

    def pull_back_driver(self, search: Search) -> None:
        """Let the driver's lease pass in time if it was renewed while the store's clock was ahead.

        A driver that lives renews it long before.
        """
        if search.driver is not None:
            self._leases.pull_back(search.name, search.driver)

    def note_driven(self, name: str, token: str, seconds: float) -> None:
        """Record for how long the search has been driven, if `token` holds the driver's lease."""
        self._leases.note(name, token, {"driven_seconds": seconds})

    def release_driver(self, name: str, token: str) -> None:
        """Give the driver's lease up, if `token` still holds it."""
        self._leases.release(name, token)

    def _find(self, name: str) -> Record:
        found = self._db.find_one("searches", {"_id": name})
        if found is None:
            names = self._db.find("searches", {}, fields=["_id"])
            raise UnknownNameError("search", name, (document["_id"] for document in names))
        return found

    def _set(
        self,
        name: str,
        allowed: frozenset[SearchStatus],
        changes: Record,
        unchanged: Record | None = None,
    ) -> Search | None:
        """Compare and set; return None if the search's status isn't among the `allowed` ones.

        unchanged: further conditions.
        """
        token = secrets.token_hex(8)
        condition = {"_id": name, "status": {"$in": sorted(status.value for status in allowed)}}
        update = {"$set": {**changes, "updated_at": self._db.now(), "change": token}}
        done = self._db.update("searches", {**condition, **(unchanged or {})}, update)
        found = self._find(name)
        return self._decode(found) if done or found["change"] == token else None

    def _decode(self, found: Record) -> Search:
        return decode_search(found, self._places.place)


def _queued_again(*, confirms_only: bool) -> Record:
    """Return the changes of a search that is over and goes on."""
    return {
        "status": SearchStatus.QUEUED.value,
        "stop_requested": False,
        "confirms_only": confirms_only,
        "error": None,
        "ending": None,
    }


def _over(to: SearchStatus, detail: str) -> Record:
    """Return the changes of a search that gets another status, because of `detail`."""
    explained = to in (SearchStatus.FAILED, SearchStatus.PAUSED)
    return {
        "status": to.value,
        "error": (detail or None) if explained else None,
        "ending": (detail or None) if to in TERMINAL_SEARCH_STATUSES else None,
    }
