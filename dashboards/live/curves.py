"""Learning curves: a sample of a search's trials, subsampled.

The curve of a trial that has ended doesn't change, so it is cached.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.live.reported import Reported, unit_of
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState

CACHED_CURVES = 5000
"""Curves in the cache. At 45 epochs each they take some 20 MB."""
End = Literal["pruned", "diverged"]
_WITHOUT_LOSS: tuple[End, End] = ("pruned", "diverged")
_DIGITS = 5
"""Significant digits of a curve's numbers: a chart shows fewer."""


@dataclass(frozen=True)
class Points:
    """A number by epoch of a trial's last attempt; None where it wasn't reported."""

    epoch: tuple[int, ...]
    values: tuple[float | None, ...]


class Curves:
    """Reads learning curves; those of ended trials are cached, the least recently used dropped."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._cached: OrderedDict[tuple[str, int, int, str], Points] = OrderedDict()
        self._reported: dict[str, dict[str, str]] = {}
        """Labels of the metrics that each search's trials have reported, by name."""
        self._lock = Lock()

    def select(
        self,
        mirrored: MirroredSearch,
        *,
        top: int,
        limit: int,
        points: int,
        tids: Sequence[int] = (),
        metric: str | None = None,
    ) -> models.Curves:
        """Curves of the trials `tids`; without those, of the best `top` and others evenly by rank.

        A third of the others at most are of trials that were pruned or diverged.

        Args:
            mirrored: the search.
            top: number of the best trials.
            limit: number of all curves at most.
            points: epochs of a curve at most; others are left out evenly.
            tids: trials by number; unknown ones are skipped.
            metric: name of a number that trials report; the search's own metric by default.
        """
        search = mirrored.search
        reported = Reported(search)
        wanted = metric or reported.metric.name
        trials = mirrored.trials
        with mirrored.lock:
            if tids:
                rows = [trials.row_of[tid] for tid in tids if tid in trials.row_of]
            else:
                without = trials.ended_as(*_WITHOUT_LOSS)
                rows = _chosen(
                    trials.ranked(), top, max(top, limit - min(len(without), limit // 3))
                )
                rows += _chosen(without, 0, limit - len(rows))
            ends = [_end_of(trials, row) for row in rows]
            rev, total = trials.rev, trials.scored
            numbers = [int(trials.table["tid"][row]) for row in rows]
            seqs = [trials.seq_of(row) for row in rows]
            ended = [TrialState(trials.state_of(row)) in TERMINAL_TRIAL_STATES for row in rows]
            losses = [
                None if np.isnan(loss) else float(loss) for loss in trials.table["loss"][rows]
            ]
            ranks = [
                None if loss is None else trials.rank(tid, loss)
                for tid, loss in zip(numbers, losses, strict=True)
            ]
        curves: list[models.Curve] = []
        for tid, rank, seq, final, loss in zip(numbers, ranks, seqs, ended, losses, strict=True):
            read = self._read(search, tid, seq if final else None, wanted, reported)
            sampled = _subsampled(read, points)
            curves.append(
                models.Curve(
                    tid=tid,
                    rank=rank,
                    top=rank is not None and rank <= top,
                    loss=loss,
                    value=None if loss is None else trials.metric.value(loss),
                    epoch=list(sampled.epoch),
                    values=list(sampled.values),
                    ended=ends[len(curves)],
                )
            )
        with self._lock:
            known = dict(self._reported.get(search.name, {}))
        return models.Curves(
            rev=rev,
            total=total,
            shown=len(curves),
            note="" if tids or len(rows) >= total else _note(len(rows), total, top),
            unit=unit_of(search),
            metric=wanted,
            metrics=[models.ReportedMetric(name=name, label=known[name]) for name in known],
            curves=curves,
        )

    def _read(
        self, search: Search, tid: int, seq: int | None, metric: str, reported: Reported
    ) -> Points:
        """Read a trial's curve; cache it if `seq`, the last change of an ended trial, is given."""
        key = (search.name, tid, seq or 0, metric)
        with self._lock:
            if seq is not None and key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key]
        records = self._mirror.store.logs.epoch_records(Trial.key(search.name, tid))
        last = records[-1]["attempt"] if records else 0
        mine = [record for record in records if record["attempt"] == last]
        points = Points(
            tuple(record["epoch"] for record in mine),
            tuple(_rounded(reported.value(record, metric)) for record in mine),
        )
        with self._lock:
            self._reported.setdefault(search.name, {}).update(reported.measured(mine))
            if seq is not None:
                self._cached[key] = points
                while len(self._cached) > CACHED_CURVES:
                    self._cached.popitem(last=False)
        return points


def _end_of(trials: MirroredTrials, row: int) -> End | None:
    state = trials.table.columns["state"].value(float(trials.table["state"][row]))
    return next((each for each in _WITHOUT_LOSS if each == state), None)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _chosen(ranked: Sequence[int], top: int, limit: int) -> list[int]:
    """The best `top` rows, and others at equal distances of rank up to `limit` rows."""
    best, others = list(ranked[:top]), ranked[top:]
    room = min(max(0, limit - len(best)), len(others))
    if not room:
        return best
    taken = np.unique(np.linspace(0, len(others) - 1, room).round().astype(int))
    return [*best, *(others[at] for at in taken)]


def _subsampled(points: Points, most: int) -> Points:
    if len(points.epoch) <= most:
        return points
    # Both ends are included: the last epoch has the trial's result.
    taken = np.unique(np.linspace(0, len(points.epoch) - 1, most).round().astype(int))
    return Points(tuple(points.epoch[at] for at in taken), tuple(points.values[at] for at in taken))


def _note(shown: int, total: int, top: int) -> str:
    return f"{shown} of {total} trials: the best {min(top, total)}, and others evenly by rank"
