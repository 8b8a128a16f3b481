"""Points that people have given to searches, in the order in which they were given.

A point is never changed, and its number is the next one of its search: the id is made of search and
number, so that of two writers one is refused and takes the number after it. A search's `enqueued`
says how many points may be read. It is raised after they are stored, so a reader that looks at
the search alone knows whether there are new ones, and a write that was broken off shows none.
"""

from collections.abc import Iterator, Sequence

from alignsearch.search.documents import GivenPoint
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.readable import Readable

IDS_AT_ONCE = 500
"""Ids in one query, and points in one insert: thousands would take a command too long."""


class Points:
    """The store's given points, found by their ids alone: that needs no index."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection
        self._readable = Readable("point")

    def read(self, search: str, first: int, end: int) -> list[GivenPoint]:
        """Return the search's points whose numbers lie in [first, end), by number.

        One that can't be read is left out, which is logged once.
        """
        return self._readable.of(self.records(search, first, end), GivenPoint.from_bson)

    def all(self, search: str) -> list[GivenPoint]:
        """Return all points of the search, also those that aren't counted yet, by number."""
        found = (record for page in self._pages(search) for record in page)
        return self._readable.of(found, GivenPoint.from_bson)

    def records(self, search: str, first: int, end: int) -> list[Record]:
        """Return what `read` does, unreadable ones too, as it is stored."""
        starts = range(first, end, IDS_AT_ONCE)
        pages = (self._page(search, start, min(start + IDS_AT_ONCE, end)) for start in starts)
        return [record for page in pages for record in page]

    def add(self, points: Sequence[GivenPoint]) -> list[GivenPoint]:
        """Insert points of one search under the next free numbers; return them as stored.

        They can be read by number only, until `publish` counts them.
        """
        if not points:
            return []
        search, now = points[0].search, self._db.now()
        number = self._end(search)
        waiting, added = list(points), []
        while waiting:
            batch = [
                _numbered(point, number + at).model_copy(update={"at": now})
                for at, point in enumerate(waiting[:IDS_AT_ONCE])
            ]
            refused = {each["_id"] for each in self._insert(batch)}
            added += [each for each in batch if each.id not in refused]
            # Another writer has taken these numbers: the points get later ones.
            again = [p for p, n in zip(waiting, batch, strict=False) if n.id in refused]
            waiting = again + waiting[len(batch) :]
            number += len(batch)
        return added

    def publish(self, search: str) -> int:
        """Count all stored points of the search, so that its driver reads them; return how many.

        Publishing again changes nothing. It also counts points whose writer died before this.
        """
        end = self._end(search)
        # Absent in searches of older versions.
        fewer = {"$or": [{"enqueued": {"$lt": end}}, {"enqueued": {"$exists": False}}]}
        # It is no update: one that is over ended when it did, which notices go by.
        self._db.update("searches", {"_id": search, **fewer}, {"$set": {"enqueued": end}})
        return end

    def _insert(self, batch: Sequence[GivenPoint]) -> list[Record]:
        """Insert; return the documents whose numbers another writer has."""
        refused = self._db.insert_each("points", [point.to_bson() for point in batch])
        if not refused:
            return []
        # One of our own is refused, too, where the first answer was lost and they were sent again.
        ours = {point.id: point.token for point in batch}
        there = self._db.find("points", {"_id": {"$in": [each["_id"] for each in refused]}})
        foreign = {each["_id"] for each in there if each["token"] != ours[each["_id"]]}
        return [each for each in refused if each["_id"] in foreign]

    def _end(self, search: str) -> int:
        """Return the first number that no point of the search has."""
        found = self._db.find_one("searches", {"_id": search}, fields=["enqueued"])
        end: int = (found or {}).get("enqueued") or 0
        for page in self._pages(search, end):
            end = _number(page[-1]) + 1
        return end

    def _pages(self, search: str, first: int = 0) -> Iterator[list[Record]]:
        """Yield the points from a number on, until a whole page of numbers has none."""
        while page := self._page(search, first, first + IDS_AT_ONCE):
            yield page
            first += IDS_AT_ONCE

    def _page(self, search: str, first: int, end: int) -> list[Record]:
        ids = [GivenPoint.key(search, number) for number in range(first, end)]
        found = self._db.find("points", {"_id": {"$in": ids}})
        return sorted(found, key=_number)


def _number(record: Record) -> int:
    """Return a stored point's number, which its id has, too, where its fields are damaged."""
    return int(record["_id"].rpartition("/")[2])


def _numbered(point: GivenPoint, number: int) -> GivenPoint:
    key = GivenPoint.key(point.search, number)
    return point.model_copy(update={"id": key, "number": number})
