"""Connection to a store: the one place that calls PyMongo, and translates its errors.

It sends only commands that every MongoDB-wire server has: insert, find, update, delete,
findAndModify, createIndexes, aggregate with plain stages; for an administrator, those for users
and roles.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar, cast

import pymongo
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from pymongo import errors, monitoring
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.store.address import mask, read_uri
from alignsearch.search.store.refusals import no_tls_file, no_uri, not_stored, translated

Record = dict[str, Any]
T = TypeVar("T")

DATABASE = "alignsearch"
SCHEMA_VERSION = 1
STORE_ID = "store"
"""`_id` of the document in `meta` that has the store's own id (`store.places`)."""

SOCKET_TIMEOUT = 20.0
"""Seconds that one command may take at most; a server that hangs longer is unavailable."""

CLOCK_SECONDS = 5.0
"""Seconds until the server's clock is asked again; in so few, it drifts by less than 1 ms."""

# Each query that the store issues is served by one of these, or by `_id`.
INDEXES: Mapping[str, Sequence[tuple[tuple[str, ...], bool]]] = {
    "searches": [(("created_at",), False), (("status",), False)],
    "trials": [
        (("search", "seq"), True),
        (("search", "state", "result.status", "result.loss", "tid"), False),
    ],
    "epochs": [(("trial", "attempt", "epoch"), True)],
    "events": [(("search", "at"), False)],
}

_DUPLICATE_KEY = 11000


class StoreConnection:
    """Connection to a store's database, with journaled writes and the server's clock.

    Every method raises StoreUnavailableError if the server doesn't answer or refuses the command,
    and StoreFailedError, one of its kinds, if the server fails inside. A value that no store can
    hold, or look for, is a ConfigurationError.
    """

    def __init__(self, uri: str, timeout: float) -> None:
        """Prepare a connection; nothing is sent yet."""
        uri = read_uri(uri)
        self.uri = uri
        self.uri_for_people = mask(uri)
        if not uri.startswith(("mongodb://", "mongodb+srv://")):
            # PyMongo would take the text for a host's name and look that up.
            raise no_uri(uri, "it doesn't begin with mongodb:// or mongodb+srv://")
        try:
            self._client: pymongo.MongoClient[Record] = pymongo.MongoClient(
                uri,
                appname="alignsearch",
                tz_aware=True,
                tzinfo=UTC,
                serverSelectionTimeoutMS=round(timeout * 1000),
                connectTimeoutMS=round(timeout * 1000),
                socketTimeoutMS=round(max(timeout, SOCKET_TIMEOUT) * 1000),
                # Every worker has a client: streamed, each would keep a connection more, on which
                # the embedded server looks four times a second whether there is news.
                serverMonitoringMode="poll",
            )
            default = self._client.get_default_database(DATABASE).name
        except (errors.PyMongoError, ValueError) as error:
            raise no_uri(uri, error) from None
        except OSError as error:
            raise no_tls_file(uri, error) from error
        # Whatever the URI says: a write that a new primary doesn't know, or a read of a member that
        # lags behind, would break the protocol.
        self._database: Database[Record] = self._client.get_database(
            default,
            read_preference=pymongo.ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=pymongo.WriteConcern("majority", j=True),
        )
        self.database: str = default
        self._clock_options = CodecOptions[Record](tz_aware=True, tzinfo=UTC)
        self._clock: tuple[datetime, float] | None = None

    @classmethod
    def open(cls, uri: str, timeout: float) -> Self:
        """Connect, check the schema's version and create the indexes of a new store.

        Raises:
            ConfigurationError: `uri` can't be parsed, or its file can't be read.
            StoreCorruptedError: a newer version of the program wrote this store.
        """
        connection = cls(uri, timeout)
        try:
            connection._prepare_schema()
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connection's sockets."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare_schema(self) -> None:
        found = self.find_one("meta", {"_id": "schema"})
        version = found.get("version") if found else None
        if version == SCHEMA_VERSION:
            return
        if found is not None and not isinstance(version, int):
            raise StoreCorruptedError(
                f"the store {self.uri_for_people} can't be used: the version of its schema is "
                f"{version!r}; its document 'schema' in the collection meta was changed by hand or "
                "by another program"
            )
        if version is not None:
            raise StoreCorruptedError(
                f"the store {self.uri_for_people} has schema version {version!r}; this program "
                f"knows versions up to {SCHEMA_VERSION}: upgrade alignsearch, or use another store"
            )
        for collection, indexes in INDEXES.items():
            for keys, unique in indexes:
                self.create_index(collection, keys, unique=unique)
        self.insert("meta", new_store(self.members()))
        # Last, so that a store with a version has its indexes.
        self.insert("meta", {"_id": "schema", "version": SCHEMA_VERSION})

    def now(self) -> datetime:
        """Return the server's clock, aware UTC, to the millisecond.

        It is asked for every few seconds and followed in between: nearly every write has a time.
        """
        if self._clock is not None:
            asked, when = self._clock
            since = time.monotonic() - when
            if since < CLOCK_SECONDS:
                return asked + timedelta(milliseconds=int(1000 * since))
        return self.ask_clock()

    def ask_clock(self) -> datetime:
        """Ask the server for its clock, which shows, too, that the server answers."""
        with self._translated():
            try:
                answer = self._hello()
            except errors.AutoReconnect:
                # PyMongo tries reads and writes again after a server's restart, but not this.
                answer = self._hello()
        self._clock = (cast(datetime, answer["localTime"]), time.monotonic())
        return self._clock[0]

    def _hello(self) -> Record:
        return self._client.admin.command("hello", codec_options=self._clock_options)

    def command(self, command: Record) -> Record:
        """Run an administrator's command on the store's database; return the server's answer."""
        with self._translated():
            return self._database.command(command)

    def members(self) -> tuple[str, ...]:
        """Return the members of the server's replica set, as SET/HOST:PORT; none if it is none.

        They are the members as the servers name them, whatever the URI says. Nothing is sent, so
        a command must have been answered before.
        """
        servers = self._client.topology_description.server_descriptions().values()
        named = {
            f"{server.replica_set_name}/{host}:{port}"
            for server in servers
            if server.replica_set_name is not None
            for host, port in server.all_hosts
        }
        return tuple(sorted(named))

    def server_pid(self) -> int:
        """Return the server's process id on the server's machine."""
        with self._translated():
            return cast(int, self._client.admin.command("serverStatus")["pid"])

    def server_version(self) -> str:
        """Return the version that the server gives itself."""
        with self._translated():
            return str(self._client.admin.command("buildInfo").get("version"))

    def create_index(self, collection: str, keys: Sequence[str], *, unique: bool = False) -> None:
        """Create the ascending index over these fields, unless there is one."""
        model = pymongo.IndexModel([(key, pymongo.ASCENDING) for key in keys], unique=unique)
        with self._translated():
            self._database[collection].create_indexes([model])

    def find_one(
        self, collection: str, condition: Record, *, fields: Sequence[str] | None = None
    ) -> Record | None:
        """Return the first document that fits, or these of its fields; None if none fits."""
        with self._translated():
            return self._database[collection].find_one(condition, fields)

    def find(
        self,
        collection: str,
        condition: Record,
        *,
        sort: Sequence[str] = (),
        limit: int = 0,
        fields: Sequence[str] | None = None,
    ) -> list[Record]:
        """Return the documents that fit, in the ascending order of the `sort` fields."""
        with self._translated():
            cursor = self._database[collection].find(condition, fields, limit=limit)
            if sort:
                cursor = cursor.sort([(key, pymongo.ASCENDING) for key in sort])
            return cursor.to_list()

    @contextmanager
    def watch(
        self, collection: str, condition: Record, seconds: float
    ) -> Iterator[Callable[[], Record | None]]:
        """Follow the collection's changes, from now on, whose events fit the condition.

        Yields a function that returns the next event, with its document's key, if it has one; None
        if there is no event for so many seconds. A server that is no replica set refuses.
        """
        stages = [{"$match": condition}, {"$project": {"documentKey": 1}}]
        wait = round(seconds * 1000)
        with (
            self._translated(),
            self._database[collection].watch(stages, max_await_time_ms=wait) as stream,
        ):

            def next_change() -> Record | None:
                found = stream.try_next()
                if found is None and not stream.alive:
                    raise errors.CursorNotFound("the collection was dropped or renamed")
                return found

            yield next_change

    def insert(self, collection: str, document: Record) -> bool:
        """Insert the document; return False if one of its unique keys exists already."""
        with self._translated():
            try:
                _written(lambda: self._database[collection].insert_one(document))
            except errors.DuplicateKeyError:
                return False
        return True

    def insert_each(self, collection: str, documents: Sequence[Record]) -> list[Record]:
        """Insert the documents; return those with a unique key that exists already."""
        with self._translated():
            try:
                _written(lambda: self._database[collection].insert_many(documents, ordered=False))
            except errors.BulkWriteError as error:
                failures = error.details["writeErrors"]
                # A write that too few members have acknowledged is none, also beside duplicates.
                unacknowledged = error.details.get("writeConcernErrors")
                if unacknowledged or any(each["code"] != _DUPLICATE_KEY for each in failures):
                    raise
                return [documents[failure["index"]] for failure in failures]
        return []

    def update(
        self,
        collection: str,
        condition: Record,
        changes: Record,
        *,
        upsert: bool = False,
        durable: bool = True,
    ) -> bool:
        """Change the one document that fits; return False if none does.

        A write whose answer got lost is sent again: then False can also mean that the write was
        applied and the condition doesn't hold any more.

        durable: wait for the journal. Without it a crash of the server can undo the write, unless
            a durable write came after it.
        """
        there = self._written_to(collection, durable)
        # Not findAndModify, for which the embedded server reads the whole collection.
        with self._translated():
            updated = _written(lambda: there.update_one(condition, changes, upsert=upsert))
        return updated.matched_count > 0

    def update_each(
        self, collection: str, updates: Sequence[tuple[Record, Record]], *, durable: bool = True
    ) -> None:
        """Change, for each pair of condition and changes, the document that fits, if any.

        durable: as in `update`.
        """
        requests = [pymongo.UpdateOne(condition, changes) for condition, changes in updates]
        there = self._written_to(collection, durable)
        with self._translated():
            _written(lambda: there.bulk_write(requests, ordered=False))

    def _written_to(self, collection: str, durable: bool) -> Collection[Record]:
        concern = self._database.write_concern if durable else pymongo.WriteConcern(1)
        return self._database.get_collection(collection, write_concern=concern)

    def increase(self, collection: str, key: str, field: str, by: int) -> Record | None:
        """Add to a number in the document `key`; return the document then, None if there is none.

        It is added twice if the first answer got lost. The embedded server reads the whole
        collection for it, so it is for small collections only.
        """
        with self._translated():
            return _written(
                lambda: self._database[collection].find_one_and_update(
                    {"_id": key},
                    {"$inc": {field: by}},
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            )

    def delete(self, collection: str, condition: Record) -> int:
        """Delete the documents that fit; return how many did."""
        with self._translated():
            return _written(lambda: self._database[collection].delete_many(condition)).deleted_count

    def aggregate(self, collection: str, stages: Sequence[Record]) -> list[Record]:
        """Return the documents that the aggregation's stages yield."""
        with self._translated():
            return self._database[collection].aggregate(list(stages)).to_list()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except errors.PyMongoError as error:
            raise translated(error, self.uri_for_people) from error
        except (BSONError, UnicodeError, OverflowError) as error:
            # Text with half of a character, a number beyond 64 bits, a document beyond 16 MB.
            raise not_stored(error) from error


def new_store(members: Sequence[str]) -> Record:
    """Return the document that gives a store a new random id."""
    return {"_id": STORE_ID, "id": secrets.token_hex(8), "members": list(members), "earlier": []}


def observe_commands(note: Callable[[str, float, bool], None]) -> None:
    """Call `note` after each command of every connection that is opened from now on.

    note: called with the command's name, its duration in seconds, and whether it succeeded; it
        must not raise.
    """
    monitoring.register(_Observer(note))


class _Observer(monitoring.CommandListener):
    def __init__(self, note: Callable[[str, float, bool], None]) -> None:
        self._note = note

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._note(event.command_name, event.duration_micros / 1e6, True)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._note(event.command_name, event.duration_micros / 1e6, False)


def _written(write: Callable[[], T]) -> T:
    """Write, and retry once if the connection breaks: it may have lost nothing but the answer.

    PyMongo retries by itself only if the server is a replica set.
    """
    try:
        return write()
    except (errors.NetworkTimeout, errors.ServerSelectionTimeoutError):
        raise
    except errors.AutoReconnect:
        return write()
