"""Constraints: how they are written, and by how much a metric breaks them."""

import json

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.constraint import parse_constraint, total_violation


@pytest.mark.parametrize(
    ("text", "keeps", "breaks"),
    [
        ("step_ms <= 200", [200, -1], [200.001, 400]),
        ("step_ms<200", [199.9], [200, 201]),
        (" top 1 >= 0.5 ", [0.5, 1], [0.4999]),
        ("top 1 > -1e-3", [0], [-1e-3, -1]),
    ],
)
def test_a_constraint_is_kept_on_its_side_of_the_bound(text, keeps, breaks):
    found = parse_constraint(text)
    assert [found.violation(value) for value in keeps] == [0.0] * len(keeps)
    assert all(found.violation(value) > 0 for value in breaks)
    assert parse_constraint(str(found)) == found


def test_violations_of_different_units_are_shares_of_their_bounds():
    constraints = [parse_constraint("step_ms <= 200"), parse_constraint("bytes <= 1e9")]
    # Half as much again as allowed, and twice as much: 0.5 + 1.
    assert total_violation(constraints, {"step_ms": 300.0, "bytes": 2e9}) == 1.5
    assert parse_constraint("drift <= 0").violation(0.25) == 0.25


def test_violations_beyond_all_floats_are_a_number_that_json_has():
    constraints = [parse_constraint("step_ms <= 1e-300"), parse_constraint("bytes <= 1e-300")]
    found = total_violation(constraints, {"step_ms": 1e300, "bytes": 1e300})
    assert json.loads(json.dumps(found, allow_nan=False)) == found > 1e300


def test_a_metric_that_equals_a_strict_bound_is_nearer_than_any_other_that_breaks_it():
    found = parse_constraint("step_ms < 200")
    assert 0 < found.violation(200.0) <= found.violation(200.0 + 1e-12)


@pytest.mark.parametrize(
    "text",
    ["", "step_ms", "step_ms <=", "<= 200", "step_ms = 200", "a <= b", "a <= nan", "1 < a < 2"],
)
def test_what_is_no_constraint_is_refused_with_the_form(text):
    with pytest.raises(ConfigurationError, match="is no constraint: write METRIC <= NUMBER"):
        parse_constraint(text)
