"""Why something failed, in one line."""

LONGEST = 300
"""Characters of a line that says why."""


def last_line(text: str | None) -> str | None:
    """What a traceback or a message comes to; None if it says nothing."""
    lines = (text or "").strip().splitlines()
    return lines[-1].strip()[:LONGEST] if lines else None
