"""Which notices of a search are due: one rule for webhooks and for browsers."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from alignsearch.search.documents import Search
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus

Kind = Literal["ended", "diverging", "standing-still"]

LATEST_TRIALS = 10
MOST_OF_THEM = 6
"""So many of the latest trials diverge where the space, the rule or the data are wrong."""
STILL_SECONDS = 1800.0
"""A search without any change of a trial for so long stands still, at least; or for twice the time
after which one trial counts as stalled."""


class DueNotice(NamedTuple):
    """A notice: its kind, and the id by which a receiver knows it again."""

    kind: Kind
    id: str


class Course(NamedTuple):
    """The latest results of a search, and since when no trial has changed.

    Attributes:
        diverged: whether each of the latest results diverged, `LATEST_TRIALS` at most.
        change: number of the last change of a trial.
        still_for: seconds since that change, as far as the reader knows.
    """

    diverged: Sequence[bool]
    change: int
    still_for: float


def ended_notice(search: Search) -> DueNotice | None:
    """Return the notice of a search's end; None while it isn't over."""
    if search.status not in TERMINAL_SEARCH_STATUSES:
        return None
    return DueNotice("ended", f"{_start(search)}.ended.{search.updated_at.timestamp():.3f}")


def troubles(
    search: Search, course: Course, still_seconds: float = STILL_SECONDS
) -> list[DueNotice]:
    """Return the notices of a running search's troubles; any other search has none.

    still_seconds: least time without a change after which a search stands still.
    """
    if search.status is not SearchStatus.RUNNING:
        return []
    due = []
    diverged, change, still_for = course
    if sum(diverged) >= MOST_OF_THEM and len(diverged) == LATEST_TRIALS:
        due.append(DueNotice("diverging", f"{_start(search)}.diverging"))
    if still_for >= max(still_seconds, 2 * search.stall_seconds):
        due.append(DueNotice("standing-still", f"{_start(search)}.standing-still.{change}"))
    return due


def text_of(kind: Kind, search: Search, waits_for: str) -> str:
    """Return a notice as one line for people.

    waits_for: what the search waits for, in words.
    """
    return {
        "ended": f"{search.name} is {search.status}",
        "diverging": f"{search.name}: most of the latest {LATEST_TRIALS} trials diverged",
        "standing-still": f"{search.name} stands still: {waits_for}",
    }[kind]


def _start(search: Search) -> str:
    """Return what tells the search from another one that has or had its name."""
    return search.token or f"{search.created_at.timestamp():.3f}"
