"""The right to write a search's trials into a tracking tool, on each server."""

import pytest

from alignsearch.search.documents.tracked import Tracked


@pytest.fixture
def tracked(new_search):
    """A search with one tool."""
    return new_search(trackers={"mlflow": Tracked(place="http://mlflow.lan:5000")})


def lease_of(store, search):
    return store.searches.get(search.name).trackers["mlflow"].lease


def test_one_process_at_a_time_may_write(store, tracked):
    mine = store.tracking.acquire(tracked.name, tracked.token, "mlflow", "ann@lab:1", 60.0)
    assert lease_of(store, tracked).owner == "ann@lab:1"
    assert store.tracking.acquire(tracked.name, tracked.token, "mlflow", "bob@lab:2", 60.0) is None
    assert store.tracking.renew(tracked.name, "mlflow", mine, -1.0)
    other = store.tracking.acquire(tracked.name, tracked.token, "mlflow", "bob@lab:2", 60.0)
    assert other is not None
    assert not store.tracking.renew(tracked.name, "mlflow", mine, 60.0)
    store.tracking.note(tracked.name, "mlflow", mine, 7)
    store.tracking.release(tracked.name, "mlflow", mine)
    assert store.searches.get(tracked.name).trackers["mlflow"].written == 0
    store.tracking.note(tracked.name, "mlflow", other, 7)
    store.tracking.release(tracked.name, "mlflow", other)
    after = store.searches.get(tracked.name).trackers["mlflow"]
    assert (after.written, after.lease) == (7, None)


def test_another_search_of_the_name_and_another_tool_are_nobodys(store, tracked):
    for name, token, tool in (
        (tracked.name, "0123456789abcdef", "mlflow"),
        (tracked.name, tracked.token, "wandb"),
        ("no-such-search", tracked.token, "mlflow"),
    ):
        assert store.tracking.acquire(name, token, tool, "ann@lab:1", 60.0) is None
    assert store.searches.get(tracked.name).trackers == tracked.trackers
