"""Identities of searches as names outside of the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from alignsearch.search.documents import Search, Trial, checkpoint_names
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.identity import LABELS, Identity, Place, token_of_old

CREATED = datetime(2026, 11, 29, 12, 0, 0, 123000, tzinfo=UTC)
HOME = Place("0123456789abcdef", "alignsearch")
ONE = Identity("walk", HOME.store, HOME.database, "fedcba9876543210")


def a_search(**fields):
    known = {
        "name": "walk",
        "space": "wm",
        "space_hash": "0",
        "trials": 1,
        "parallel": 1,
        "seed": 0,
        "startup": 0,
        "created_by": "a test",
        "created_at": CREATED,
        "checkpoints": "/states",
        "token": ONE.token,
        "place": HOME,
        **fields,
    }
    return Search(**known)


def test_each_part_of_an_identity_changes_its_name():
    others = [replace(ONE, **{part: "another"}) for part in LABELS]
    names = {str(each) for each in (ONE, *others)}
    assert len(names) == 1 + len(LABELS)
    assert str(ONE) == "walk@alignsearch-0123456789abcdef-fedcba9876543210"
    assert ONE.labels == {
        "search": "walk",
        "store": HOME.store,
        "database": "alignsearch",
        "token": ONE.token,
    }


def test_a_name_with_a_databases_letters_stays_one_name():
    odd = replace(ONE, database="a/b@c d-é")
    assert str(odd) == f"walk@a_b_c_d__-{HOME.store}-{ONE.token}"


def test_folders_of_searches_that_differ_anywhere_differ():
    searches = [
        a_search(),
        a_search(token="0" * 16),
        a_search(name="walk-2"),
        a_search(place=replace(HOME, store="f" * 16)),
        a_search(place=replace(HOME, database="second")),
    ]
    assert len({checkpoint_names.of_search(each) for each in searches}) == len(searches)
    assert checkpoint_names.of_search(searches[0]) == f"/states/{ONE}"


def test_a_search_of_before_tokens_has_one_of_its_own_in_each_store():
    old = a_search(token="")
    here, again = old.identity, a_search(token="").identity
    assert here == again
    assert here.token == token_of_old(CREATED, HOME.store)
    later = a_search(token="", created_at=CREATED + timedelta(milliseconds=1))
    copied = a_search(token="", place=replace(HOME, store="f" * 16))
    assert len({here.token, later.identity.token, copied.identity.token}) == 3


def test_an_old_search_reads_its_old_folder_and_writes_to_a_new_one():
    old = a_search(token="")
    own = checkpoint_names.of_search(old)
    assert checkpoint_names.readable(old) == ["/states/walk-20261129T120000123", own]
    assert checkpoint_names.readable(a_search()) == [f"/states/{ONE}"]
    trial = Trial(id="walk/3", search="walk", tid=3)
    assert checkpoint_names.of_attempt(old, trial, 2) == f"{own}/3/2"


def test_a_copy_reads_its_originals_folders_and_writes_to_its_own():
    inherits = checkpoint_names.inherited_by_a_copy(a_search())
    assert inherits == (str(ONE),)
    copy = a_search(token="0" * 16, inherits=inherits, place=replace(HOME, store="f" * 16))
    own = checkpoint_names.of_search(copy)
    assert checkpoint_names.readable(copy) == [f"/states/{ONE}", own]
    assert own != f"/states/{ONE}"
    # A copy of the copy reads both.
    assert checkpoint_names.inherited_by_a_copy(copy) == (str(ONE), str(copy.identity))
    # So does a store that was found to be a copy, for each id that it had.
    renewed = a_search(place=Place("f" * 16, "alignsearch", earlier=(HOME.store,)))
    assert checkpoint_names.readable(renewed)[0] == f"/states/{ONE}"


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "a/b", "", ".hidden", "x" * 300])
def test_a_folder_that_leads_elsewhere_is_inherited_by_nobody(name):
    with pytest.raises(ValidationError, match="inherits"):
        a_search(inherits=(name,))


def test_a_search_whose_store_cannot_be_told_from_another_names_nothing():
    with pytest.raises(StateConflictError, match="has no id"):
        _ = a_search(place=Place("", "alignsearch", problem="it has no id")).identity
    with pytest.raises(StateConflictError, match="is in no store"):
        _ = a_search(place=None).identity
    assert "place" not in a_search().to_bson()
