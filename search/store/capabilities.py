"""Capabilities of a server, tried out once: some only speak MongoDB's protocol.

A server can take every command and still lose what a search needs: a date's milliseconds, a NaN, a
uniqueness. Then a search stands still, or its results are wrong, weeks later. So each need is tried
out on documents of a scratch collection, in a second, when a store is first used. The outcome is
kept in the store with the server's version.
"""

import math
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import errors

from alignsearch.search.documents.errors import StoreRefusedError, StoreUnavailableError
from alignsearch.search.store.connection import Record, StoreConnection

SCRATCH = "scratch"
"""The collection of the tries. It is empty between them."""
KEPT = "capabilities"
"""`_id` of the outcome in `meta`."""
TRIES = 3
"""Version of the tables below: an outcome of other tables is tried out again."""
CHANGE_STREAMS = "change streams"
STREAM_SECONDS = 5.0
"""Longest wait for a change on a stream: a server that is slower wakes nobody in time."""

_AT = datetime(2026, 2, 28, 23, 59, 59, 123000, tzinfo=UTC)


class _Scratch:
    """The scratch collection, for documents of one check."""

    def __init__(self, connection: StoreConnection) -> None:
        self.db = connection
        self.check = secrets.token_hex(8)

    def key(self, name: object) -> str:
        return f"{self.check}/{name}"

    def put(self, name: object, **fields: Any) -> bool:
        # An earlier try has left a unique index, to which documents without a number are alike.
        own = {"check": self.check, "number": secrets.token_hex(8)}
        return self.db.insert(SCRATCH, {"_id": self.key(name), **own, **fields})

    def get(self, name: object, *parts: str) -> Record:
        return self.db.find_one(SCRATCH, {"_id": self.key(name)}, fields=parts or None) or {}

    def names(self, condition: Record, **options: Any) -> list[str]:
        found = self.db.find(SCRATCH, {"check": self.check, **condition}, **options)
        return [each["_id"].partition("/")[2] for each in found]

    def set(self, name: object, condition: Record, **changes: Any) -> bool:
        where = {"_id": self.key(name), **condition}
        return self.db.update(SCRATCH, where, {"$set": changes})


def _keeps_dates(scratch: _Scratch) -> bool:
    scratch.put("date", at=_AT)
    earlier = scratch.names({"at": {"$lt": _AT}})
    later = scratch.names({"at": {"$lt": _AT + timedelta(milliseconds=1)}})
    return bool(scratch.get("date")["at"] == _AT and not earlier and later == ["date"])


def _keeps_numbers(scratch: _Scratch) -> bool:
    exact = {"third": 1 / 3, "huge": 2**62, "negative": -0.0}
    scratch.put("numbers", nan=math.nan, infinite=math.inf, **exact)
    found = scratch.get("numbers")
    kept = all(repr(found[name]) == repr(value) for name, value in exact.items())
    return kept and math.isnan(found["nan"]) and found["infinite"] == math.inf


def _reads_parts(scratch: _Scratch) -> bool:
    scratch.put("part", whole={"one": 1, "two": {"three": 3}})
    scratch.put("null", whole=None)
    found, empty = scratch.get("part", "whole.two"), scratch.get("null", "whole.two")
    return found["whole"] == {"two": {"three": 3}} and not empty.get("whole")


def _finds_null_and_absent(scratch: _Scratch) -> bool:
    scratch.put("null", lease=None)
    scratch.put("absent")
    scratch.put("held", lease={"token": "t"})
    return sorted(scratch.names({"lease": None})) == ["absent", "null"]


def _finds_by_all(scratch: _Scratch) -> bool:
    for token in ("one", "two"):
        scratch.put(token, lease={"token": token})
    scratch.put("none", lease=None)
    return scratch.names({"lease.token": {"$all": ["one"]}}) == ["one"]


def _compares_and_sets(scratch: _Scratch) -> bool:
    scratch.put("cas", state="queued", attempts={})
    first = scratch.set("cas", {"state": "queued"}, state="running", **{"attempts.1": {"n": 1}})
    second = scratch.set("cas", {"state": {"$in": ["queued"]}}, state="lost")
    found = scratch.get("cas")
    right = (found["state"], found["attempts"]) == ("running", {"1": {"n": 1}})
    return first and not second and right


def _refuses_duplicates(scratch: _Scratch) -> bool:
    scratch.db.create_index(SCRATCH, ("check", "number"), unique=True)
    first, same_id, same_number = (
        scratch.put("first", number=1),
        scratch.put("first", number=2),
        scratch.put("second", number=1),
    )
    several = [
        {"_id": scratch.key(name), "check": scratch.check, "number": number}
        for name, number in (("third", 3), ("first", 4), ("fifth", 5))
    ]
    refused = [each["_id"] for each in scratch.db.insert_each(SCRATCH, several)]
    kept = scratch.names({"number": {"$gte": 1}}, sort=["number"])
    right = refused == [scratch.key("first")] and kept == ["first", "third", "fifth"]
    return first and not same_id and not same_number and right


def _sorts_and_limits(scratch: _Scratch) -> bool:
    for number, loss in enumerate((0.5, 0.25, 0.25, 1.0)):
        scratch.put(number, loss=loss, tid=number, number=number)
    best = scratch.names({"loss": {"$gt": 0.0, "$lte": 0.5}}, sort=["loss", "tid"], limit=2)
    return best == ["1", "2"]


def _counts_up(scratch: _Scratch) -> bool:
    scratch.put("counter", seq=0)
    found = [scratch.db.increase(SCRATCH, scratch.key("counter"), "seq", 2) for _ in range(2)]
    return [each and each["seq"] for each in found] == [2, 4]


def _sums_up(scratch: _Scratch) -> bool:
    for number in range(3):
        scratch.put(number, number=number)
    stages: list[Record] = [
        {"$match": {"check": scratch.check}},
        {"$group": {"_id": None, "n": {"$sum": 1}}},
    ]
    return [each["n"] for each in scratch.db.aggregate(SCRATCH, stages)] == [3]


def _replaces_or_makes(scratch: _Scratch) -> bool:
    for text in ("old", "new"):
        fields = {"check": scratch.check, "text": text}
        scratch.db.update(SCRATCH, {"_id": scratch.key("log")}, {"$set": fields}, upsert=True)
    return bool(scratch.get("log")["text"] == "new")


def _deletes(scratch: _Scratch) -> bool:
    for number in range(2):
        scratch.put(number, number=number)
    deleted = scratch.db.delete(SCRATCH, {"check": scratch.check})
    return deleted == 2 and scratch.names({}) == []


def _streams_changes(scratch: _Scratch) -> bool:
    with scratch.db.watch(SCRATCH, {}, STREAM_SECONDS) as next_change:
        scratch.put("streamed")
        return bool((next_change() or {})["documentKey"]["_id"] == scratch.key("streamed"))


# Every write here is a majority and journaled one, as all of the store's: none works without.
NEEDS: Mapping[str, Callable[[_Scratch], bool]] = {
    "dates to the millisecond": _keeps_dates,
    "numbers to the last digit, NaN and infinity": _keeps_numbers,
    "reads of a document's parts, also where they are null": _reads_parts,
    "conditions that a field is null or absent": _finds_null_and_absent,
    "$all": _finds_by_all,
    "compare-and-set, majority and journaled": _compares_and_sets,
    "unique keys and indexes": _refuses_duplicates,
    "sorted and limited reads": _sorts_and_limits,
    "counters (findAndModify)": _counts_up,
    "sums (aggregate)": _sums_up,
    "upserts": _replaces_or_makes,
    "deletions": _deletes,
}


# Not needed: whoever waits polls where the server doesn't tell.
OFFERS: Mapping[str, Callable[[_Scratch], bool]] = {CHANGE_STREAMS: _streams_changes}


def lacking(connection: StoreConnection) -> list[str]:
    """Return what the server can't do of `NEEDS`, tried out unless the outcome is known.

    A user who may not try it out, as one of the program's roles, is told what an administrator's
    try has found: nothing where there was none.

    Raises:
        StoreUnavailableError: the store doesn't answer.
    """
    server = _server(connection)
    known = _known(connection, server)
    if known is not None:
        return list(known["lacking"])
    try:
        found = [need for need, works in NEEDS.items() if not _holds(connection, works)]
        offered = [offer for offer, works in OFFERS.items() if _holds(connection, works)]
        outcome = {**server, "lacking": found, "offered": offered}
        connection.update("meta", {"_id": KEPT}, {"$set": outcome}, upsert=True)
    except StoreRefusedError:
        return []
    return found


def offered(connection: StoreConnection) -> list[str]:
    """Return what the server can do of `OFFERS`, as far as that was tried out: all, if it wasn't.

    Raises:
        StoreUnavailableError: the store doesn't answer.
    """
    known = _known(connection, _server(connection))
    return list(OFFERS if known is None else known["offered"])


LISTS = ("lacking", "offered")
"""Fields of a kept outcome with names of `NEEDS` and `OFFERS`."""


def _server(connection: StoreConnection) -> Record:
    """Return the fields by which a kept outcome is this server's."""
    version = connection.server_version()
    # A server keeps its version as it becomes a member of a replica set.
    return {"version": version, "replica_set": bool(connection.members()), "tries": TRIES}


def _known(connection: StoreConnection, server: Record) -> Record | None:
    known = connection.find_one("meta", {"_id": KEPT})
    if known is None or {key: known.get(key) for key in server} != server:
        return None
    # The tries are run again in place of a damaged outcome.
    return known if all(isinstance(known.get(key), list) for key in LISTS) else None


def _holds(connection: StoreConnection, works: Callable[[_Scratch], bool]) -> bool:
    scratch = _Scratch(connection)
    try:
        return works(scratch)
    except StoreRefusedError:
        raise
    except StoreUnavailableError as error:
        # An answer that refuses the command is an outcome, and no answer is none.
        if isinstance(error.__cause__, errors.OperationFailure):
            return False
        raise
    except (KeyError, TypeError):
        return False
    finally:
        connection.delete(SCRATCH, {"check": scratch.check})
