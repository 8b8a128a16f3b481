import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignsearch.dashboards.live.columns import (
    SENT_DIGITS,
    Column,
    Table,
    code_of,
    distinct,
    of_metaparameter,
    quantized,
)

from ..conftest import SPACE


@settings(derandomize=True, database=None, deadline=None)
@given(st.floats(1e-15, 1e15) | st.floats(-1e15, -1e-15))
def test_numbers_on_the_wire_have_five_digits(number):
    (sent,) = quantized(np.array([number]))
    assert sent == pytest.approx(float(f"{number:.{SENT_DIGITS - 1}e}"), rel=1.1e-5)
    digits = repr(float(sent)).lstrip("-").partition("e")[0].replace(".", "").strip("0")
    assert len(digits) <= SENT_DIGITS


def test_what_has_no_value_stays_without_one():
    sent = quantized(np.array([np.nan, np.inf, 0.0]))
    assert math.isnan(sent[0])
    assert sent[1] == math.inf
    assert sent[2] == 0.0


def test_every_number_of_a_double_is_one_on_the_wire():
    ends = np.array([5e-324, 3e-310, 1.2345678e-305, 1e300, 1.79769e308, np.finfo(float).max])
    for numbers in (ends, -ends):
        assert quantized(numbers) == pytest.approx(numbers, rel=1.1e-5)


@pytest.mark.parametrize("parameter", SPACE.sampled, ids=lambda each: each.name)
def test_a_value_is_encoded_and_decoded(parameter):
    column = of_metaparameter(parameter, parameter.name, parameter.name)
    values = column.options or [column.low, column.high]
    assert [column.value(column.code(value)) for value in values] == values
    assert column.value(column.code(None)) is None
    assert math.isnan(column.code("no such option"))


def test_options_that_come_with_the_data_keep_their_places():
    column = Column("host", "host", "category", options=[])
    assert [column.code_of_new(host) for host in ("b", "a", "b")] == [0.0, 1.0, 0.0]
    assert column.options == ["b", "a"]


def test_an_option_is_found_by_its_text_or_its_place():
    column = Column("fo", "FO", "category", options=[False, True, 2048, 1.0, 1e-5, "#0", "a|b"])
    texts = ("true", "False", "2048", "1", "0.00001", "#0", "#6", "a|b", "3", "#7")
    assert [code_of(column, text) for text in texts] == [1, 0, 2, 3, 4, 5, 6, 6, None, None]


def test_options_that_json_cannot_hold_are_texts():
    column = Column("depth", "depth", "category", options=[])
    for option in (None, 3, 2**60):
        column.add_option(option)
    assert column.options == ["None", 3, str(2**60)]
    assert column.value(2.0) == str(2**60)
    assert column.value(7.0) is None


def test_a_name_that_another_column_has_gets_a_prefix():
    assert distinct("loss", {"loss", "dimension.loss"}, "dimension") == "dimension.dimension.loss"
    assert distinct("lr", {"loss"}, "dimension") == "lr"


def test_a_column_that_comes_later_is_empty_before_and_may_become_a_category():
    table = Table([Column("tid", "trial", "integer")])
    table.put(0, [0])
    seed = Column("seed", "seed", "integer")
    table.add(seed)
    table.put(1, [1, 7])
    table.put(2, [2, 9])
    assert table.to_wire()["seed"] == [None, 7, 9]
    seed.kind = "category"
    table.recode(seed, "integer")
    assert [seed.value(number) for number in table["seed"]] == [None, 7, 9]


def test_a_table_grows_and_keeps_its_rows():
    table = Table([Column("tid", "trial", "integer"), Column("loss", "loss", "number")])
    for row in range(200):
        table.put(row, [row, 1 / (row + 1)])
    table.put(3, [3, np.nan])
    assert table.rows == 200
    sent = table.to_wire([0, 3, 199])
    assert sent["tid"] == [0, 3, 199]
    assert sent["loss"][2] == 0.005
    assert math.isnan(sent["loss"][1])
