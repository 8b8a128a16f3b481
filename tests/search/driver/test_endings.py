"""The table of rules that end a search: when each holds, and what it says of how far it is."""

from datetime import UTC, datetime, timedelta

import pytest
from documents_made import a_search, a_trial

from alignsearch.search.documents.budget import Spending
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.endings import END_RULES, Reached, ending_of, progress_of
from alignsearch.search.use_cases.rules import RULES

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def reached(done=0, failed=0, running=0, **fields):
    spending = Spending()
    states = [TrialState.COMPLETED] * done + [TrialState.FAILED] * failed
    states += [TrialState.RUNNING] * running
    for tid, state in enumerate(states):
        spending.note(a_trial(tid, state))
    known = {"best_loss": None, "since_best": 0, "driven_seconds": 0.0, "failures": failed}
    return Reached(spending, **{**known, **fields})


CASES = {
    # Field: a search and how far it is short of its end, then at its end, and the reason.
    "stop": (
        a_search(),
        reached(1),
        a_search(stop_requested=True),
        reached(1),
        "it was stopped",
    ),
    "max_failures": (
        a_search(max_failures=4),
        reached(failed=4),
        a_search(max_failures=4),
        reached(failed=5, last_error="Traceback:\nValueError: no images"),
        "5 trials failed, and 4 may (--max-failures); the last one failed with: ValueError: no "
        "images",
    ),
    "trials": (
        a_search(trials=3),
        reached(2, failed=3),
        a_search(trials=3),
        reached(3),
        "all 3 trials have a result",
    ),
    "algo": (
        a_search(algo="grid"),
        reached(2, running=1, exhausted="each of the 3 points of its grid is tried"),
        a_search(algo="grid"),
        reached(3, exhausted="each of the 3 points of its grid is tried"),
        "each of the 3 points of its grid is tried (--algo grid)",
    ),
    "stop_at": (
        a_search(stop_at=0.1),
        reached(1, best_loss=0.1001),
        a_search(stop_at=0.1),
        reached(1, best_loss=0.1),
        "the best validation error is 0.1, and 0.1 is enough (--stop-at)",
    ),
    "patience": (
        a_search(patience=5),
        reached(9, since_best=4),
        a_search(patience=5),
        reached(9, since_best=5),
        "none of 5 trials after the best one was better (--patience)",
    ),
    "until": (
        a_search(until=NOW + timedelta(milliseconds=1)),
        reached(),
        a_search(until=NOW),
        reached(),
        "no trial begins after 2026-11-30 12:00:00 UTC (--until)",
    ),
    "timeout": (
        a_search(timeout=7200.0),
        reached(driven_seconds=7199.0),
        a_search(timeout=7200.0),
        reached(driven_seconds=7200.0),
        "it has been driven for 2.0 h (--timeout)",
    ),
}


@pytest.mark.parametrize("field", CASES)
def test_each_rule_holds_from_its_limit_on(field):
    before, short, search, at_its_end, reason = CASES[field]
    assert ending_of(before, short, NOW) is None
    ended = ending_of(search, at_its_end, NOW)
    assert (ended.rule.field, ended.reason) == (field, reason)
    assert ended.rule.fails == (field == "max_failures")


def test_the_table_has_every_rule_that_a_submission_can_set():
    assert [rule.field for rule in END_RULES] == list(CASES)
    assert set(RULES) <= set(CASES)


def test_a_maximized_metric_is_good_enough_from_below():
    search = a_search(direction="maximize", stop_at=0.9)
    assert ending_of(search, reached(1, best_loss=-0.89), NOW) is None
    ended = ending_of(search, reached(1, best_loss=-0.93), NOW)
    assert ended.reason == "the best score is 0.93, and 0.9 is enough (--stop-at)"


@pytest.mark.parametrize(
    ("search", "allowed"),
    [
        (a_search(trials=10, parallel=1), 3),
        (a_search(trials=10, parallel=8), 8),
        (a_search(trials=300, parallel=8), 30),
        (a_search(trials=300, parallel=8, max_failures=0), 0),
    ],
)
def test_failures_have_a_limit_of_their_own_by_default(search, allowed):
    assert ending_of(search, reached(failed=allowed), NOW) is None
    assert ending_of(search, reached(failed=allowed + 1), NOW).rule.fails


def test_an_objective_of_ones_own_that_answers_with_nonsense_alone_ends_its_search():
    hopeless = reached(failed=1, last_error="it returned nothing", is_hopeless=True)
    own = a_search(direction="minimize")
    ended = ending_of(own, hopeless, NOW)
    assert ended.rule.fails
    assert ended.reason.startswith("its objective gives no result: it returned nothing")
    # A number that somebody chose stands, and so does what is known of the paper's trainings.
    assert ending_of(a_search(direction="minimize", max_failures=2), hopeless, NOW) is None
    assert ending_of(a_search(), hopeless, NOW) is None
    # A failed trial that is tried again counts no more.
    again = reached(failed=1, failures=0, is_hopeless=True)
    assert ending_of(own, again, NOW) is None


@pytest.mark.parametrize("kind", [{"space": "runs"}, {"fmin": True}])
def test_fixed_lists_of_trials_end_with_their_last_however_many_failed(kind):
    search = a_search(trials=9, **kind)
    assert ending_of(search, reached(1, failed=7), NOW) is None
    assert ending_of(search, reached(1, failed=8), NOW).reason == "all 9 trials have ended"


def test_the_budget_is_not_spent_while_a_trial_or_a_retry_is_to_come():
    search = a_search(trials=3)
    assert ending_of(search, reached(3, running=1), NOW) is None
    assert ending_of(search, reached(3, failed=1, retries=1), NOW) is None


def test_every_rule_says_how_far_the_search_is():
    search = a_search(
        trials=40,
        max_failures=4,
        stop_at=0.125,
        patience=5,
        until=NOW + 3 * HOUR,
        timeout=36000.0,
    )
    now = reached(7, failed=2, best_loss=0.25, since_best=3, driven_seconds=9000.0)
    assert [(rule.option, text) for rule, text in progress_of(search, now, NOW)] == [
        ("--max-failures", "2 failed, and 4 may"),
        ("--trials", "7 of 40 trials have a result"),
        ("--stop-at", "validation error 0.125 or better; best 0.25"),
        ("--patience", "3 of 5 trials without a better one"),
        ("--until", "2026-11-30 15:00:00 UTC, in 3.0 h"),
        ("--timeout", "driven for 2.5 h of 10.0 h"),
    ]
    plain = progress_of(a_search(trials=40), reached(7), NOW)
    assert [rule.field for rule, _ in plain] == ["trials"]
