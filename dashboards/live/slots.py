"""The attempts of a search's trials: which slot each took, from when to when, and how it ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignsearch.dashboards import models
from alignsearch.dashboards.live.columns import Column, Floats, Table

RUNNING = "running"
MOST_DRAWN = 2000
"""Attempts of a timeline at most, the latest: more bars than pixels show nothing."""
MOST_STEPS = 150
"""Points of the curve of busy slots at most; longer ones are averaged over equal times."""


class Attempts:
    """All attempts of a search in columns. Times are seconds since the search began."""

    def __init__(self) -> None:
        """Begin without attempts."""
        self.table = Table(
            [
                Column("tid", "trial", "integer"),
                Column("attempt", "attempt", "integer"),
                Column("slot", "slot", "integer"),
                Column("started", "started", "number"),
                Column("ended", "ended", "number"),
                Column("end", "end", "category", options=[]),
            ]
        )
        self._row_of: dict[tuple[int, int], int] = {}

    def update(self, document: Mapping[str, Any], begun: datetime, *, diverged: bool) -> None:
        """Include the attempts of a stored trial. diverged: whether its result has no loss."""
        tid: int = document["tid"]
        end = self.table.columns["end"]
        for attempt in document["attempts"].values():
            number, outcome = attempt["number"], attempt.get("outcome")
            row = self._row_of.setdefault((tid, number), len(self._row_of))
            is_result = outcome == "completed" and diverged
            word = "diverged" if is_result else (outcome or RUNNING).replace("_", " ")
            ended, slot = attempt.get("ended_at"), attempt.get("slot")
            self.table.put(
                row,
                [
                    tid,
                    number,
                    np.nan if slot is None else slot,
                    (attempt["started_at"] - begun).total_seconds(),
                    np.nan if ended is None else (ended - begun).total_seconds(),
                    end.code_of_new(word),
                ],
            )

    def model(self, *, rev: int, now: float, slots: int) -> models.SlotUse:
        """Make the payload of the charts of slots. now: seconds since the search began."""
        started, ended = self.table["started"], self.table["ended"].copy()
        ended[np.isnan(ended)] = now
        ended = np.maximum(ended, started)
        latest = np.argsort(started, kind="stable")[-MOST_DRAWN:]
        options = self.table.columns["end"].options or []
        words = [str(options[int(code)]) for code in self.table["end"]]
        hours: dict[str, float] = {}
        for word, seconds in zip(words, (ended - started).tolist(), strict=True):
            hours[word] = hours.get(word, 0.0) + seconds / 3600
        at, busy = steps(started, ended)
        return models.SlotUse(
            rev=rev,
            now=now,
            slots=slots,
            total=self.table.rows,
            tid=[int(each) for each in self.table["tid"][latest]],
            attempt=[int(each) for each in self.table["attempt"][latest]],
            lane=lanes(self.table["slot"][latest], started[latest], ended[latest]),
            started=[round(each, 3) for each in started[latest].tolist()],
            ended=[round(each, 3) for each in ended[latest].tolist()],
            end=[words[row] for row in latest],
            at=at,
            busy=busy,
            hours=hours,
        )


def lanes(slots: Floats, started: Floats, ended: Floats) -> list[int]:
    """Return the lane of each attempt: its slot, or else the first that is free then.

    Attempts without a slot, as those of programs that ask for trials, come after the known slots.
    """
    known = slots[~np.isnan(slots)]
    first = int(known.max()) + 1 if len(known) else 0
    free: list[float] = []
    found = []
    for slot, start, end in zip(slots.tolist(), started.tolist(), ended.tolist(), strict=True):
        if not np.isnan(slot):
            found.append(int(slot))
            continue
        lane = next((at for at, until in enumerate(free) if until <= start), len(free))
        free[lane : lane + 1] = [end]
        found.append(first + lane)
    return found


def steps(started: Floats, ended: Floats) -> tuple[list[float], list[float]]:
    """Return the number of busy slots from each of some times on.

    Above `MOST_STEPS` changes, they are means over equal times instead.
    """
    if not len(started):
        return [], []
    changes = np.concatenate([started, ended])
    signs = np.concatenate([np.ones(len(started)), -np.ones(len(ended))])
    order = np.lexsort((signs, changes))
    times, last = changes[order], np.append(np.diff(changes[order]) > 0, True)
    busy: NDArray[np.float64] = np.cumsum(signs[order])[last]
    times = times[last]
    if len(times) <= MOST_STEPS:
        return np.round(times, 3).tolist(), busy.tolist()
    edges = np.linspace(times[0], times[-1], MOST_STEPS + 1)
    # Slot seconds up to each time; between changes they grow evenly.
    area = np.concatenate([[0.0], np.cumsum(np.diff(times) * busy[:-1])])
    means = np.diff(np.interp(edges, times, area)) / np.diff(edges)
    return np.round(edges, 3).tolist(), [*np.round(means, 3).tolist(), 0.0]
