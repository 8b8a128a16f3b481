"""Digits of numbers for people: four decimals, and more where two of them would read alike."""

import math

import pytest

from alignsearch.search.documents.digits import shown, told_apart


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.01, 0.25], ["0.0100", "0.2500"]),
        ([0.01001, 0.01002], ["0.01001", "0.01002"]),
        # Equal numbers need no more digits.
        ([0.5, 0.5], ["0.5000", "0.5000"]),
        ([-1234.5, 0.0], ["-1234.5000", "0.0000"]),
        # Small numbers have significant digits.
        ([6.03e-9, 0.0], ["6.03e-09", "0.0000"]),
        ([1.00001e-7, 1.00002e-7], ["1.00001e-07", "1.00002e-07"]),
        # No number is told from itself.
        ([math.nan, math.nan, 1.0], ["nan", "nan", "1.0000"]),
        ([math.inf, 2.0], ["inf", "2.0000"]),
    ],
)
def test_numbers_are_told_apart_by_as_few_digits_as_do(values, texts):
    assert told_apart(values) == texts


def test_differences_below_ten_digits_are_not_shown():
    assert told_apart([0.1, 0.1 + 1e-15]) == ["0.1000000000"] * 2


def test_a_number_is_shown_beside_another_one():
    assert shown(0.01001) == "0.0100"
    assert shown(0.01001, 0.01002) == "0.01001"
