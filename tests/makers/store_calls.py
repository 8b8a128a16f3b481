"""Calls of the store's parts, each method once: drivers, tools, points, whole searches."""

from clock_ahead import with_lease_ahead

from alignsearch.search.documents import GivenPoint


def give_points(store, name):
    point = GivenPoint(
        id=f"{name}/0",
        search=name,
        number=0,
        kind="enqueued",
        point={"sigma": 0.5},
        token="a token",
        by="tester",
    )
    assert [each.number for each in store.points.add([point])] == [0]
    assert store.points.publish(name) == 1
    assert store.points.all(name) == store.points.read(name, 0, 1)
    assert len(store.points.records(name, 0, 1)) == 1


def drive_and_track(store, name):
    token = store.searches.acquire_driver(name, "driver", 60.0)
    store.searches.renew_driver(name, token, 60.0)
    store.searches.pull_back_driver(with_lease_ahead(store.searches.get(name), "driver"))
    store.searches.note_driven(name, token, 7.5)
    store.searches.release_driver(name, token)
    tools = {"mlflow": {"place": "http://mlflow.lan", "written": 0, "lease": None}}
    search = store.searches.edit(name, lambda _: {"trackers": tools}, "tester", "set", "mlflow")
    lease = store.tracking.acquire(name, search.token, "mlflow", "driver", 60.0)
    assert store.tracking.acquire(name, search.token, "mlflow", "other", 60.0) is None
    assert store.tracking.renew(name, "mlflow", lease, 60.0)
    store.tracking.note(name, "mlflow", lease, 3)
    store.tracking.release(name, "mlflow", lease)


def rename_and_delete(store, name):
    new = f"{name}-renamed"
    assert store.renames.begun(name) is None
    for _ in range(2):
        store.renames.reserve(name, new)
        store.renames.copy(name, new)
        assert (name, new) in store.renames.unfinished()
        store.renames.undo(name, new)
    store.renames.reserve(name, new)
    assert store.renames.source(new) == name
    assert store.renames.switch(name, new)
    assert store.renames.is_hidden(name)
    store.renames.finish(name, new, "tester")
    assert store.deletions.begin(new, "tester")
    assert store.deletions.begun(new)
    assert store.deletions.unfinished() == [new]
    trials = store.deletions.trials(new)
    assert store.deletions.finish(new) == trials > 0


def serve_for_a_moment(store):
    for owner, ttl in (("dead", -1.0), ("ann@host:7", 60.0)):
        store.services.join(owner, ttl)
    assert store.services.renew("ann@host:7", 60.0)
    assert "ann@host:7" in [each.owner for each in store.services.living()]
    store.services.leave("ann@host:7")
