"""The tables of states as DESIGN and users know them, written out a second time."""

import pytest

from alignsearch.search.documents.states import (
    LIVE_TRIAL_STATES,
    SEARCH_TRANSITIONS,
    TERMINAL_SEARCH_STATUSES,
    TERMINAL_TRIAL_STATES,
    TRIAL_TRANSITIONS,
    SearchStatus,
    TrialState,
    statuses_before,
)

SEARCH_MOVES = """
queued running | queued paused | queued completed | queued cancelled
running paused | running completed | running cancelled | running failed
paused running | paused completed | paused cancelled | paused failed
completed queued | failed queued
"""
TRIAL_MOVES = """
queued running | queued cancelled | queued failed
running queued | running completed | running failed | running cancelled | running pruned
"""


def moves(text):
    return {tuple(pair.split()) for pair in text.replace("\n", "|").split("|") if pair.strip()}


@pytest.mark.parametrize(
    ("table", "states", "expected"),
    [
        (SEARCH_TRANSITIONS, SearchStatus, SEARCH_MOVES),
        (TRIAL_TRANSITIONS, TrialState, TRIAL_MOVES),
    ],
)
def test_the_table_has_these_moves_and_no_other(table, states, expected):
    assert set(table) == set(states)
    assert {(a.value, b.value) for a, after in table.items() for b in after} == moves(expected)


def test_what_has_ended_stays_so():
    assert {s.value for s in TERMINAL_SEARCH_STATUSES} == {"completed", "cancelled", "failed"}
    assert {s.value for s in TERMINAL_TRIAL_STATES} == {
        "completed",
        "failed",
        "cancelled",
        "pruned",
    }
    assert {s.value for s in LIVE_TRIAL_STATES} == {"queued", "running"}


def test_every_state_can_be_reached_and_every_live_one_left():
    for table, first in ((SEARCH_TRANSITIONS, "queued"), (TRIAL_TRANSITIONS, "queued")):
        reached = {state for after in table.values() for state in after}
        assert {s.value for s in table} - {s.value for s in reached} <= {first}


@pytest.mark.parametrize("to", SearchStatus)
def test_the_statuses_before_one_are_those_that_lead_to_it(to):
    assert {(s.value, to.value) for s in statuses_before(to)} == {
        move for move in moves(SEARCH_MOVES) if move[1] == to.value
    }
