"""A search as a whole, from Python: renamed, marked, dumped, loaded, read and deleted."""

import pytest
from digits_search import finished_training
from verb_cases import Case, finished_search

import alignsearch
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import NameTakenError


@pytest.fixture
def handle(store, store_uri, tmp_path):
    finished_search(Case(store, store_uri, tmp_path))
    with alignsearch.open_search("a", store=store_uri) as opened:
        yield opened


def test_a_search_has_its_verbs(handle, store, store_uri, tmp_path):
    handle.note("to be repeated")
    assert handle.tag("late", "new") == ("late", "new")
    assert handle.tag(remove=["late"]) == ("new",)
    assert (handle.search.note, handle.search.tags) == ("to be repeated", ("new",))
    assert [line.text for line in handle.log(1)][1] == "trial 1"
    handle.dump(tmp_path / "a.jsonl")
    handle.rename("b")
    assert handle.name == "b"
    assert len(handle.trials()) == 3
    with alignsearch.load_search(tmp_path / "a.jsonl", name="c", store=store_uri) as copy:
        assert len(copy.trials()) == 3
        assert copy.search.note == "to be repeated"
        with pytest.raises(NameTakenError):
            copy.rename("b")
    handle.delete()
    with pytest.raises(UnknownNameError):
        handle.trials()
    assert [search.name for search in store.searches.all()] == ["c"]


def test_its_best_is_submitted_for_longer(store, store_uri, handle):
    finished_training(store)
    with alignsearch.open_search("trained", store=store_uri) as trained:
        name = trained.train_longer(epochs=3, seeds=(4, 5))
    with alignsearch.open_search(name, store=store_uri) as longer:
        assert (longer.status, longer.search.trials) == ("queued", 2)
        assert list(longer.trials()["seed"]) == [4, 5]
    with pytest.raises(ConfigurationError, match="trains no network"):
        handle.train_longer()
