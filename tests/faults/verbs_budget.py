"""Verbs of a search's budget, slots and rules, for `verbs.py`."""

from driving import wait_until
from verb_cases import Verb, driven, finished_search, new_search, wait_for_end

from alignsearch.search.documents import is_driven
from alignsearch.search.documents.states import SearchStatus, TrialState


def events(case, what):
    return [each.detail for each in case.store.logs.events("a") if each.what == what]


def extended_or_as_before(case):
    search = case.store.searches.get("a")
    before, after = (3, SearchStatus.COMPLETED, None), (5, SearchStatus.QUEUED, 7)
    assert (search.trials, search.status, search.patience) in (before, after)


def extended(case):
    search = case.store.searches.get("a")
    assert (search.trials, search.status, search.patience) == (5, SearchStatus.QUEUED, 7)
    # A command that was given twice is an event twice, if the first one came that far.
    assert events(case, "extended") in (["patience 7, trials 5"], ["patience 7, trials 5"] * 2)


def extended_and_driven(case):
    store = case.store
    wait_until(lambda: not is_driven(store.searches.get("a"), store.now()))
    if store.searches.get("a").status is SearchStatus.QUEUED:
        # It was extended once its driver had ended it.
        with driven(case):
            wait_for_end(case)
    search = store.searches.get("a")
    assert (search.trials, search.status) == (6, SearchStatus.COMPLETED)
    trials = case.store.trials.all("a")
    assert [trial.tid for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert [trial.attempt for trial in trials] == [1] * 6


def set_or_as_before(case):
    search = case.store.searches.get("a")
    assert (search.parallel, search.priority, search.timeout) in ((2, 0, None), (4, 3, 7200.0))


def is_set(case):
    search = case.store.searches.get("a")
    assert (search.parallel, search.priority, search.timeout) == (4, 3, 7200.0)
    detail = "timeout 2.0 h, parallel 4, priority 3"
    assert events(case, "set") in ([detail], [detail] * 2)


ROWS = (
    Verb(
        "extend",
        finished_search,
        lambda case: ["extend", "a", "--trials", "5", "--patience", "7"],
        extended,
        between=extended_or_as_before,
    ),
    Verb(
        "extend-driven",
        lambda case: new_search(case, trials=4),
        lambda case: ["extend", "a", "--trials", "6"],
        extended_and_driven,
        beside=driven,
        # The driver may have made all six before the command was repeated.
        codes=(2,),
    ),
    Verb(
        "set",
        new_search,
        lambda case: ["set", "a", "--parallel", "4", "--priority", "3", "--timeout", "2h"],
        is_set,
        between=set_or_as_before,
    ),
)
