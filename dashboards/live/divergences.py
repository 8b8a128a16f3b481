"""Why trials of a search in memory diverged."""

import numpy as np

from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.search.documents import Search
from alignsearch.search.documents.divergence import DIVERGED
from alignsearch.search.reports.divergence import Divergence, Ended, cause_of

MOST_COMPARED = 2000
"""Limits the trials among which a cause is looked for; more are subsampled evenly, for speed."""


def divergence_in(search: Search, trials: MirroredTrials) -> Divergence:
    """Return which trials diverged and why, the caller holding the mirror's lock."""
    failures = [each for each in trials.failures.by_reason() if each.kind == DIVERGED]
    return Divergence(
        of=trials.scored + trials.diverged,
        reasons={each.reason: each.tids for each in failures},
        cause=_cause(search, trials) if failures else None,
    )


def _cause(search: Search, trials: MirroredTrials) -> str | None:
    table = trials.table
    diverged = table["state"] == table.columns["state"].code(DIVERGED)
    rows = np.flatnonzero(diverged | ~np.isnan(table["loss"]))
    if len(rows) > MOST_COMPARED:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_COMPARED).astype(int)]
    ended = [
        Ended(int(table["tid"][row]), "" if diverged[row] else None, trials.config_of(int(row)))
        for row in rows
    ]
    return cause_of(search, ended, lambda name: table.columns[name].label)
