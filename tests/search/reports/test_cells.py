"""Values as cells: rounded for people, exact for CSV."""

import math

import pytest

from alignsearch.search.reports.cells import ABSENT, from_csv, readable, to_csv

TEXTS = [
    "",
    "True",
    "N/A",
    "None",
    "1",
    "007",
    "1e5",
    "-2.5",
    "inf",
    '"',
    '"quoted"',
    "[1]",
    "{}",
    "a,b",
]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -7,
        2**62,
        0.1 + 0.2,
        -1e-300,
        1e22,
        math.inf,
        -math.inf,
        "relu",
        *TEXTS,
        [1, [2.5, None]],
        {"a": {"b": 1}},
    ],
)
def test_a_cell_of_csv_is_read_back_with_its_type(value):
    back = from_csv(to_csv(value))
    assert back == value
    assert type(back) is type(value)


def test_a_dimension_that_is_not_active_has_an_empty_cell():
    assert to_csv(ABSENT) == ""
    assert from_csv("") is ABSENT


def test_nan_is_read_back():
    assert math.isnan(from_csv(to_csv(math.nan)))


def test_text_that_is_only_like_json_stays_text():
    assert from_csv("[1, 2") == "[1, 2"
    assert to_csv("[1, 2") == "[1, 2"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"),
        (-0.5, "-0.5000"),
        (0.0, "0.0000"),
        (-1.25e-8, "-1.2500×10^{-8}"),
        (math.inf, "inf"),
        (2048, "2048"),
        (None, "None"),
        ("Adam", "Adam"),
        (True, "True"),
    ],
)
def test_sampled_numbers_have_four_decimals(value, text):
    assert readable(value, sampled=True) == text


def test_numbers_that_were_not_sampled_are_printed_in_full():
    assert readable(0.125, sampled=False) == "0.125"
