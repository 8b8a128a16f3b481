"""The store knows that a `serve` lives, and learns that it was killed."""

import subprocess
import sys
import uuid

from driving import wait_until

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


def expiry(store, owner):
    """When the process counts as dead; None if it does now, as one does that was held up."""
    return next((each.expires_at for each in living(store, owner)), None)


def test_a_process_is_present_inside_of_the_context(store):
    owner = f"ann@{uuid.uuid4().hex}:7"
    with present(store, owner, ttl=0.6):
        wait_until(lambda: len(living(store, owner)) == 1)
        # A store that was restored from a backup doesn't know it any more.
        store.services.leave(owner)
        wait_until(lambda: living(store, owner))
    assert living(store, owner) == []


def test_one_that_is_killed_counts_as_dead_once_its_time_has_passed(store, store_uri):
    owner = f"ann@{uuid.uuid4().hex}:7"
    command = [sys.executable, "-c", SERVE, store_uri, owner]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"here\n"
        wait_until(lambda: living(store, owner))
        seen = {expiry(store, owner)}
        # It is renewed.
        wait_until(lambda: seen.add(expiry(store, owner)) or len(seen - {None}) > 1)
    finally:
        process.kill()
        process.communicate(timeout=300.0)
    wait_until(lambda: not living(store, owner))
