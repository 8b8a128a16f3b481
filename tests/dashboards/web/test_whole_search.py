"""Verbs on a search as a whole over HTTP, and by the Python client."""

import pytest
from digits_search import finished_training
from driving import wait_until

from alignment_core.errors import UnknownNameError
from alignsearch.dashboards.client import Client
from alignsearch.search.documents.errors import NameTakenError, StateConflictError
from alignsearch.search.documents.states import SearchStatus


@pytest.fixture
def over(lab):
    """A search that is over, with a result."""

    def make(name, **changes):
        lab.search(name, **changes)
        lab.whole(name, 0, loss=0.25)
        lab.store.searches.change(name, SearchStatus.COMPLETED, "a driver")
        return name

    return make


def test_a_search_is_marked_and_found_by_its_tags(dashboard, over, lab):
    over("marked")
    noted = dashboard.post("/searches/marked/note", {"note": "of the new data"}).json()
    assert noted["summary"]["note"] == "of the new data"
    tagged = dashboard.post("/searches/marked/tags", {"add": ["late", "new"]}).json()
    assert tagged["summary"]["tags"] == ["late", "new"]
    dashboard.post("/searches/marked/tags", {"remove": ["late"]})
    found = dashboard.json("/searches", tag="new")["searches"]
    assert [each["name"] for each in found] == ["marked"]
    assert dashboard.json("/searches", tag=["new", "late"])["searches"] == []
    events = [(each.who, each.what) for each in lab.store.logs.events("marked")]
    assert len({who for who, what in events if what in ("note", "tagged")}) == 1
    assert [what for _, what in events].count("tagged") == 2


def test_what_cannot_be_a_mark_is_refused_by_its_field(dashboard, over, lab):
    over("unmarked")
    for path, body, word in (
        ("note", {"note": "n" * 5000}, "4096"),
        ("note", {"note": "\x1b[2J"}, "character"),
        ("tags", {"add": ["a b"]}, "can't be a tag"),
        ("tags", {"add": ["x"] * 51}, "add"),
        ("rename", {"name": "a/b"}, "letters"),
        ("longer", {"seeds": 0}, "seeds"),
    ):
        answer = dashboard.post(f"/searches/unmarked/{path}", body)
        assert answer.status_code == 422, path
        assert word in answer.json()["error"]["message"]
    huge = dashboard.post("/searches/unmarked/note", {"note": "n" * 10_000_000})
    assert huge.status_code == 413
    search = lab.store.searches.get("unmarked")
    assert (search.note, search.tags) == ("", ())


def test_a_search_is_renamed_and_deleted(dashboard, over, lab):
    over("old")
    over("taken")
    assert dashboard.post("/searches/old/rename", {"name": "taken"}).status_code == 409
    renamed = dashboard.post("/searches/old/rename", {"name": "new"}).json()
    assert renamed == {"name": "new", "href": "/searches/new"}
    assert dashboard.get("/searches/old").status_code == 404
    assert dashboard.json("/searches/new")["summary"]["best"]["tid"] == 0
    gone = dashboard.post("/searches/new/delete").json()
    assert gone["message"] == "new is deleted; trials that went with it: 1"
    assert dashboard.get("/searches/new").status_code == 404
    names = [each["name"] for each in dashboard.json("/searches")["searches"]]
    assert "new" not in names
    assert "taken" in names
    # A search of the same name shows its own trials alone, also if a poll saw it without any.
    lab.search("new")
    assert dashboard.json("/searches/new/history")["count"] == 0
    lab.whole("new", 0, loss=0.25)
    wait_until(lambda: dashboard.json("/searches/new/history")["count"] == 1)
    assert lab.store.logs.events("new")[0].what == "deleted"


def test_one_that_runs_stays(dashboard, lab):
    lab.search("busy")
    lab.queue("busy", 0)
    lab.begin("busy", 0)
    for verb, body in (("delete", {}), ("rename", {"name": "idle"})):
        answer = dashboard.post(f"/searches/busy/{verb}", body)
        assert answer.status_code == 409
        assert "alignsearch release busy 0" in answer.json()["error"]["message"]
    assert lab.store.trials.get("busy", 0).lease is not None


def test_its_best_is_trained_for_longer_by_a_driver(dashboard, lab):
    finished_training(lab.store, "trained")
    summary = dashboard.json("/searches/trained")["summary"]
    assert summary["next"] == "alignsearch train --from trained --epochs 100 --seeds 5"
    answer = dashboard.post("/searches/trained/longer", {"epochs": 7, "seeds": 2})
    assert answer.status_code == 201
    name = answer.json()["name"]
    assert dashboard.post("/searches/trained/longer", {"epochs": 7, "seeds": 2}).json() == (
        answer.json()
    )
    shown = dashboard.json(f"/searches/{name}")
    assert shown["summary"]["status"] == "queued"
    assert shown["recipe"]["epochs"] == 7
    rows = dashboard.json(f"/searches/{name}/trials")["rows"]
    assert [row["config"]["seed"] for row in rows] == [0, 1]
    assert dashboard.get(f"/searches/{name}/trials/0").status_code == 200


def test_the_client_has_the_same_verbs(dashboard, over, lab):
    over("mine")
    over("yours")
    finished_training(lab.store, "learnt")
    with Client(dashboard.url) as client:
        client.note("mine", "remember")
        client.tag("mine", ["kept"])
        assert list(client.searches("kept").index) == ["mine"]
        assert client.searches("kept").loc["mine", "note"] == "remember"
        with pytest.raises((NameTakenError, StateConflictError), match="yours"):
            client.rename("mine", "yours")
        assert client.rename("mine", "ours") == "ours"
        longer = client.train_longer("learnt", epochs=3, seeds=2)
        assert lab.store.searches.get(longer).trials == 2
        assert "deleted" in client.delete("ours")
        with pytest.raises(UnknownNameError):
            client.search("ours")
