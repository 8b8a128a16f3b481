"""The store knows that a `serve` lives, and learns that it was killed."""

import subprocess
import sys
import time
import uuid

from alignsearch.search.driver.presence import present

SERVE = """
import sys, time
from alignsearch.search.driver.presence import present
from alignsearch.search.store import Store
with Store.connect(sys.argv[1]) as store, present(store, sys.argv[2], ttl=2.0):
    print("here", flush=True)
    time.sleep(600)
"""


def living(store, owner):
    return [each for each in store.services.living() if each.owner == owner]


def test_a_process_is_present_inside_of_the_context(store):
    owner = f"ann@{uuid.uuid4().hex}:7"
    with present(store, owner, ttl=0.6):
        assert len(living(store, owner)) == 1
        # A store that was restored from a backup doesn't know it any more.
        store.services.leave(owner)
        deadline = time.monotonic() + 300.0
        while not living(store, owner):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert living(store, owner) == []


def test_one_that_is_killed_counts_as_dead_once_its_time_has_passed(store, store_uri):
    owner = f"ann@{uuid.uuid4().hex}:7"
    command = [sys.executable, "-c", SERVE, store_uri, owner]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"here\n"
        (known,) = living(store, owner)
        while living(store, owner)[0].expires_at == known.expires_at:
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate(timeout=300.0)
    deadline = time.monotonic() + 300.0
    while living(store, owner):
        assert time.monotonic() < deadline
        time.sleep(0.05)
