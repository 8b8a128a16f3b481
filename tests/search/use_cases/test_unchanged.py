"""A session's function, compared with the one that a stored search has results of."""

import logging

import pytest
from documents_made import a_search
from driving import NEVER

from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.use_cases.unchanged import check_function
from alignsearch.spaces.function_code import code_hash


def objective(config):
    return config["x"] ** 2


def another(config):
    return config["x"] ** 3


@pytest.fixture
def stored(store, make_search, make_driver):
    """Store a search with a hash, and with results unless it is to have none."""

    def make(code, results=True):
        make_search("mine", trials=2)
        if results:
            make_driver("mine").run(NEVER)
        definition = a_search(direction="minimize").definition
        kept = definition.objective.model_copy(update={"code": code})
        whole = definition.model_copy(update={"objective": kept})
        return store.searches.edit(
            "mine", lambda _: {"definition": whole.to_bson()}, "ann", "made", ""
        )

    return make


def test_another_function_is_refused_and_taken_on_purpose(store, stored):
    search = stored(code_hash(objective))
    check_function(store, search, objective, "ann", replace=False)
    with pytest.raises(StateConflictError) as refused:
        check_function(store, search, another, "ann", replace=False)
    assert str(refused.value) == (
        "search 'mine' has results of another version of another: its code, or that of a function "
        "it calls, has changed. Choose another name, or say replace_objective=True to mix the "
        "results of both"
    )
    check_function(store, search, another, "ann", replace=True)
    replaced = store.searches.get("mine")
    assert replaced.definition.objective.code == code_hash(another)
    assert store.logs.events("mine")[-1].what == "objective replaced"
    check_function(store, replaced, another, "ann", replace=False)


def test_a_search_without_results_takes_another_function(store, stored):
    search = stored(code_hash(objective), results=False)
    check_function(store, search, another, "ann", replace=False)
    assert store.searches.get("mine").definition.objective.code == code_hash(another)


@pytest.mark.parametrize("function", [another, None])
def test_a_search_of_an_older_version_is_not_checked(store, stored, function):
    check_function(store, stored(None), function, "ann", replace=False)


@pytest.mark.parametrize(("code", "function"), [("3.9:00", another), (None, abs)])
def test_what_cannot_be_compared_is_a_warning(store, stored, code, function, caplog):
    search = stored(code or code_hash(objective))
    with caplog.at_level(logging.WARNING):
        check_function(store, search, function, "ann", replace=False)
    assert "nobody has checked that" in caplog.text
    assert "'mine'" in caplog.text
