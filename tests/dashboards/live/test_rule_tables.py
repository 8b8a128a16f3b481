"""The cost of the table of learning rules: what is read of which searches."""

import threading
import time
from contextlib import closing

import pytest
from compared_rules import compare_three
from pymongo import monitoring

from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.rule_tables import RuleTableCache
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

LONGEST_SECONDS = 300.0


class Reads(monitoring.CommandListener):
    """Notes the collections that any client reads while it listens."""

    def __init__(self):
        self.listening = False
        self.collections = []

    def started(self, event):
        if self.listening and event.command_name in ("find", "aggregate"):
            self.collections.append(event.command[event.command_name])

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


READS = Reads()
monitoring.register(READS)


def read_by(look):
    """Return what `look` returns, and the collections that were read meanwhile."""
    READS.collections, READS.listening = [], True
    try:
        return look(), list(READS.collections)
    finally:
        READS.listening = False


@pytest.fixture
def mirrored(store, store_uri):
    """A mirror with a connection of its own, and the tables over it."""
    with Store.connect(store_uri) as opened, closing(Mirror(opened)) as mirror:
        yield mirror, RuleTableCache(mirror)


def list_now(mirror, number):
    """Poll once, as the mirror's thread does, until it has listed so many searches."""
    deadline = time.monotonic() + LONGEST_SECONDS
    mirror.start()
    while len(mirror.listed()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    mirror.close()
    for thread in threading.enumerate():
        # It reads the latest search before anyone requests it.
        if thread.name == "warming":
            thread.join()


def test_a_store_without_compared_rules_is_not_read(store, make_search, mirrored):
    for number in range(3):
        make_search(f"search-{number}", tags=("mine",))
        store.searches.change(f"search-{number}", SearchStatus.CANCELLED, "ann@lab")
    mirror, tables = mirrored
    list_now(mirror, 3)
    found, read = read_by(tables.tables)
    assert found.tables == []
    assert read == []


def test_finished_rules_are_read_once_and_others_never(
    store, store_uri, make_search, make_driver_in, mirrored, tmp_path
):
    make_search("stranger")
    store.searches.change("stranger", SearchStatus.CANCELLED, "ann@lab")
    compare_three(store, store_uri, make_driver_in, tmp_path / "out")
    mirror, tables = mirrored
    # Three rules, the seeds and three variances of two of them, and the measurement of costs.
    list_now(mirror, 1 + 3 + 2 * 4 + 1)
    first, read = read_by(tables.tables)
    assert [row.state for row in first.tables[0].rules] == ["done", "done", "diverged"]
    assert "trials" in read
    again, read = read_by(tables.tables)
    assert again == first
    assert read == []
