"""An embedded store whose disk is full: said by name, and mended by nothing but room."""

import contextlib
import os
import subprocess

import pytest
from driving import CountingDispatcher, Held, driving, wait_until

from alignsearch.search.documents.errors import StoreFailedError, StoreUnavailableError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import command_line

PATIENCE = 300.0
SIZE = 96
"""Megabytes: room for a server, and for the replay of its log."""


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root can mount a small disk to fill")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def server(disk):
    embedded = EmbeddedStore(disk / ".alignsearch")
    yield embedded
    embedded.stop()


def fill(disk):
    """Leave no byte free; return the file that holds them."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(65536))
    return ballast


def servers_of(disk):
    return [
        pid
        for pid in map(int, filter(str.isdecimal, os.listdir("/proc")))
        if f"--storage-path {disk}/" in command_line(pid)
    ]


def test_a_full_disk_is_named_and_a_search_goes_on_once_there_is_room(disk, server, make_search_in):
    held, said = Held(), []

    def revive():
        try:
            server.ensure()
        except StoreUnavailableError as error:
            said.append(str(error))

    uri = server.ensure()
    with Store.connect(uri) as store:
        make_search_in(store, trials=6, parallel=2, lease_seconds=600.0)
        driver = Driver(
            store,
            "a-search",
            lambda search: CountingDispatcher(search, uri, held, lease_seconds=600.0),
            owner="a test",
            revive_store=revive,
        )
        with driving(driver) as outcome:
            wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2, PATIENCE)
            ballast = fill(disk)
            acknowledged = use_up(store)
            wait_until(lambda: said, PATIENCE)
            assert "the disk of the store in" in said[-1]
            assert "is full: free" in said[-1]
            assert "MB more on it" in said[-1]
            ballast.unlink()
            held.release()
            wait_until(lambda: outcome, PATIENCE)
        assert store.searches.get("a-search").status is SearchStatus.COMPLETED
        trials = store.trials.all("a-search")
        assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 6
        assert {trial.attempt for trial in trials} == {1}
        stored = [event.what for event in store.logs.events("filler")]
        assert stored[: len(acknowledged)] == acknowledged


def use_up(store):
    """Write until the store fails; return what it has acknowledged."""
    acknowledged = []
    for number in range(2000):
        try:
            store.logs.add_event("filler", "a test", str(number), os.urandom(100_000).hex())
        except StoreFailedError:
            return acknowledged
        acknowledged.append(str(number))
    raise AssertionError("the disk was not full")


def test_a_start_on_a_full_disk_leaves_no_server_behind(disk, server):
    ballast = fill(disk)
    with pytest.raises(StoreUnavailableError, match=r"the disk of the store in .* is full"):
        server.ensure()
    assert servers_of(disk) == []
    ballast.unlink()
    with Store.connect(server.ensure()) as store:
        store.ping()
