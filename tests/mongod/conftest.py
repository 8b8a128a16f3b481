"""Tests of what only a real MongoDB has: they say so where it can't run."""

import mongod
import pytest


@pytest.fixture(scope="module")
def trio(tmp_path_factory):
    """A replica set of three members."""
    why = mongod.missing()
    if why is not None:
        pytest.skip(why)
    with mongod.replica_set(tmp_path_factory.mktemp("trio"), 3) as running:
        yield running
