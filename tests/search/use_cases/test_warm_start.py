"""Submission of searches that start from another one: which start is refused, and why."""

import pytest
from driving import NEVER

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases.warm_start import warm_start
from alignsearch.spaces.catalog import get_space

WM = get_space("wm")


@pytest.fixture
def first(make_search, make_driver):
    search = make_search("first", trials=6, seed=1)
    make_driver("first").run(NEVER)
    return search


def test_a_start_that_will_not_do_is_refused(store, first, make_search, make_driver):
    make_search("waiting")
    make_search("empty")
    store.searches.change("empty", SearchStatus.CANCELLED, "ann")
    ia = make_search("other", space="ia", space_hash="of an older version")
    make_search("wide", space="wm_ad")
    for name, said in {
        "waiting": "while it is queued: wait for its end, or end it with `alignsearch stop",
        "empty": "no finished trial",
        "wide": "it is over 'wm_ad'; only there: alignment_learning_rate, alternating",
        ia.name: "a version of 'ia' that this program doesn't know",
    }.items():
        with pytest.raises(StateConflictError, match=said):
            warm_start(store, name, WM)
    with pytest.raises(StateConflictError, match="only here: alignment_learning_rate"):
        warm_start(store, "first", get_space("wm_ad"))
    with pytest.raises(UnknownNameError, match="did you mean first"):
        warm_start(store, "frist", WM)
