"""Given points on a real server: their numbers, and what a driver may read of them."""

import threading

from alignsearch.search.documents import GivenPoint, Result, token_of
from alignsearch.search.store import Store
from alignsearch.search.store import points as points_part


def a_point(search, value, kind="enqueued", **fields):
    point = {"x.1": value, "$y": 1}
    return GivenPoint(
        id=f"{search}/0",
        search=search,
        number=0,
        kind=kind,
        point=point,
        token=token_of(kind, point),
        by="ann",
        **fields,
    )


def test_points_come_back_as_they_were_given_under_the_next_numbers(store, new_search):
    name = new_search().name
    result = Result(status="ok", loss=0.5)
    given = [a_point(name, 1.0), a_point(name, 2.0, "imported", result=result, note="a file")]
    added = store.points.add(given)
    assert [point.number for point in added] == [0, 1]
    assert [point.point for point in added] == [point.point for point in given]
    assert store.points.add([a_point(name, 3.0)])[0].number == 2
    assert store.points.all(name)[:2] == added
    assert added[1].result == result
    assert store.points.add([]) == []


def test_a_driver_may_read_them_once_they_are_published(store, new_search):
    name = new_search().name
    assert store.searches.get(name).enqueued == 0
    added = store.points.add([a_point(name, value) for value in (1.0, 2.0)])
    assert store.searches.get(name).enqueued == 0
    assert store.points.publish(name) == 2
    assert store.points.publish(name) == 2
    assert store.searches.get(name).enqueued == 2
    assert store.points.read(name, 0, 2) == added
    assert store.points.read(name, 1, 2) == added[1:]
    assert store.points.read(name, 2, 2) == []


def test_a_search_of_an_older_version_gets_its_first_points(store, new_search):
    name = new_search().name
    store._db.update("searches", {"_id": name}, {"$unset": {"enqueued": ""}})
    assert store.searches.get(name).enqueued == 0
    store.points.add([a_point(name, 1.0)])
    assert store.points.publish(name) == 1
    assert store.searches.get(name).enqueued == 1


def test_points_of_a_writer_that_died_are_counted_with_the_next_ones(store, new_search):
    name = new_search().name
    store.points.add([a_point(name, 1.0)])
    (later,) = store.points.add([a_point(name, 2.0)])
    assert later.number == 1
    assert store.points.publish(name) == 2


def test_writers_at_once_get_different_numbers(store_uri, store, new_search, monkeypatch):
    monkeypatch.setattr(points_part, "IDS_AT_ONCE", 7)
    name, each, writers = new_search().name, 20, 4
    added, ready = [], threading.Barrier(writers)

    def write(writer):
        with Store.connect(store_uri) as own:
            ready.wait(300.0)
            added.extend(own.points.add([a_point(name, 100.0 * writer + n) for n in range(each)]))
            own.points.publish(name)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300.0)
    assert sorted(point.number for point in added) == list(range(writers * each))
    stored = store.points.all(name)
    assert stored == sorted(added, key=lambda point: point.number)
    assert len({point.token for point in stored}) == writers * each
    assert store.searches.get(name).enqueued == writers * each


def test_a_point_that_was_changed_by_hand_is_left_out_and_named_once(store, new_search, caplog):
    name = new_search().name
    store.points.add([a_point(name, 1.0), a_point(name, 2.0)])
    store._db.update("points", {"_id": f"{name}/0"}, {"$set": {"kind": "wish"}})
    for _ in range(2):
        assert [point.number for point in store.points.read(name, 0, 2)] == [1]
        assert [point.number for point in store.points.all(name)] == [1]
    (line,) = caplog.messages
    assert f"point {name}/0 is left out: " in line
    assert "kind" in line


def test_an_event_that_is_there_once_is_not_added_again(store, new_search):
    name, other = new_search().name, new_search().name
    for who in ("ann", "bob"):
        store.logs.add_event(name, who, "enqueued", "3 points", once="0,1,2")
    store.logs.add_event(name, "bob", "enqueued", "1 point", once="3")
    store.logs.add_event(other, "bob", "enqueued", "3 points", once="0,1,2")
    said = [(event.who, event.detail) for event in store.logs.events(name) if event.who != "tester"]
    assert said == [("ann", "3 points"), ("bob", "1 point")]
    assert len(store.logs.events(other)) == 2
