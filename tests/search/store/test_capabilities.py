"""A server is tried out once, and what it fails at is named."""

import math
import uuid
from contextlib import closing

import mongod
import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.doctor import check_store
from alignsearch.search.store import Store, capabilities
from alignsearch.search.store.capabilities import KEPT, NEEDS, SCRATCH, lacking
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.use_cases.new_search import create

KINDS = ("embedded", *(["mongod"] if mongod.missing() is None else []))


@pytest.fixture(params=KINDS)
def uri(request):
    """The URI of an empty database of each kind of server."""
    name = f"capabilities_{uuid.uuid4().hex[:12]}"
    if request.param == "mongod":
        return request.getfixturevalue("mongo").uri.format(name)
    return f"{request.getfixturevalue('server_uri')}{name}"


def test_a_server_that_is_mongodb_enough_lacks_nothing_and_is_left_clean(uri):
    with closing(StoreConnection.open(uri, 20.0)) as connection:
        assert lacking(connection) == []
        assert connection.find(SCRATCH, {}) == []
        assert len(NEEDS) == 12


def changed(document, change):
    return None if document is None else {key: change(value) for key, value in document.items()}


class Whole(StoreConnection):
    """A real connection; subclasses spoil one thing, as a server that isn't MongoDB enough does."""


class NoMilliseconds(Whole):
    def find_one(self, *arguments, **options):
        found = super().find_one(*arguments, **options)
        return changed(
            found, lambda value: value.replace(microsecond=0) if hasattr(value, "tzinfo") else value
        )


class NoNan(Whole):
    def find_one(self, *arguments, **options):
        found = super().find_one(*arguments, **options)
        nan = isinstance(found, dict)
        return changed(
            found, lambda v: None if nan and isinstance(v, float) and math.isnan(v) else v
        )


class NoParts(Whole):
    def find_one(self, collection, condition, *, fields=None):
        return super().find_one(collection, condition)


class OnlyNull(Whole):
    def find(self, collection, condition, **options):
        if "lease" in condition:
            condition = {**condition, "lease": {"$type": "null"}}
        return super().find(collection, condition, **options)


class NoAll(Whole):
    def find(self, collection, condition, **options):
        known = {key: value for key, value in condition.items() if "token" not in key}
        return super().find(collection, known, **options)


class NoComparison(Whole):
    def update(self, collection, condition, changes, **options):
        return super().update(collection, {"_id": condition["_id"]}, changes, **options)


class NoUniqueness(Whole):
    def create_index(self, collection, keys, *, unique=False):
        if collection != SCRATCH:
            super().create_index(collection, keys, unique=unique)


class NoOrder(Whole):
    def find(self, collection, condition, *, sort=(), limit=0, fields=None):
        return super().find(collection, condition, sort=[*sort][::-1], limit=limit, fields=fields)


class NoCounters(Whole):
    def increase(self, *_):
        return None


class NoSums(Whole):
    def aggregate(self, *_):
        return []


class NoUpserts(Whole):
    def update(self, collection, condition, changes, *, upsert=False, durable=True):
        kept = upsert and collection == "meta"
        return super().update(collection, condition, changes, upsert=kept, durable=durable)


class NoDeletions(Whole):
    def delete(self, *_):
        return 0


SPOILT = {
    "dates to the millisecond": NoMilliseconds,
    "numbers to the last digit, NaN and infinity": NoNan,
    "reads of a document's parts, also where they are null": NoParts,
    "conditions that a field is null or absent": OnlyNull,
    "$all": NoAll,
    "compare-and-set, majority and journaled": NoComparison,
    "unique keys and indexes": NoUniqueness,
    "sorted and limited reads": NoOrder,
    "counters (findAndModify)": NoCounters,
    "sums (aggregate)": NoSums,
    "upserts": NoUpserts,
    "deletions": NoDeletions,
}


def test_each_thing_that_a_server_fails_at_is_named(store_uri):
    assert SPOILT.keys() == NEEDS.keys()
    for number, (need, kind) in enumerate(SPOILT.items()):
        with closing(kind.open(f"{store_uri}_{number}", 20.0)) as connection:
            assert need in lacking(connection), need


def test_the_outcome_is_kept_until_the_server_is_another(store_uri, monkeypatch):
    with closing(StoreConnection.open(store_uri, 20.0)) as connection:
        assert lacking(connection) == []
        broken = {"deletions": lambda _: False}
        monkeypatch.setattr(capabilities, "NEEDS", broken)
        assert lacking(connection) == []
        connection.update("meta", {"_id": KEPT}, {"$set": {"version": "0.1"}})
        assert lacking(connection) == ["deletions"]
        monkeypatch.undo()
        assert lacking(connection) == ["deletions"]


def test_submit_and_doctor_name_what_the_server_fails_at(store, store_uri, make_search, tmp_path):
    template = make_search("before")
    assert check_store(store_uri, tmp_path).ok
    outcome = {"lacking": ["unique keys and indexes", "$all"]}
    store._db.update("meta", {"_id": KEPT}, {"$set": outcome})
    with pytest.raises(ConfigurationError, match=r"fails at unique keys and indexes, \$all; use a"):
        create(store, template.model_copy(update={"name": "after"}), named=True)
    assert [search.name for search in store.searches.all()] == ["before"]
    found = check_store(store_uri, tmp_path)
    assert not found.ok
    assert "fails at unique keys and indexes, $all" in found.found
    with Store.connect(store_uri) as again:
        assert again.lacking() == ["unique keys and indexes", "$all"]
