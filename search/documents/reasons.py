"""Reasons of failures, shortened to one line."""

LONGEST = 300
"""Characters of a reason: what fits into a few lines of a terminal."""


def note_of(origin: object, reason: str | None, error: str | None) -> str | None:
    """Return a trial's note for people: where it comes from, and why it has no result.

    origin: the trial's `Origin`; None if a sampler suggested it. reason: why its result has no
    loss. error: why its last attempt failed.
    """
    why = reason or last_line(error)
    notes = [None if origin is None else str(origin), why]
    return "; ".join(note for note in notes if note) or None


def last_line(text: str | None) -> str | None:
    """Return the last line of a traceback or message, shortened; None if there is none."""
    lines = (text or "").strip().splitlines()
    return lines[-1].strip()[:LONGEST] if lines else None
