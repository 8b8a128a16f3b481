"""Lines that the attempts at a trial have logged, followed until the trial or one attempt ends."""

import threading
from collections import Counter
from collections.abc import Iterator

from alignment_core.errors import UnknownNameError
from alignsearch.dashboards.live.logs import log_of
from alignsearch.dashboards.models import LogLine
from alignsearch.search.documents import Trial
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TERMINAL_TRIAL_STATES
from alignsearch.search.store import Store

REFRESH_SECONDS = 1.0
"""Time between two readings of a log that is followed; workers store theirs as often."""


def attempt_lines(
    store: Store, name: str, tid: int, attempt: int | None = None
) -> tuple[int, list[LogLine]]:
    """Return an attempt's number and lines: its begin, what it logged, its epochs, error and end.

    attempt: its number; None for the last one.

    Raises:
        UnknownNameError: there is no such search, trial or attempt.
    """
    search = store.searches.get(name)
    trial = store.trials.get(name, tid)
    number = _checked(trial, attempt) or trial.attempt
    return number, log_of(store, search, trial, number, LARGEST).lines


def follow_lines(
    store: Store, name: str, tid: int, attempt: int | None = None
) -> Iterator[tuple[int, LogLine]]:
    """Yield the lines of the attempts from one on, with its number, as they are stored.

    It ends with the attempt, if one is named, or else with the trial.

    Raises:
        UnknownNameError: there is no such search, trial or attempt.
    """
    pause = threading.Event()
    number = _checked(store.trials.get(name, tid), attempt)
    yielded: Counter[LogLine] = Counter()
    was_over = False
    while True:
        search = store.searches.get(name)
        trial = store.trials.get(name, tid)
        number = number or trial.attempt
        now = log_of(store, search, trial, number, LARGEST).lines
        new = Counter(now) - yielded
        for line in now:
            if new[line] > 0:
                new[line] -= 1
                yielded[line] += 1
                yield number, line
        tried = trial.attempts.get(str(number))
        over = tried is not None and tried.ended_at is not None
        nothing_more = trial.state in TERMINAL_TRIAL_STATES or attempt is not None
        if over and was_over and trial.attempt > number and attempt is None:
            number, over = number + 1, False
            yielded.clear()
        elif (over and was_over and nothing_more) or search.status in TERMINAL_SEARCH_STATUSES:
            return
        else:
            # A worker stores its last lines just after the end of its attempt.
            pause.wait(REFRESH_SECONDS)
        was_over = over


def _checked(trial: Trial, attempt: int | None) -> int | None:
    if attempt is not None and str(attempt) not in trial.attempts:
        what = f"attempt at trial {trial.tid} of {trial.search!r}"
        raise UnknownNameError(what, str(attempt), trial.attempts)
    return attempt
