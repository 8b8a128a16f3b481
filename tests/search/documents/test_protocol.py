"""The protocol of leases, explored exhaustively, and faults in it that the exploration finds."""

from dataclasses import replace
from pathlib import Path

import pytest
from explorer import CounterexampleError, explore
from protocol_documents import Documents
from protocol_model import LeaseModel

from alignsearch.search.documents import transitions
from alignsearch.search.documents.lease import ATTEMPT_LEASE

KINDS = {
    *("tick", "silence", "return", "kill", "place", "add", "take", "renew_driver"),
    *("release_driver", "begin", "renew", "complete", "hand_back", "crash", "expire"),
    *("release", "cancel"),
}
"""Every kind of step that the model has."""
ONE_FAULT_STATES = 26_228
"""States with two drivers, two workers, two trials and a fault, as docs/architecture.md says."""
TWO_FAULTS_STATES = 65_424
"""States with two drivers, two workers, one trial and two faults, as it says, too."""


def test_no_order_of_events_breaks_a_rule_and_each_leads_to_the_end():
    explored = explore(LeaseModel(faults=1))
    assert explored.states == ONE_FAULT_STATES
    assert explored.seen.keys() == KINDS


def test_no_two_faults_at_one_trial_break_a_rule():
    explored = explore(LeaseModel(faults=2, trials=1))
    assert explored.states == TWO_FAULTS_STATES


def of_state_alone(transition):
    """The condition of an attempt's write without the attempt."""
    return replace(transition, condition={"state": "running"})


def at_any_time(transition):
    """The condition of an expired lease without its time."""
    return replace(
        transition,
        condition={
            name: wanted
            for name, wanted in transition.condition.items()
            if name != f"{ATTEMPT_LEASE.name}.expires_at"
        },
    )


def of_no_driver(transition):
    """The condition of a driver's write without its lease."""
    return replace(transition, condition={})


def of_any_attempt(transition):
    """The condition of a begin without the attempt before."""
    return replace(transition, condition={"state": "queued"})


def not_known_again(transition):
    """A write that isn't known to be done when it is sent again."""
    return replace(transition, applied=lambda stored: False)


WRONG = {
    "a finish that doesn't check the attempt": (
        "complete",
        of_state_alone,
        "an ended attempt never changes",
    ),
    "a crash that doesn't check the attempt": (
        "crash",
        of_state_alone,
        "an attempt without its lease changes nothing",
    ),
    "a requeue before the lease has expired": (
        "expire",
        at_any_time,
        "no two attempts hold one trial within their leases",
    ),
    "a driver that doesn't fence its lease": (
        "renew_driver",
        of_no_driver,
        "a driver without its lease changes nothing",
    ),
    "a driver that takes a lease that is held": (
        "take",
        of_no_driver,
        "no two drivers hold one search within their leases",
    ),
    "a begin that is applied twice": ("begin", of_any_attempt, "an ended attempt never changes"),
    "a finish whose second copy is told to be stale": (
        "complete",
        not_known_again,
        "a sender is told what is",
    ),
    "a begin whose second copy is told to be late": (
        "begin",
        not_known_again,
        "a sender is told what is",
    ),
}
"""Faults in the protocol: the write that has it, how it differs, and the rule that breaks."""


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_is_found(fault):
    kind, change, rule = WRONG[fault]

    def changed(made, transition):
        return change(transition) if made == kind else transition

    with pytest.raises(CounterexampleError) as found:
        explore(LeaseModel(faults=2, trials=1, documents=Documents(changed)))
    assert found.value.rule == rule
    assert found.value.way


def test_a_state_without_a_way_to_the_end_is_found():
    def never(kind, transition):
        ended = kind in ("expire", "crash")
        return replace(transition, condition={"state": "gone"}) if ended else transition

    with pytest.raises(CounterexampleError) as found:
        explore(LeaseModel(faults=1, trials=1, documents=Documents(never)))
    assert found.value.rule == "no way leads to the end"


def test_the_model_makes_the_programs_own_transitions(monkeypatch):
    """A fault in the program itself, not in a copy, is found."""
    monkeypatch.setattr(ATTEMPT_LEASE.__class__, "passed", lambda field, now: {})
    with pytest.raises(CounterexampleError) as found:
        explore(LeaseModel(faults=2, trials=1))
    assert found.value.rule.startswith("no two ")
    monkeypatch.undo()
    monkeypatch.setattr(transitions, "_queued_after", lambda attempt: {"state": "queued"})
    with pytest.raises(CounterexampleError) as found:
        explore(LeaseModel(faults=2, trials=1))
    assert found.value.rule == "an ended attempt never changes"


def test_the_documents_tell_the_numbers_of_states():
    said = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text()
    assert f"{ONE_FAULT_STATES:,} states" in said
    assert f"{TWO_FAULTS_STATES:,}" in said
