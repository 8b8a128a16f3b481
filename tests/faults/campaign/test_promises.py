"""Acknowledged writes that a store lacks are found."""

from campaign.oracle import Stored
from campaign.promises import broken

TRIAL = {"_id": "s/0", "result": {"loss": 0.5}}
EPOCH = {"_id": "s/0/1/1"}
COMPLETED = {"q": {"_id": "s/0"}, "u": {"$set": {"state": "completed", "result": {"loss": 0.5}}}}


def found(stored, inserts=(), updates=()):
    acknowledged = {
        "insert": [("db", collection, document) for collection, document in inserts],
        "update": [("db", "trials", update) for update in updates],
    }
    return [each.kind for each in broken(acknowledged, {"db": stored})]


def test_what_was_acknowledged_must_be_there_as_it_was():
    whole = Stored([], [TRIAL], [EPOCH])
    inserts = [("trials", TRIAL), ("epochs", EPOCH), ("events", {"_id": 1})]
    assert found(whole, inserts, [COMPLETED]) == []
    assert found(Stored([], [TRIAL], []), inserts) == ["lost"]
    assert found(Stored([], [], [EPOCH]), inserts) == ["lost"]
    assert found(whole, updates=[COMPLETED, COMPLETED]) == ["doubled"]
    other = {**TRIAL, "result": {"loss": 0.25}}
    assert found(Stored([], [other], []), updates=[COMPLETED]) == ["lost"]
