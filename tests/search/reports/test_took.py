"""The cost of a search, against sums and schedules done by hand."""

import pytest

from alignsearch.search.reports.took import Took, duration_with, hours_by_kind, in_words


def test_hours_are_of_each_accelerator():
    spent = {"TPU: 8, CPU: 1": 1800.0, "TPU: 4": 3600.0, "none": 7200.0, "": 3600.0}
    assert hours_by_kind(spent) == {"TPU": 8.0, "CPU": 0.5, "process": 3.0}


@pytest.mark.parametrize(
    ("seconds", "trials", "slots", "took"),
    [
        ([10.0], 6, 1, 60.0),
        ([10.0], 6, 2, 30.0),
        ([10.0], 6, 4, 20.0),
        # No more slots than trials are of use.
        ([10.0], 6, 100, 10.0),
        # Beyond some ten thousand trials the mean is all that counts.
        ([1.0, 3.0], 100_000, 100, 2000.0),
    ],
)
def test_trials_go_to_the_first_free_slot(seconds, trials, slots, took):
    assert duration_with(seconds, trials, slots) == took


def test_uneven_trials_keep_their_sum_and_take_no_less_than_the_longest():
    seconds = [1.0, 2.0, 30.0, 4.0]
    assert duration_with(seconds, 8, 1) == 74.0
    assert 37.0 <= duration_with(seconds, 8, 2) <= 37.0 + 30.0
    assert duration_with(seconds, 8, 8) == 30.0
    # The order in which they are known changes nothing.
    assert duration_with(seconds[::-1], 8, 2) == duration_with(seconds, 8, 2)


def test_words():
    cost = Took(2, {"TPU": 12.5}, {"completed": 9, "failed": 1}, 4, {1: 7200.0, 2: 3600.0})
    assert in_words(cost) == [
        ("spent", "12.5 h of TPU"),
        ("ends", "9 completed, 1 failed, and 4 repetitions"),
        ("whole search", "2.0 h with 1, 60.0 min with 2 slots"),
    ]


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (6.03e-5, "0.217 s"),
        (0.016, "57.6 s"),
        (0.5, "30 min"),
        (12.5, "12.5 h"),
        (2400.0, "2400 h"),
        (0.0, "0 s"),
    ],
)
def test_amounts_have_a_fitting_unit(hours, text):
    cost = Took(1, {"CPU": hours}, {}, 0, {})
    assert in_words(cost)[0] == ("spent", f"{text} of CPU")
