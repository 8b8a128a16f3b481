"""Places of values in their distributions, held to SciPy's cumulative distributions."""

import math

import pytest
from scipy import stats

from alignsearch.spaces.distributions import (
    Choice,
    LogNormal,
    LogUniform,
    Normal,
    PChoice,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
)
from alignsearch.spaces.places import place

CONTINUOUS = {
    Uniform(-2.0, 6.0): stats.uniform(-2, 8),
    QUniform(-2.0, 6.0, 0.5): stats.uniform(-2, 8),
    LogUniform(1e-4, 10.0): stats.loguniform(1e-4, 10),
    QLogUniform(0.5, 100.0, 1.0): stats.loguniform(0.5, 100),
    Normal(3.0, 2.0): stats.norm(3, 2),
    QNormal(3.0, 2.0, 0.5): stats.norm(3, 2),
    LogNormal(0.5, 1.5): stats.lognorm(1.5, scale=math.exp(0.5)),
    QLogNormal(0.5, 1.5, 1.0): stats.lognorm(1.5, scale=math.exp(0.5)),
}


@pytest.mark.parametrize("distribution", CONTINUOUS, ids=str)
@pytest.mark.parametrize("part", [0.01, 0.3, 0.5, 0.99])
def test_a_number_is_where_its_cumulative_distribution_says(distribution, part):
    number = CONTINUOUS[distribution].ppf(part)
    assert place(distribution, float(number)) == pytest.approx(part, abs=1e-9)


def test_options_and_whole_numbers_are_in_the_middle_of_their_parts():
    assert [place(Choice(("a", "b")), index) for index in (0, 1)] == [0.25, 0.75]
    given = PChoice((0.2, 0.5, 0.3), ("a", "b", "c"))
    assert [place(given, index) for index in range(3)] == pytest.approx([0.1, 0.45, 0.85])
    assert [place(RandInt(3, 7), number) for number in (3, 6)] == [0.125, 0.875]


@pytest.mark.parametrize(
    ("distribution", "number", "end"),
    [
        (Uniform(0.0, 1.0), 1.0 + 1e-12, 1.0),
        (LogUniform(1e-3, 1.0), math.exp(math.log(1e-3)) / (1 + 1e-12), 0.0),
        # Steps round beyond the range: to 0, which has no logarithm.
        (QLogUniform(0.1, 10.0, 1.0), 0.0, 0.0),
        (QUniform(0.0, 1.0, 0.7), 1.4, 1.0),
        (QLogNormal(0.0, 1.0, 1.0), 0.0, 0.0),
    ],
)
def test_a_value_outside_is_at_the_end(distribution, number, end):
    assert place(distribution, number) == end
