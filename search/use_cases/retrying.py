"""Single trials that people try again or cancel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alignsearch.search.documents import GivenPoint, Search, Trial, token_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.driver.endings import ended_early, reached_of
from alignsearch.search.store import Store
from alignsearch.search.use_cases.budget import standing_of
from alignsearch.search.use_cases.giving import Given, Known, counted, give, searched_space

_AGAIN = (TrialState.FAILED, TrialState.CANCELLED)
"""States of trials that have no result and spent nothing of the budget."""


@dataclass(frozen=True)
class Retried(Given):
    """The outcome of a retry; `reopened` says whether the search was over and goes on by it."""

    reopened: bool = False


def retry(store: Store, name: str, who: str, tids: Sequence[int] | None = None) -> Retried:
    """Try failed trials again, each as a new trial of the same point; an event says so.

    A retry is tried before other suggestions, and whatever the budget still allows: a failed trial
    has spent nothing of it. A search that is over goes on by it. Each trial is retried once; if
    its retry fails, that can be retried. So the same command again changes nothing, unless it was
    killed: then it does what is missing.

    Args:
        store: holds the search.
        name: the search's name.
        who: the event's author.
        tids: numbers of failed or cancelled trials; None for all failed ones.

    Raises:
        UnknownNameError: there is no such search or trial.
        StateConflictError: a named trial has neither failed nor was cancelled, no trial has failed,
            the search was cancelled, or one of its rules lets no trial begin.
    """
    search = store.searches.get(name)
    searched_space(search)
    known = Known(store, search)
    if tids is None:
        again = [
            trial
            for trial in known.trials
            if trial.state is TrialState.FAILED and trial.is_suggested
        ]
        if not again:
            raise StateConflictError(f"no trial of search {name!r} has failed")
    else:
        again = [_retryable(store, search, tid) for tid in dict.fromkeys(tids)]
    points = [_point(search, trial, who) for trial in again]
    left_out = [
        _said(known, trial, before)
        for trial, point in zip(again, points, strict=True)
        if (before := known.point(point.token)) is not None
    ]
    new = [point for point in points if known.point(point.token) is None]
    _check_goes_on(store, search)
    given = give(store, known, new, who, what="retried", detail=_trials(each.of for each in new))
    reopened = _reopen(store, name, who, known, points)
    return Retried(store.searches.get(name), given, left_out, reopened)


def _check_goes_on(store: Store, search: Search) -> None:
    """Refuse a retry that would never begin: it may exceed the budget, and no other rule."""
    name = search.name
    if search.stop_requested and search.status not in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} begins no trial any more, for it was stopped: retry once it is over"
        )
    reached = reached_of(standing_of(store, search), search.driven_seconds)
    ended = ended_early(search, reached, store.now())
    if ended is not None:
        raise StateConflictError(
            f"search {name!r} begins no trial any more: {ended.reason}; `alignsearch extend {name} "
            f"--trials N --without {ended.rule.option[2:]}` lets it go on"
        )


def _retryable(store: Store, search: Search, tid: int) -> Trial:
    trial = store.trials.get(search.name, tid)
    if not trial.is_suggested:
        raise StateConflictError(
            f"trial {tid} of search {search.name!r} can't be tried again: it is no trial of the "
            f"search's own but {trial.origin.kind if trial.origin else 'another'}"
        )
    if trial.state not in _AGAIN:
        raise StateConflictError(
            f"trial {tid} of search {search.name!r} can't be tried again: it is {trial.state}, and "
            "only one that has failed or was cancelled can"
        )
    return trial


def _point(search: Search, trial: Trial, who: str) -> GivenPoint:
    return GivenPoint.unnumbered(
        search.name,
        kind="retry",
        point=dict(trial.point),
        token=token_of("retry", {}, trial.tid),
        of=trial.tid,
        by=who,
    )


def _said(known: Known, trial: Trial, before: GivenPoint) -> str:
    again = known.trial_of(before)
    if again is None:
        return f"trial {trial.tid}: it waits to be tried again already, asked for by {before.by}"
    return f"trial {trial.tid}: trial {again.tid} ({again.state}) has tried it again"


def _reopen(store: Store, name: str, who: str, known: Known, points: Sequence[GivenPoint]) -> bool:
    """Queue the search again if it is over, or nearly so, and one of the retries waits."""
    search = store.searches.get(name)
    if search.status not in TERMINAL_SEARCH_STATUSES and not search.confirms_only:
        return False
    tried = {each.of for each in points if (p := known.point(each.token)) and known.trial_of(p)}
    waiting = [each.of for each in points if each.of not in tried]
    if not waiting:
        return False
    store.searches.reopen(name, who, f"to try {_trials(waiting)} again")
    return True


def _trials(tids: Iterable[int | None]) -> str:
    numbers = [str(tid) for tid in tids if tid is not None]
    if len(numbers) > 10:
        return counted(len(numbers), "trial")
    return f"trial{'' if len(numbers) == 1 else 's'} {', '.join(numbers)}"


def cancel_trial(store: Store, name: str, tid: int, who: str) -> Trial:
    """Cancel one trial that is queued or running; an event says so. The search goes on.

    Its worker ends, and nothing that it still writes is accepted. A cancelled trial spends nothing
    of the budget. Cancelling it again is no error for the one who did.

    Raises:
        UnknownNameError: there is no such search or trial.
        StateConflictError: the trial has ended.
    """
    trial = store.trials.get(store.searches.get(name).name, tid)
    cancelled = store.attempts.cancel(trial.id, f"cancelled by {who}")
    # The trial itself says who did it: a command that died before the event adds it when repeated.
    store.logs.add_event(name, who, "trial cancelled", f"trial {tid}", once=str(tid))
    return cancelled
