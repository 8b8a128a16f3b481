"""Durations and times as people write them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.durations import in_words, parse_duration, parse_time

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    """A machine an hour east of UTC in winter, two in summer."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("12h", 43200), ("2d", 172800), ("1.5h", 5400), (" 2 D ", 172800)],
)
def test_a_duration_is_a_number_and_a_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "12", "h", "-5m", "0s", "0.5s", "1e3s", "12x", "1h30m", "nan s", "99999d", "٣h"]
)
def test_nonsense_is_no_duration(text):
    with pytest.raises(ConfigurationError, match="must be"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-12-01T08:00Z", "2026-12-01T08:00"),
        ("2026-12-01T08:00+05:30", "2026-12-01T02:30"),
        ("2026-12-01 08:00", "2026-12-01T07:00"),
        # Another side of the clock's change counts by that day's zone.
        ("2027-07-01T08:00", "2027-07-01T06:00"),
        ("2026-12-01", "2026-11-30T23:00"),
        ("14:00", "2026-11-30T13:00"),
        # It is 13:00 here.
        ("13:00", "2026-12-01T12:00"),
        ("8:30", "2026-12-01T07:30"),
        ("12:00+00:00", "2026-12-01T12:00"),
        ("12:30Z", "2026-11-30T12:30"),
    ],
)
def test_a_time_without_a_zone_is_in_this_machines(text, at):
    assert parse_time(text, NOW) == datetime.fromisoformat(at).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "08:00:99", "2026-13-01", "12h", "8:00pm", "9999-12-31T23:59-10:00"],
)
def test_nonsense_is_no_time(text):
    with pytest.raises(ConfigurationError, match="must be a time like 08:00"):
        parse_time(text, NOW)


def test_a_time_must_be_ahead_and_within_ten_years():
    with pytest.raises(ConfigurationError, match=r"past: .* is 2026-11-30 11:59:00 UTC"):
        parse_time("2026-11-30T12:59", NOW)
    with pytest.raises(ConfigurationError, match="within 10 years"):
        parse_time("2099-12-31T23:59-10:00", NOW)
    assert parse_time("2026-11-30T12:00:01Z", NOW) == NOW + timedelta(seconds=1)


def test_seconds_are_said_in_a_fitting_unit():
    said = [in_words(seconds) for seconds in (40, 90, 720, 12600, 181440)]
    assert said == ["40 s", "90 s", "12 min", "3.5 h", "2.1 days"]
