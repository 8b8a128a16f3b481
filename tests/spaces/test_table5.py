import pytest

from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.table5 import PUBLISHED, ROWS, format_cell, format_sampled


def test_there_is_one_row_for_each_field_in_order():
    assert [row.field for row in ROWS] == list(Configuration.model_fields)
    assert len(ROWS) == 22
    assert len({row.name for row in ROWS}) == 22


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.95, "0.9500"),
        (0.0025, "0.0025"),
        (232.7856, "232.7856"),
        (2.8109e-8, "2.8109×10^{-8}"),
        (3.161e-6, "3.1610×10^{-6}"),
        (0.123456, "0.1235"),
        # Where the notation changes: two significant digits are left at 0.001, one just below.
        (0.001, "0.0010"),
        (0.00099, "9.9000×10^{-4}"),
        (9999.5, "9999.5000"),
        (1e4, "1.0000×10^{4}"),
        (9.99999e6, "1.0000×10^{7}"),
        (1e-11, "1.0000×10^{-11}"),
    ],
)
def test_sampled_values_have_four_decimals(value, text):
    assert format_sampled(value) == text


def test_a_fixed_rate_is_printed_in_full_and_a_sampled_one_rounded():
    rate = next(row for row in ROWS if row.field == "alignment_learning_rate")
    assert format_cell(rate, PUBLISHED["wm"], SPACES["wm"]) == "1.0"
    sampled = PUBLISHED["ia"].model_copy(update={"alignment_learning_rate": 0.00512345})
    assert format_cell(rate, sampled, SPACES["ia"]) == "0.0051"
