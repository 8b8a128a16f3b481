"""The rules that end a search, in one table.

Once a rule holds, no trial begins any more, and the search is over when its running trials have
ended. A rule is asked anew each time: if a running trial turns out to be the best one, for
instance, a search that was about to end for want of patience goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from alignsearch.search.documents import Search, metric_of
from alignsearch.search.documents.budget import Spending, counts_every_trial
from alignsearch.search.documents.durations import as_utc, in_words
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.tally import Standing


@dataclass(frozen=True)
class Reached:
    """How far a search has come.

    Attributes:
        spending: its trials by state.
        best_loss: the best trial's loss; None without one.
        since_best: trials with a result that ended after the best one.
        driven_seconds: seconds for which it has been driven.
        failures: failed trials that nobody has asked to try again.
        retries: failed trials that wait to be tried again.
        last_error: why the trial failed that failed last; None if that isn't known.
        is_hopeless: whether a trial has failed in a way in which it would fail again, and none has
            a result.
        exhausted: why the sampler has no point left to suggest; None if it may have one.
    """

    spending: Spending
    best_loss: float | None
    since_best: int
    driven_seconds: float
    failures: int
    retries: int = 0
    last_error: str | None = None
    is_hopeless: bool = False
    exhausted: str | None = None


def reached_of(standing: Standing, driven_seconds: float) -> Reached:
    """Return how far a search has come by the sums of its trials and the seconds driven."""
    return Reached(
        spending=standing.spending,
        best_loss=standing.best.loss if standing.best else None,
        since_best=standing.since_best,
        driven_seconds=driven_seconds,
        failures=standing.spending.failures,
        last_error=standing.last_error,
        is_hopeless=standing.is_hopeless,
    )


OWN = ("function", "program")
"""Kinds of objectives of the user's own, in which an error that would come again is a fault."""

Judge = Callable[[Search, Reached, datetime], str | None]
"""From a search, how far it has come and the store's time to a sentence, or None."""


@dataclass(frozen=True)
class EndRule:
    """A rule that ends a search.

    Attributes:
        field: the search's field, and with dashes the option, that sets it.
        reason: why the search ends by it now; None if it doesn't.
        progress: how far the search is from it, in words; None if the search has no such rule.
        fails: whether the search has failed then.
        confirms: whether the best trials may still be repeated then, where the search is confirmed.
        spares_placed: whether a trial that was given to the cluster still begins: its worker may
            be starting just now.
    """

    field: str
    reason: Judge
    progress: Judge
    fails: bool = False
    confirms: bool = False
    spares_placed: bool = False

    @property
    def option(self) -> str:
        """The command line's option that sets it."""
        return f"--{self.field.replace('_', '-')}"


@dataclass(frozen=True)
class Ended:
    """The rule that ends a search now, and why."""

    rule: EndRule
    reason: str


def ending_of(search: Search, reached: Reached, now: datetime) -> Ended | None:
    """Return the first rule of the table that ends the search now; None if none does.

    A search that was over before it was confirmed begins no trial of its own again.
    """
    if search.confirms_only:
        return Ended(STOP, "stopped") if search.stop_requested else Ended(CONFIRMED, "confirmed")
    for rule in END_RULES:
        reason = rule.reason(search, reached, now)
        if reason is not None:
            return Ended(rule, reason)
    return None


def ended_early(search: Search, reached: Reached, now: datetime) -> Ended | None:
    """Return the first rule by which not even a failed trial is tried again; None if there is none.

    Retries begin whatever the budget allows, and a retried failure counts no more.
    """
    for rule in END_RULES:
        reason = rule.reason(search, reached, now) if rule.field in EARLY else None
        if reason is not None:
            return Ended(rule, reason)
    return None


def may_repeat(search: Search, reached: Reached, now: datetime) -> bool:
    """Return whether repetitions of the best trials may begin once no other trial may.

    A person who stops a search, or says until when it may run, means them as well. Somebody who
    confirms a search that was over before asks for them, whatever had ended it.
    """
    if search.confirm is None or search.stop_requested:
        return False
    rules = () if search.confirms_only else END_RULES
    return not any(
        not rule.confirms and rule.reason(search, reached, now) is not None for rule in rules
    )


def progress_of(search: Search, reached: Reached, now: datetime) -> Sequence[tuple[EndRule, str]]:
    """Return the search's rules, each with a line that says how far the search is from it."""
    found = [(rule, rule.progress(search, reached, now)) for rule in END_RULES]
    return [(rule, text) for rule, text in found if text is not None]


def _stopped(search: Search, reached: Reached, now: datetime) -> str | None:
    return "it was stopped" if search.stop_requested else None


def _stopping(search: Search, reached: Reached, now: datetime) -> str | None:
    return "stopped: no trial begins any more" if search.stop_requested else None


def _too_many_failures(search: Search, reached: Reached, now: datetime) -> str | None:
    failures, allowed = reached.failures, search.failures_allowed
    last = last_line(reached.last_error)
    if _is_useless(search, reached):
        return f"its objective gives no result: {last} (--max-failures lets more trials fail)"
    if counts_every_trial(search) or failures <= allowed:
        return None
    because = f"; the last one failed with: {last}" if last else ""
    return f"{_trials(failures)} failed, and {allowed} may (--max-failures){because}"


def _is_useless(search: Search, reached: Reached) -> bool:
    """Return whether a function or a program of the user's own has answered with nonsense alone.

    Its next trials would do the same. A number of allowed failures that somebody chose stands.
    """
    kind = None if search.definition is None else search.definition.objective.kind
    return (
        kind in OWN and search.max_failures is None and reached.failures > 0 and reached.is_hopeless
    )


def _failures(search: Search, reached: Reached, now: datetime) -> str | None:
    failures = reached.failures
    if counts_every_trial(search) or (search.max_failures is None and not failures):
        return None
    return f"{failures} failed, and {search.failures_allowed} may"


def _spent(search: Search, reached: Reached, now: datetime) -> str | None:
    spending = reached.spending
    if spending.counted(search) < search.trials or spending.live or reached.retries:
        return None
    what = "have ended" if counts_every_trial(search) else "have a result"
    return f"all {search.trials} trials {what}" if search.trials != 1 else "its trial has ended"


def _budget(search: Search, reached: Reached, now: datetime) -> str | None:
    what = "have ended" if counts_every_trial(search) else "have a result"
    return f"{reached.spending.counted(search)} of {_trials(search.trials)} {what}"


def _no_point_left(search: Search, reached: Reached, now: datetime) -> str | None:
    # A running trial may be cancelled, and its point be tried again.
    if reached.exhausted is None or reached.spending.live or reached.retries:
        return None
    return f"{reached.exhausted} (--algo {search.algo})"


def _good_enough(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.stop_at is None or reached.best_loss is None:
        return None
    metric = metric_of(search)
    if reached.best_loss > metric.loss(search.stop_at):
        return None
    best = metric.value(reached.best_loss)
    return f"the best {metric.label} is {best:.6g}, and {search.stop_at:.6g} is enough (--stop-at)"


def _goal(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.stop_at is None:
        return None
    metric = metric_of(search)
    best = "none yet" if reached.best_loss is None else f"{metric.value(reached.best_loss):.6g}"
    return f"{metric.label} {search.stop_at:.6g} or better; best {best}"


def _no_better_one(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.patience is None or reached.since_best < search.patience:
        return None
    return f"none of {_trials(reached.since_best)} after the best one was better (--patience)"


def _patience(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.patience is None:
        return None
    return f"{reached.since_best} of {_trials(search.patience)} without a better one"


def _trials(number: int) -> str:
    return "1 trial" if number == 1 else f"{number} trials"


def _too_late(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.until is None or now < search.until:
        return None
    return f"no trial begins after {as_utc(search.until)} (--until)"


def _until(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.until is None:
        return None
    seconds = (search.until - now).total_seconds()
    when = f"in {in_words(seconds)}" if seconds > 0 else "which is past"
    return f"{as_utc(search.until)}, {when}"


def _driven_enough(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.timeout is None or reached.driven_seconds < search.timeout:
        return None
    return f"it has been driven for {in_words(reached.driven_seconds)} (--timeout)"


def _timeout(search: Search, reached: Reached, now: datetime) -> str | None:
    if search.timeout is None:
        return None
    return f"driven for {in_words(reached.driven_seconds)} of {in_words(search.timeout)}"


def _never(search: Search, reached: Reached, now: datetime) -> str | None:
    return None


STOP = EndRule("stop", _stopped, _stopping, spares_placed=True)
CONFIRMED = EndRule("confirm", _never, _never, confirms=True)
"""Ends a search that was over before it was confirmed."""

END_RULES = (
    STOP,
    EndRule("max_failures", _too_many_failures, _failures, fails=True),
    EndRule("trials", _spent, _budget, confirms=True),
    EndRule("algo", _no_point_left, _never, confirms=True),
    EndRule("stop_at", _good_enough, _goal, confirms=True),
    EndRule("patience", _no_better_one, _patience, confirms=True),
    EndRule("until", _too_late, _until),
    EndRule("timeout", _driven_enough, _timeout),
)
"""Every rule that ends a search; of several that hold, the first gives the reason."""

EARLY = frozenset({"stop_at", "patience", "until", "timeout"})
"""Rules that end a search before its budget is spent, and whatever waits in it."""
