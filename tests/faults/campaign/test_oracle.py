"""The oracle finds each kind of bad documents, and nothing in good ones."""

import copy
from datetime import UTC, datetime, timedelta

import pytest

from campaign.oracle import Expected, Stored, disturbed, judge, shared_workers

START = datetime(2026, 11, 29, tzinfo=UTC)
EXPECTED = Expected(lambda search, trial, epochs: trial["point"]["x"] * 2, range(1, 4))


def at(seconds):
    return START + timedelta(seconds=seconds)


def attempt(number, start, end, outcome):
    return {
        "number": number,
        "token": f"token-{number}-{start}",
        "owner": f"host:{start}",
        "started_at": at(start),
        "ended_at": at(end),
        "outcome": outcome,
    }


def epoch(trial, number, of):
    return {"_id": f"{trial}/{number}/{of}", "trial": trial, "attempt": number, "epoch": of}


def good():
    """Two trials of one search on one slot; the second one's first attempt expired."""
    return {
        "searches": [
            {"_id": "s", "status": "completed", "trials": 2, "parallel": 1, "lease_seconds": 4.0}
        ],
        "trials": [
            {
                "_id": f"s/{tid}",
                "search": "s",
                "tid": tid,
                "state": "completed",
                "attempt": len(attempts),
                "attempts": {str(each["number"]): each for each in attempts},
                "lease": None,
                "progress": {"epoch": 3},
                "point": {"x": tid + 1.0},
                "result": {"status": "ok", "loss": 2 * (tid + 1.0)},
            }
            for tid, attempts in enumerate(
                (
                    [attempt(1, 0, 5, "completed")],
                    [attempt(1, 10, 15, "expired"), attempt(2, 16, 20, "completed")],
                )
            )
        ],
        "epochs": [
            *(epoch("s/0", 1, of) for of in (1, 2, 3)),
            *(epoch("s/1", 1, of) for of in (1, 2)),
            *(epoch("s/1", 2, of) for of in (1, 2, 3)),
        ],
        "events": [{"search": "s", "what": "submitted"}],
    }


def found(documents, **options):
    return judge(Stored(**documents), "s", EXPECTED, **options)


def test_good_documents_pass():
    assert found(good()) == []


def a_result_is_missing(known):
    known["trials"][1] |= {"state": "failed", "result": None, "error": "out of memory"}


def a_trial_is_missing(known):
    del known["trials"][1]
    known["epochs"] = known["epochs"][:3]


def one_result_too_many(known):
    known["searches"][0]["trials"] = 1


def a_trial_is_there_twice(known):
    known["trials"].append(copy.deepcopy(known["trials"][0]))


def two_attempts_complete_a_trial(known):
    known["trials"][1]["attempts"]["1"]["outcome"] = "completed"


def an_attempt_came_after_the_result(known):
    known["trials"][0]["attempts"]["2"] = attempt(2, 6, 9, "crashed")
    known["trials"][0]["attempt"] = 2


def another_loss(known):
    known["trials"][0]["result"]["loss"] += 1e-12


def an_epoch_is_missing(known):
    del known["epochs"][1]


def an_epoch_of_a_lost_attempt_is_missing(known):
    del known["epochs"][3]


def an_epoch_is_there_twice(known):
    known["epochs"].append({**known["epochs"][0], "_id": "another"})


def an_epoch_too_many(known):
    known["epochs"].append(epoch("s/0", 1, 4))


def progress_of_a_lost_attempt(known):
    known["trials"][1]["progress"]["epoch"] = 2


def attempts_at_once(known):
    known["trials"][1]["attempts"]["2"]["started_at"] = at(12)


def a_lease_was_taken_early(known):
    known["trials"][1]["attempts"]["1"]["ended_at"] = at(12)


def more_attempts_than_slots(known):
    known["trials"][0]["attempts"]["1"]["ended_at"] = at(13)


def the_search_runs_still(known):
    known["searches"][0]["status"] = "running"


def a_trial_runs_still(known):
    known["trials"][0]["state"] = "running"


def a_lease_is_left(known):
    known["trials"][0]["lease"] = {"token": "t"}


def an_attempt_without_an_end(known):
    known["trials"][1]["attempts"]["1"]["outcome"] = None


def a_trial_of_no_search(known):
    known["trials"][0]["search"] = "other"


def an_epoch_of_no_attempt(known):
    known["epochs"].append(epoch("s/0", 7, 1))


def an_event_of_no_search(known):
    known["events"].append({"search": "other", "what": "submitted"})


BAD = {
    "lost": (
        a_result_is_missing,
        a_trial_is_missing,
        an_epoch_is_missing,
        an_epoch_of_a_lost_attempt_is_missing,
    ),
    "doubled": (
        one_result_too_many,
        a_trial_is_there_twice,
        two_attempts_complete_a_trial,
        an_attempt_came_after_the_result,
        an_epoch_is_there_twice,
        attempts_at_once,
        a_lease_was_taken_early,
        more_attempts_than_slots,
    ),
    "stuck": (
        the_search_runs_still,
        a_trial_runs_still,
        a_lease_is_left,
        an_attempt_without_an_end,
    ),
    "foreign": (a_trial_of_no_search, an_epoch_of_no_attempt, an_event_of_no_search),
    "wrong": (another_loss, progress_of_a_lost_attempt, an_epoch_too_many),
}
CASES = [(kind, spoil) for kind, spoils in BAD.items() for spoil in spoils]


@pytest.mark.parametrize(("kind", "spoil"), CASES, ids=[spoil.__name__ for _, spoil in CASES])
def test_bad_documents_are_found(kind, spoil):
    known = good()
    spoil(known)
    assert kind in {each.kind for each in found(known)}


def test_times_say_nothing_where_the_clock_was_set():
    known = good()
    for spoil in (attempts_at_once, a_lease_was_taken_early, more_attempts_than_slots):
        spoil(known)
    assert found(known, clock_moved=True) == []


def test_a_search_that_is_gone_is_lost():
    assert [each.kind for each in judge(Stored([], [], []), "s", EXPECTED)] == ["lost"]


def test_a_worker_of_two_searches_is_found():
    one, other = good(), good()
    assert shared_workers(Stored(**one), Stored(**other))
    for trial in other["trials"]:
        for each in trial["attempts"].values():
            each["owner"] = "another"
    assert shared_workers(Stored(**one), Stored(**other)) == []


def test_an_attempt_that_a_search_lost_without_a_fault_of_its_own_is_found():
    (finding,) = disturbed(Stored(**good()), "s")
    assert finding.kind == "foreign"
    assert "attempt 1 at s/1" in finding.what
    known = good()
    known["trials"].pop()
    assert disturbed(Stored(**known), "s") == []
