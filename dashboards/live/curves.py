"""Learning curves: a sample of a search's trials, subsampled, and one trial's epochs in full.

The curve of a trial that has ended doesn't change, so it is cached.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from alignment_core.training.results import EPOCH_VALUES
from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror, MirroredSearch
from alignsearch.search.documents import Epoch, Search, Trial, metric_of
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState

CACHED_CURVES = 5000
"""Curves in the cache. At 45 epochs each they take some 20 MB."""


@dataclass(frozen=True)
class Points:
    """Validation error by epoch of a trial's last attempt."""

    epoch: tuple[int, ...]
    error: tuple[float, ...]


class Curves:
    """Reads learning curves; those of ended trials are cached, the least recently used dropped."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._cached: OrderedDict[tuple[str, int, int], Points] = OrderedDict()
        self._lock = Lock()

    def select(
        self,
        mirrored: MirroredSearch,
        *,
        top: int,
        limit: int,
        points: int,
        tids: Sequence[int] = (),
    ) -> models.Curves:
        """Curves of the trials `tids`; without those, of the best `top` and others evenly by rank.

        Args:
            mirrored: the search.
            top: number of the best trials.
            limit: number of all curves at most.
            points: epochs of a curve at most; others are left out evenly.
            tids: trials by number; unknown ones are skipped.
        """
        trials = mirrored.trials
        with mirrored.lock:
            if tids:
                rows = [trials.row_of[tid] for tid in tids if tid in trials.row_of]
            else:
                rows = _chosen(trials.ranked(), top, limit)
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
        curves = []
        for tid, rank, seq, final, loss in zip(numbers, ranks, seqs, ended, losses, strict=True):
            read = self._read(mirrored.search, tid, seq if final else None)
            sampled = _subsampled(read, points)
            curves.append(
                models.Curve(
                    tid=tid,
                    rank=rank,
                    top=rank is not None and rank <= top,
                    loss=loss,
                    epoch=list(sampled.epoch),
                    error=list(sampled.error),
                )
            )
        note = "" if tids or len(rows) == total else _note(len(rows), total, top)
        return models.Curves(rev=rev, total=total, shown=len(curves), note=note, curves=curves)

    def _read(self, search: Search, tid: int, seq: int | None) -> Points:
        """Read a trial's curve; cache it if `seq`, the last change of an ended trial, is given."""
        key = (search.name, tid, seq or 0)
        with self._lock:
            if seq is not None and key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key]
        records = self._mirror.store.logs.epoch_records(Trial.key(search.name, tid))
        last = records[-1]["attempt"] if records else 0
        mine = [record for record in records if record["attempt"] == last]
        metric = metric_of(search)
        known = [(record["epoch"], metric.of_record(record)) for record in mine]
        measured = [(epoch, value) for epoch, value in known if value is not None]
        points = Points(
            tuple(epoch for epoch, _ in measured),
            tuple(round(value, 5) for _, value in measured),
        )
        if seq is not None:
            with self._lock:
                self._cached[key] = points
                while len(self._cached) > CACHED_CURVES:
                    self._cached.popitem(last=False)
        return points


def epochs_model(epochs: Sequence[Epoch], planned: int | None) -> models.Epochs:
    """A trial's epochs in columns; a layer that an epoch doesn't have is null there."""
    layers: dict[str, list[Any]] = defaultdict(lambda: [None] * len(epochs))
    for at, epoch in enumerate(epochs):
        for layer in epoch.layers:
            layers[layer.name][at] = layer
    return models.Epochs(
        count=len(epochs),
        epochs=planned or 0,
        attempt=[epoch.attempt for epoch in epochs],
        epoch=[epoch.epoch for epoch in epochs],
        **{
            field: [getattr(epoch, field) for epoch in epochs]
            for field in (*EPOCH_VALUES, "seconds")
        },
        layers=[
            models.LayerCurves(
                name=name,
                angle=_values(records, lambda layer: layer.angle) or [],
                norm_ratio=_values(records, lambda layer: layer.norm_ratio) or [],
                gradient_angle=_values(records, lambda layer: layer.gradient_angle, optional=True),
            )
            for name, records in layers.items()
        ],
    )


def _values(
    records: Sequence[Any], value: Callable[[Any], float | None], *, optional: bool = False
) -> list[float | None] | None:
    values = [None if record is None else value(record) for record in records]
    return None if optional and all(each is None for each in values) else values


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
    return Points(tuple(points.epoch[at] for at in taken), tuple(points.error[at] for at in taken))


def _note(shown: int, total: int, top: int) -> str:
    return f"{shown} of {total} trials: the best {min(top, total)}, and others evenly by rank"
