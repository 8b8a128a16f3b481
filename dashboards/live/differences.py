"""Differences between two summaries of a search that pages are told of at once."""

from alignsearch.search.use_cases.summary import Summary

SHOWN_SETTINGS = (
    *("status", "stop_requested", "error", "ending", "trials", "parallel", "priority"),
    *("until", "timeout", "stop_at", "patience", "max_failures", "confirm", "note", "tags"),
)
"""Fields of a search that people change while it runs, and that pages show."""


def differs(one: Summary, other: Summary) -> bool:
    """Return whether summaries differ in more than what changes with every second."""
    return _lasting(one) != _lasting(other)


def _lasting(summary: Summary) -> tuple[object, ...]:
    return (
        *(getattr(summary.search, name) for name in SHOWN_SETTINGS),
        summary.driven,
        summary.servers,
        summary.ended_by,
        summary.counts,
        summary.slots,
        summary.best_loss,
        summary.repetitions,
        summary.lease_seconds is not None and summary.lease_seconds < 0,
    )
