"""Retention: the documents of old searches that stay, and those that are deleted."""

import threading

import pytest

from alignment_core import files
from alignsearch.search.documents import Trial, checkpoint_names
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases.retention import drop, excess


@pytest.fixture
def ended(store, make_search, make_driver, tmp_path):
    """A search of six trials that has ended, with epochs, and states of two of them."""
    make_search("ended", epochs=2, checkpoints=str(tmp_path / "states"), keep_checkpoints=2)
    make_driver("ended").run(threading.Event())
    return store.searches.get("ended")


def test_epochs_of_all_but_the_best_go_and_results_stay(store, ended, make_search):
    make_search("waiting")
    before = store.trials.all("ended")
    best, second = store.trials.best("ended", 2)
    (found,) = excess(store, days=0, keep=1)
    assert found.search == ended
    assert (len(found.trials), found.epochs) == (5, 10)
    assert len(store.logs.epochs(second.id)) == 2
    drop(store, found, "me", keep=1)
    assert store.trials.all("ended") == before
    assert len(store.logs.epochs(best.id)) == 2
    assert store.logs.epochs(second.id) == []
    assert files.names(checkpoint_names.of_search(ended)) == [str(best.tid)]
    last = store.logs.events("ended")[-1]
    assert (last.who, last.what) == ("me", "epochs dropped")
    assert list(excess(store, days=0, keep=1)) == []


def test_what_is_young_or_goes_on_is_left_alone(store, ended, make_search):
    assert list(excess(store, days=1, keep=0)) == []
    search = make_search("paused")
    store.searches.change(search.name, SearchStatus.PAUSED, "me")
    assert [found.search.name for found in excess(store, days=0, keep=0)] == ["ended"]


@pytest.mark.parametrize("step", ["states", "event", "epochs"])
def test_a_deletion_that_broke_off_is_finished_by_the_next_one(store, ended, monkeypatch, step):
    """Killed at any step: doing it again leaves neither epochs nor checkpoints."""
    places = {
        "states": ("alignsearch.search.use_cases.retention.remove_surplus_states", None),
        "event": (store.logs, "add_event"),
        "epochs": (store.logs, "drop_epochs"),
    }

    def killed(*_):
        raise KeyboardInterrupt

    (found,) = excess(store, days=0, keep=0)
    with monkeypatch.context() as broken:
        where, name = places[step]
        if name is None:
            broken.setattr(where, killed)
        else:
            broken.setattr(where, name, killed)
        with pytest.raises(KeyboardInterrupt):
            drop(store, found, "me", keep=0)
    (again,) = excess(store, days=0, keep=0)
    drop(store, again, "me", keep=0)
    assert list(excess(store, days=0, keep=0)) == []
    assert files.names(checkpoint_names.of_search(ended)) == []
    assert [store.logs.epochs(trial.id) for trial in store.trials.all("ended")] == [[]] * 6


def test_a_search_that_cannot_be_read_keeps_no_other_from_being_tidied(
    store, ended, make_search, caplog
):
    other = make_search("other")
    store.searches.change(other.name, SearchStatus.CANCELLED, "me")
    store.trials.add(Trial(id="other/0", search="other", tid=0))
    store._db.update("trials", {"_id": "other/0"}, {"$set": {"attempt": "nonsense"}})
    assert [found.search.name for found in excess(store, days=0, keep=0)] == ["ended"]
    assert "search other is left out" in caplog.text
