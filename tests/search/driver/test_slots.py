"""Which slot is next, and whose worker is known, over a dispatcher that only keeps count."""

import itertools
from datetime import UTC, datetime

import pytest

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Attempt, Trial
from alignsearch.search.driver.slots import Slots


class Counting:
    """Has workers where trials were placed, until they are killed."""

    def __init__(self):
        self.workers = set()

    def place(self, slot, trial):
        self.workers.add(slot)

    def held(self):
        return set(self.workers)

    def kill(self, slot):
        self.workers.discard(slot)

    def poll(self, timeout):
        return []

    def hand_back(self): ...

    def close(self): ...


def a_trial(tid, now, slot=None, attempt=1):
    made = Attempt(
        number=attempt,
        owner=f"worker {slot}",
        token="t",
        host="h",
        accelerator="none",
        slot=slot,
        started_at=now,
    )
    return Trial(id=f"s/{tid}", search="s", tid=tid, attempt=attempt, attempts={str(attempt): made})


@pytest.fixture
def now():
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def slots():
    clock = itertools.count()
    return Slots(Counting(), 4, lambda: float(next(clock)))


def test_warm_slots_come_first_and_of_them_the_one_that_waited_longest(slots, now):
    for slot in (0, 1, 2):
        slots.place(slot, a_trial(slot, now))
    assert slots.taken == {0, 1, 2}
    for slot in (2, 0):
        slots.release(FreedSlot(slot, f"s/{slot}"))
    assert list(slots.free(9)) == [2, 0, 3]
    assert list(slots.free(1)) == [2]


def test_a_worker_is_known_from_its_report_until_it_has_the_next_trial(slots, now):
    slots.place(0, a_trial(0, now))
    assert slots.worker_of(0) is None
    slots.release(FreedSlot(0, "s/0", trial=a_trial(0, now, slot=0)))
    assert slots.worker_of(0).owner == "worker 0"
    slots.place(0, a_trial(1, now))
    assert slots.worker_of(0) is None


def test_a_worker_that_died_told_nothing_or_was_ended_is_not_known(slots, now):
    told = a_trial(0, now, slot=0)
    slots.place(0, told)
    slots.release(FreedSlot(0, "s/0", "it was killed", told))
    assert slots.worker_of(0) is None
    slots.place(0, told)
    slots.release(FreedSlot(0, "s/0"))
    assert slots.worker_of(0) is None
    slots.place(0, told)
    slots.release(FreedSlot(0, "s/0", trial=told))
    assert slots.end_surplus_workers(0) == 0
    assert slots.worker_of(0) is None


def test_a_late_report_does_not_free_the_slot_of_the_next_trial(slots, now):
    slots.place(0, a_trial(1, now))
    slots.release(FreedSlot(0, "s/0", trial=a_trial(0, now, slot=0)))
    assert slots.taken == {0}
    assert slots.placed_trials == {"s/1"}


def test_a_trial_that_was_taken_away_frees_its_slot_and_ends_its_worker(slots, now):
    slots.place(0, a_trial(0, now))
    slots.adopt([a_trial(1, now, slot=2), a_trial(2, now)])
    assert slots.taken == {0, 2}
    slots.end_worker_of("s/0")
    assert (slots.taken, slots.dispatcher.held()) == ({2}, set())
    slots.release_adopted({"s/0"})
    assert slots.taken == set()
