"""Runs for tracking tools, as a search's trials make them."""

from datetime import UTC, datetime, timedelta

from alignsearch.search.trackers.runs import Point, Run, RunGroup

BEGUN = datetime(2026, 5, 1, 12, tzinfo=UTC)
GROUP = RunGroup(
    "0123456789abcdef-fedcba9876543210", "mirror", "mirror@lab-0123456789abcdef-fedcba9876543210"
)
ODD = {"a@b": 0.1, "a#b": 0.2, "../up": 0.3, "/": 0.4, "_step": 0.5, "x" * 300: 0.6, "ä b": 0.7}
"""Numbers under names that one tool or another refuses."""


def a_run(tid=3, points=(1, 2), state="running", why="", values=None, **changes):
    """Return a run with a loss at each of the `points`."""
    ended = state != "running"
    made = [
        Point(step, BEGUN + timedelta(seconds=step), {"loss": 1.0 / step, **(values or {})})
        for step in points
    ]
    fields = {
        "key": f"{GROUP.key}-{tid}",
        "tid": tid,
        "name": f"mirror/{tid}",
        "params": {"lr": 0.1, "width": 64, "nested.bias": True, "rule": "None"},
        "points": made,
        "state": state,
        "why": why,
        "result": {"result/error": 0.25} if state in ("completed", "pruned") else {},
        "tags": {"search": "mirror", "trial": str(tid), "identity": GROUP.identity},
        "started": BEGUN,
        "finished": BEGUN + timedelta(minutes=1) if ended else None,
        "ended": ended,
    }
    return Run(**{**fields, **changes})
