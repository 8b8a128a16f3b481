"""The next thing that has to happen for a search to go on, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alignsearch.search.documents import (
    Search,
    Trial,
    is_asked,
    is_driven,
    is_of_fmin,
    lives_in_session,
)
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus, TrialState
from alignsearch.search.driver.endings import Ended
from alignsearch.search.samplers.sampler import problem_of


@dataclass(frozen=True)
class Slots:
    """The slots of a search: the trials that it may run at once.

    Attributes:
        busy: slots with a running trial.
        placing: slots whose trial is placed, but not begun by a worker yet.
        free: slots without a trial, at most as many as trials are left.
    """

    total: int
    busy: int
    placing: int
    free: int


def waits_for_in_words(
    search: Search,
    slots: Slots,
    lease_seconds: float | None,
    now: datetime,
    trouble: str | None,
    ended: Ended | None,
    servers: Sequence[str] | None = None,
) -> str:
    """Return what has to happen next, and why it hasn't.

    Args:
        search: the search.
        slots: its slots now.
        lease_seconds: seconds until the first lease of a running trial expires; None without one.
        now: the store's time.
        trouble: why the trial that was placed last is tried again; None if none is.
        ended: the rule by which no further trial begins; None if none holds.
        servers: living processes that drive all searches of the store; None if that isn't known.
    """
    status = search.status
    if status in TERMINAL_SEARCH_STATUSES:
        because = search.error or search.ending
        return f"nothing: the search is {status}" + (f" ({because})" if because else "")
    running = slots.busy
    if status is SearchStatus.PAUSED and not search.stop_requested:
        because = f" ({search.error})" if search.error else ""
        waits = f"`alignsearch resume {search.name}`: it is paused{because}"
        return f"{waits}, and still runs {_trials(running)}" if running else waits
    if is_asked(search):
        return _waits_for_programs(search, running, lease_seconds)
    if not is_driven(search, now):
        return _waits_for_driver(search, running, now, servers)
    why = [f"{running} of {slots.total} slots busy"]
    if slots.placing:
        why.append(f"{slots.placing} waiting for {_hosts(search)}")
    if trouble is not None:
        why.append(trouble)
    if lease_seconds is not None:
        why.append(
            f"next lease expires in {lease_seconds:.0f} s"
            if lease_seconds >= 0
            else f"a lease expired {-lease_seconds:.0f} s ago, and its trial will be tried again"
        )
    if ended is not None and ended.rule.confirms and search.confirm is not None:
        what = "repetitions of the best trials on fresh seeds"
    elif ended is not None:
        what = f"the end of {_trials(running)}, for {ended.reason}"
    elif slots.placing:
        what = "workers to begin their trials"
    elif slots.free:
        what = f"the driver to place {_trials(slots.free)}"
    else:
        what = "the end of a running trial"
    return f"{what}: {'; '.join(why)}"


def _waits_for_driver(
    search: Search, running: int, now: datetime, servers: Sequence[str] | None
) -> str:
    """Return what a search waits for that nobody drives."""
    if lives_in_session(search):
        waits = _waits_for_objective(search)
    else:
        waits = f"a driver: {_driver_lost(search, now)}{_where_one_is(search, servers)}"
        if problem := problem_of(search.algo):
            waits += f"; {problem}"
    return f"{waits} ({_trials(running)} may still run)" if running else waits


def _where_one_is(search: Search, servers: Sequence[str] | None) -> str:
    """Return which process takes the search up, or how to start one."""
    if servers:
        others = f" and {len(servers) - 1} more" if len(servers) > 1 else ""
        return (
            f"{servers[0]}{others} (`alignsearch serve`) takes it up when a slot is free for it, "
            f"and `alignsearch events {search.name}` says what is in the way"
        )
    start = "start one with `alignsearch serve`"
    if servers is None and search.driver is None:
        return f"{start}, unless one runs and has no slot free"
    return start


def _waits_for_objective(search: Search) -> str:
    """Return what a search waits for that nobody drives, and whose objective no module has."""
    assert search.definition is not None
    owner = search.driver.owner if search.driver else search.definition.source.address
    place, _, process = owner.rpartition(":")
    user, _, host = place.rpartition("@")
    again = "run its script again"
    if not is_of_fmin(search):
        again += f", or alignsearch.resume({search.name!r}, objective)"
    return f"its objective, which process {process} of {user} on {host} had: {again}"


def _waits_for_programs(search: Search, asked: int, lease_seconds: float | None) -> str:
    """Return what a search waits for whose trials programs ask for."""
    if not asked:
        return f"a program to ask for a trial: alignsearch.open_search({search.name!r}).ask()"
    lease = "" if lease_seconds is None else f"; next lease expires in {lease_seconds:.0f} s"
    return f"the results of {_trials(asked)} that programs have asked for{lease}"


def _driver_lost(search: Search, now: datetime) -> str:
    if search.driver is None:
        return ""
    since = search.driver.expires_at
    ago = (now - since).total_seconds()
    return (
        f"none is alive since {since:%Y-%m-%d %H:%M:%S} UTC ({ago:.0f} s ago, "
        f"{search.driver.owner}); "
    )


def _hosts(search: Search) -> str:
    """Return the kind of hosts that a trial is placed on: TPU hosts, CPU=0.5 hosts."""
    kinds = [
        kind if amount == round(amount) else f"{kind}={amount:g}"
        for kind, amount in search.resources.items()
    ]
    return f"{' and '.join(kinds)} hosts".strip()


def _trials(number: int) -> str:
    return "1 trial" if number == 1 else f"{number} trials"


def is_placed(trial: Trial) -> bool:
    """Return whether a queued trial has been placed on the cluster since it was queued."""
    if trial.state is not TrialState.QUEUED or "placed" not in trial.timings:
        return False
    last = trial.attempts.get(str(trial.attempt))
    return last is None or last.ended_at is None or last.ended_at <= trial.timings["placed"]


def trouble_of(live: Sequence[Trial]) -> str | None:
    """Return why the trial that was placed last is tried again; None if none is."""
    placed = [trial for trial in live if is_placed(trial) and trial.error]
    if not placed:
        return None
    last = max(placed, key=lambda trial: trial.timings["placed"])
    return f"trial {last.tid} is tried again, for {last_line(last.error)}"
