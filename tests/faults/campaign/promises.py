"""Acknowledged writes, which a store must keep; the proxy before the embedded one notes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from campaign.oracle import Finding, Stored

Acknowledged = Mapping[str, Sequence[tuple[str, str, Mapping[str, Any]]]]
"""Inserts and updates with their database and collection, as `wire.Proxy` notes them."""


def broken(acknowledged: Acknowledged, stored: Mapping[str, Stored]) -> Iterator[Finding]:
    """Yield what was acknowledged and isn't in the store, by database, as it was acknowledged."""
    ids = {
        (database, collection): {each["_id"] for each in getattr(documents, collection)}
        for database, documents in stored.items()
        for collection in ("trials", "epochs")
    }
    for database, collection, document in acknowledged["insert"]:
        known = ids.get((database, collection))
        if known is not None and document["_id"] not in known:
            yield Finding("lost", f"{collection} {document['_id']} in {database}: acknowledged")
    results = {
        (database, trial["_id"]): (trial.get("result") or {}).get("loss")
        for database, documents in stored.items()
        for trial in documents.trials
    }
    ended = set()
    for database, collection, update in acknowledged["update"]:
        changes = update["u"].get("$set", {})
        if collection != "trials" or changes.get("state") != "completed":
            continue
        key = database, update["q"].get("_id")
        if key in ended:
            yield Finding("doubled", f"two results of {key[1]} in {database} were acknowledged")
        ended.add(key)
        if key in results and results[key] != changes["result"]["loss"]:
            yield Finding("lost", f"the result of {key[1]} in {database} that was acknowledged")
