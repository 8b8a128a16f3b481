"""Notices that browsers show on the desktop: ends and troubles of all searches, as they are now."""

import time
from datetime import datetime, timedelta

import numpy as np

from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.models.notices import Notice
from alignsearch.search.documents import Search
from alignsearch.search.documents.divergence import DIVERGED
from alignsearch.search.use_cases.due_notices import (
    LATEST_TRIALS,
    Course,
    DueNotice,
    ended_notice,
    text_of,
    troubles,
)

KEPT = timedelta(days=1)
"""A search that ended earlier is told to nobody who was away meanwhile."""


def notices_now(mirror: Mirror) -> list[Notice]:
    """Return the notices that are due, those of the latest searches first.

    Raises:
        StoreUnavailableError: the store doesn't answer.
    """
    now = mirror.now()
    found = []
    for search in mirror.searches():
        ended = ended_notice(search)
        if ended is not None and now - search.updated_at < KEPT:
            found.append(_notice(search, ended, ""))
        # A search that runs is in memory, but for the first seconds.
        mirrored = mirror.cached(search.name)
        if ended is None and mirrored is not None:
            found += _troubles(mirrored, now)
    return found


def _troubles(mirrored: MirroredSearch, now: datetime) -> list[Notice]:
    with mirrored.lock:
        search, trials, summary = mirrored.search, mirrored.trials, mirrored.summary
        # A search that was resumed, or set, has had no time yet to change a trial.
        since_update = (now - search.updated_at).total_seconds()
        still_for = min(time.monotonic() - trials.changed_at, since_update)
        course = Course(latest_diverged(trials), trials.rev, still_for)
    waits_for = "" if summary is None else summary.waits_for
    return [_notice(search, each, waits_for) for each in troubles(search, course)]


def latest_diverged(trials: MirroredTrials) -> list[bool]:
    """Return whether each of the latest results diverged, in the order of their ends."""
    table = trials.table
    rows = np.flatnonzero(~np.isnan(table["outcome"]) & ~np.isnan(table["finished"]))
    latest = rows[np.argsort(table["finished"][rows], kind="stable")][-LATEST_TRIALS:]
    diverged = table.columns["state"].code(DIVERGED)
    return [bool(table["state"][row] == diverged) for row in latest]


def _notice(search: Search, due: DueNotice, waits_for: str) -> Notice:
    kind, id_ = due
    return Notice(id=id_, kind=kind, search=search.name, text=text_of(kind, search, waits_for))
