"""Leases that were renewed while the store's clock was ahead, which was set right since."""

from datetime import timedelta

import pymongo

AHEAD = timedelta(hours=2)


def move_clock_back(store_uri, collection, key, field):
    """Leave a lease as if it had been renewed while the store's clock was two hours ahead."""
    with pymongo.MongoClient(store_uri) as client:
        documents = client.get_default_database("alignsearch")[collection]
        expires_at = documents.find_one({"_id": key})[field]["expires_at"] + AHEAD
        documents.update_one({"_id": key}, {"$set": {f"{field}.expires_at": expires_at}})


def with_lease_ahead(document, field):
    """Return a search or a trial with such a lease, which the store doesn't have."""
    lease = getattr(document, field)
    ahead = lease.model_copy(update={"expires_at": lease.expires_at + AHEAD})
    return document.model_copy(update={field: ahead})
