"""A search's budget while it lives: more trials, other slots, other rules that end it.

extend: a search goes on to more trials, also one that is over. set: what a search that isn't over
may be given meanwhile. A running driver reads both within a second.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, is_asked, is_list_of_runs, is_of_fmin
from alignsearch.search.documents.durations import as_utc, in_words
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.documents.tally import Standing
from alignsearch.search.driver.endings import ending_of, reached_of
from alignsearch.search.store import Store
from alignsearch.search.use_cases.goals import check_rules
from alignsearch.search.use_cases.next_steps import where_it_goes_on
from alignsearch.search.use_cases.rules import NO_TIMEOUT, RULES, Changes, as_option
from alignsearch.search.use_cases.unchanged import check_unchanged

INDIFFERENT = frozenset({"parallel", "priority", "notify"})
"""Settings that make no difference to which trials a search has."""


def extend(store: Store, name: str, changes: Changes, who: str) -> Search:
    """Let the search go on to `changes.trials` trials, and return it.

    A search that is over is queued for the next driver, and one that was stopped goes on. Trials
    that were cancelled by a stop aren't made again, but others in their place. Done again while
    the search runs, it changes nothing more.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: it was cancelled, its definition has changed, it is an experiment's or
            `fmin`'s, or one of its rules would end it at once.
        ConfigurationError: its budget is as large already, or a value can't be used.
    """
    now = store.now()
    if changes.trials is None:
        raise ConfigurationError("--trials is missing: the number of trials in all")
    search, asked = store.searches.get(name), changes.fields(now)
    _check(search, asked, extended=True)
    over = search.status in TERMINAL_SEARCH_STATUSES
    if changes.trials < search.trials and not over:
        raise ConfigurationError(
            f"--trials {changes.trials} is less than the {search.trials} that search {name!r} may "
            f"have already, those included that are done; `alignsearch set {name} --trials` takes "
            "less"
        )
    standing = standing_of(store, search)
    _check_trials(search, changes.trials, standing)
    if search.status is not SearchStatus.CANCELLED:
        check_unchanged(search)
        _check_goes_on(search, asked, standing, now)
    return store.searches.extend(name, asked, who, detail=described(asked))


def adjust(store: Store, name: str, changes: Changes, who: str) -> Search:
    """Change settings of a search that isn't over, and return it. Done again, it changes nothing.

    With fewer slots, trials beyond them finish, and their workers end. With fewer trials than have
    a result or run, no further one begins.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: it is over, or its trials are an experiment's or `fmin`'s.
        ConfigurationError: a value can't be used.
    """
    search, asked = store.searches.get(name), changes.fields(store.now())
    _check(search, asked, extended=False)
    if changes.trials is not None:
        _check_trials(search, changes.trials, store.totals.standing(name))
    return store.searches.adjust(name, asked, who, detail=described(asked))


def standing_of(store: Store, search: Search) -> Standing:
    """Return the sums of a search's trials, with what its rules ask for."""
    standing = store.totals.standing(search.name)
    if search.patience is None:
        return standing
    return replace(standing, since_best=store.totals.since_best(search.name))


def described(asked: Mapping[str, Any]) -> str:
    """Return changed settings in words: trials 400, until 2026-12-01 07:00:00 UTC."""
    return ", ".join(f"{name.replace('_', ' ')} {_shown(name, asked[name])}" for name in asked)


def outcome_in_words(search: Search) -> str:
    """Return what a search does with its changed settings, as a line for people."""
    end = [f"{search.trials} trials"]
    end += [f"until {as_utc(search.until)}"] if search.until else []
    end += [f"driven for {in_words(search.timeout)} at most"] if search.timeout else []
    goes_on = f"{search.name} goes on to {', '.join(end)}, {search.parallel} at once"
    if search.status is SearchStatus.PAUSED:
        return f"{goes_on}, once it is resumed"
    if search.status is SearchStatus.QUEUED:
        return f"{goes_on}, {where_it_goes_on(search)}"
    return goes_on


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return as_utc(value)
    if name == "notify":
        # The address itself may be a secret, as chat services' are, and everybody reads events.
        return f"at {urlsplit(value).hostname}"
    return in_words(value) if name == "timeout" else str(value)


def _check(search: Search, asked: Mapping[str, Any], *, extended: bool) -> None:
    """Check that the search is of a kind that takes these settings."""
    own = None
    if is_list_of_runs(search):
        own = "its trials are an experiment's list of runs"
    elif is_of_fmin(search):
        own = "HyperOpt's fmin decides about its trials: call it with other arguments"
    others = sorted(asked.keys() - INDIFFERENT)
    if own is not None and others:
        what = "be extended" if extended else f"have another {as_option(others[0])}"
        raise StateConflictError(f"search {search.name!r} can't {what}: {own}")
    check_rules(search, asked)
    if is_asked(search) and asked.get("timeout") is not None:
        raise ConfigurationError(NO_TIMEOUT)


def _check_trials(search: Search, trials: int, standing: Standing) -> None:
    done = standing.spending.counted(search)
    if trials < done:
        raise ConfigurationError(
            f"--trials {trials} is less than the {done} trials of search {search.name!r} that have "
            "a result: it counts all, those included"
        )


def _check_goes_on(
    search: Search, asked: Mapping[str, Any], standing: Standing, now: datetime
) -> None:
    """Check that no rule ends the search as soon as it goes on."""
    # One that only repeats its best trials goes on with trials of its own, too.
    going_on = {"stop_requested": False, "confirms_only": False}
    then = search.model_copy(update={**asked, **going_on})
    ended = ending_of(then, reached_of(standing, search.driven_seconds), now)
    if ended is None:
        return
    hint = ""
    if ended.rule.field in RULES:
        option = as_option(ended.rule.field)
        hint = f"; give another {option}, or --without {option[2:]}"
    raise StateConflictError(f"search {search.name!r} would end at once: {ended.reason}{hint}")
