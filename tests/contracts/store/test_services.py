"""Which `serve` processes live, as the store knows it."""

import uuid
from datetime import timedelta

import pytest


@pytest.fixture
def owner():
    """A process that no other test has: they share a store."""
    return f"ann@{uuid.uuid4().hex}.lan:7"


def known(store, owner):
    return [each for each in store.services.living() if each.owner == owner]


def test_a_process_lives_until_it_leaves(store, owner):
    assert known(store, owner) == []
    store.services.join(owner, 60.0)
    store.services.join(f"{owner}8", 60.0)
    assert len(known(store, owner)) == len(known(store, f"{owner}8")) == 1
    assert store.services.renew(owner, 60.0)
    store.services.leave(owner)
    store.services.leave(owner)
    assert known(store, owner) == []
    assert not store.services.renew(owner, 60.0)
    assert len(known(store, f"{owner}8")) == 1


def test_one_that_says_nothing_counts_as_dead_and_is_forgotten(store, owner):
    store.services.join(owner, -1.0)
    assert known(store, owner) == []
    assert store.services.renew(owner, 60.0)
    assert len(known(store, owner)) == 1
    store.services.renew(owner, -1.0)
    store.services.join(f"{owner}8", 60.0)
    assert not store.services.renew(owner, 60.0)


def test_one_that_was_noted_by_a_clock_far_ahead_counts_as_dead(store, owner):
    store.services.join(owner, 60.0)
    (one,) = known(store, owner)
    assert one.lives(one.since)
    assert not one.lives(one.since - timedelta(hours=1))
    assert not one.lives(one.since + timedelta(seconds=61))
