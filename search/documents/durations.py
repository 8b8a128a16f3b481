"""Durations and times as people write them: 90s, 12h, 2d, 08:00, 2026-12-01T08:00+01:00."""

import re
from datetime import UTC, datetime, time, timedelta

from alignment_core.errors import ConfigurationError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds of each unit of a duration."""
LONGEST_DAYS = 3650
"""The longest duration in days, ten years: whoever asks for more has mistaken the unit."""

_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([smhd])", re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds of a duration like 90s, 30m, 12h, 1.5h or 2d.

    Raises:
        ConfigurationError: it is no such duration, or not from a second to ten years.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(f"must be a duration like 90s, 30m, 12h or 2d, not {text!r}")
    seconds = float(found[1]) * UNITS[found[2]]
    if not 1 <= seconds <= LONGEST_DAYS * UNITS["d"]:
        raise ConfigurationError(f"must be from 1s to {LONGEST_DAYS}d, not {text!r}")
    return seconds


def parse_time(text: str, now: datetime) -> datetime:
    """Return the time after `now` that a text names.

    Args:
        text: ISO 8601, like 2026-12-01T08:00+01:00, or a time of day like 08:00, which is the next
            such time. Without a time zone it is in this machine's.
        now: the present, with a time zone.

    Raises:
        ConfigurationError: it is no such time, or not within the next ten years.
    """
    try:
        found = _time_named(text.strip(), now)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"must be a time like 08:00, 2026-12-01T08:00 or 2026-12-01T08:00+01:00, not {text!r}"
        ) from None
    if found <= now:
        raise ConfigurationError(f"is in the past: {text!r} is {as_utc(found)}")
    if found > now + timedelta(days=LONGEST_DAYS):
        raise ConfigurationError(f"must be within {LONGEST_DAYS // 365} years, not {text!r}")
    return found


def _time_named(text: str, now: datetime) -> datetime:
    if not re.match(r"\d{1,2}:", text):
        return _with_zone(datetime.fromisoformat(text))
    clock = time.fromisoformat(text if text[2] == ":" else f"0{text}")
    today = now.astimezone(clock.tzinfo).date()
    days = (today, today + timedelta(days=1))
    return next(at for day in days if (at := _with_zone(datetime.combine(day, clock))) > now)


def _with_zone(at: datetime) -> datetime:
    """Return the time in UTC; without a zone it is taken for one of this machine's."""
    return at.astimezone(UTC)


def in_words(seconds: float) -> str:
    """Return seconds in a fitting unit: 40 s, 12 min, 3.5 h, 2.1 days."""
    for unit, size, digits in (("days", 86400, 1), ("h", 3600, 1), ("min", 60, 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"


def as_utc(at: datetime) -> str:
    """Return a time for people everywhere: 2026-12-01 07:00:00 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
