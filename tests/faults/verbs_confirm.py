"""Confirming a search, for `verbs.py`."""

from collections import Counter

from confirmed_search import FIRSTS, fill
from verb_cases import Case, Verb, driven, new_search, wait_for_end

from alignsearch.search.documents import Confirmation
from alignsearch.search.documents.states import SearchStatus

ASKED = Confirmation(top=2, seeds=2)


def completed(case: Case) -> None:
    """Store a completed search, whose trials 1 and 2 are the best."""
    new_search(case, trials=len(FIRSTS))
    fill(case.store, "a", repeated={})


def is_confirmed(case: Case) -> None:
    """The search is queued for its repetitions alone; driven, it makes each once and completes."""
    search = case.store.searches.get("a")
    assert (search.status, search.confirm) == (SearchStatus.QUEUED, ASKED)
    assert search.confirms_only
    said = [each for each in case.store.logs.events("a") if each.what == "to be confirmed"]
    # One for each of the two commands, unless the first was killed before it.
    assert 1 <= len(said) <= 2
    with driven(case):
        search = wait_for_end(case)
    assert search.status is SearchStatus.COMPLETED
    trials = case.store.trials.all("a")
    again = [trial.origin for trial in trials if trial.origin is not None]
    assert len(trials) - len(again) == len(FIRSTS)
    keys = Counter((origin.of, origin.repeat) for origin in again)
    assert set(keys.values()) == {1}
    assert {of for of, _ in keys} == {1, 2}


def untouched_or_asked(case: Case) -> None:
    """Either nothing has changed, or all that a driver needs is there."""
    search = case.store.searches.get("a")
    untouched = (SearchStatus.COMPLETED, None, False)
    asked = (SearchStatus.QUEUED, ASKED, True)
    assert (search.status, search.confirm, search.confirms_only) in (untouched, asked)


ROWS = (
    Verb(
        "confirm",
        completed,
        lambda case: ["confirm", "a", "--top", "2", "--seeds", "2"],
        is_confirmed,
        between=untouched_or_asked,
    ),
)
