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
