"""Reasons of failures, shortened to one line."""

LONGEST = 300
"""Characters of a reason: what fits into a few lines of a terminal."""


def last_line(text: str | None) -> str | None:
    """Return the last line of a traceback or message, shortened; None if there is none."""
    lines = (text or "").strip().splitlines()
    return lines[-1].strip()[:LONGEST] if lines else None
