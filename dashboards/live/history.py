"""A search's trials in memory, in columns, kept up by what changes.

Reading the whole search happens once; taking in a change costs what has changed, however long
the history is. Not safe for threads: `alignsearch.dashboards.live.mirror` holds a lock around it.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from alignment_core.errors import UnknownNameError
from alignsearch.dashboards.live.columns import Column, Table, of_metaparameter
from alignsearch.search.documents import Search, Trial, ranking
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.objective_metric import label_of
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import RECENT, Standing
from alignsearch.search.store.connection import Record
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import LABELS

_STATES = tuple(state.value for state in TrialState)
_CODES = {state.value: float(code) for code, state in enumerate(TrialState)}
_OK, _FAIL = "ok", "fail"
_KINDS = {"crashed": "crashed", "expired": "expired"}


@dataclass(frozen=True)
class Improvement:
    """A trial that was the best when it finished, as the `number`th to do so; `at` in seconds."""

    tid: int
    at: float
    number: int
    loss: float


class Scored(NamedTuple):
    """A completed trial with a loss: what its rank depends on."""

    loss: float
    tid: int


@dataclass(frozen=True)
class HostFailures:
    """What became of the attempts on one host."""

    host: str
    attempts: int
    crashed: int
    expired: int
    diverged: int


@dataclass(frozen=True)
class Failure:
    """A way to fail and the trials that did: `diverged`, `crashed` or `expired`."""

    kind: str
    reason: str
    tids: tuple[int, ...]


def known_space(search: Search) -> SearchSpace | None:
    """The search's space; None if this program doesn't know it or knows another of its name."""
    try:
        space = get_space(search.space)
    except UnknownNameError:
        return None
    return space if space.space_hash == search.space_hash else None


class SearchHistory:
    """All trials of one search by row, in the order in which they were first seen.

    rev: the number of the last change that is taken in; it is the store's.
    """

    def __init__(self, search: Search) -> None:
        """Start without trials."""
        self.begun = search.created_at
        self.space = known_space(search)
        sampled = self.space.sampled if self.space else ()
        self._sampled = [parameter.name for parameter in sampled]
        self.table = Table(
            [
                Column("tid", "trial", "integer"),
                Column("state", "state", "category", options=list(_STATES)),
                Column("loss", label_of(search.recipe.metric), "number", "score"),
                Column("current", "last epoch's error", "number"),
                Column("epoch", "epoch", "integer"),
                Column("attempt", "attempts", "integer"),
                Column("seconds", "seconds", "number"),
                Column("started", "started", "time"),
                Column("finished", "finished", "time"),
                Column("host", "host", "category", options=[]),
                Column("outcome", "outcome", "category", options=[_OK, _FAIL]),
                *(of_metaparameter(each, LABELS[each.name]) for each in sampled),
            ]
        )
        self.rev = 0
        self.notes: list[str | None] = []
        self.improvements: list[Improvement] = []
        self.row_of: dict[int, int] = {}
        self._seqs: dict[int, int] = {}
        self._live: dict[int, Trial] = {}
        self._counts = Counter[str]()
        self._states: list[str] = []
        self._best: Trial | None = None
        self._ranked: list[tuple[Any, int]] = []
        self._newly_ranked: list[tuple[Any, int]] = []
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self.scored = 0
        self._attempts: dict[str, Counter[str]] = {}
        self._counted: dict[int, list[tuple[str, str]]] = {}
        self._failures: dict[tuple[str, str], dict[int, None]] = {}
        self._failed_as: dict[int, list[tuple[str, str]]] = {}

    def take(self, records: Iterable[Record], rev: int) -> None:
        """Take in trials as they are stored now; `rev` is the number up to which they were read.

        Raises:
            StoreCorruptedError: one of them is no trial.
        """
        # In the order of their ends, as the best so far has it.
        for record in sorted(records, key=_end):
            try:
                self._take(record)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise StoreCorruptedError(
                    f"the store's trial document {record.get('_id')!r} can't be read "
                    f"({error!r}); it was changed by hand or by another program"
                ) from error
        self.rev = max(self.rev, rev)

    def changed_since(self, rev: int) -> list[int]:
        """The rows that have changed after `rev`, as they were first seen."""
        rows = []
        for row, seq in reversed(self._seqs.items()):
            if seq <= rev:
                break
            rows.append(row)
        return sorted(rows)

    def seq_of(self, row: int) -> int:
        """The number of a trial's last change."""
        return self._seqs[row]

    def state_of(self, row: int) -> str:
        """A trial's state."""
        return self._states[row]

    def standing(self) -> Standing:
        """What a summary needs."""
        return Standing(
            counts={state: self._counts[state.value] for state in TrialState},
            best=self._best,
            live=list(self._live.values()),
            seconds=list(self._seconds),
        )

    @property
    def diverged(self) -> int:
        """How many trials have diverged."""
        return sum(len(tids) for (kind, _), tids in self._failures.items() if kind == "diverged")

    @property
    def hosts(self) -> list[str]:
        """The hosts of all attempts."""
        return sorted(self._attempts)

    def failures(self) -> list[Failure]:
        """The ways to fail, the most frequent first."""
        found = [
            Failure(kind, reason, tuple(tids)) for (kind, reason), tids in self._failures.items()
        ]
        return sorted((each for each in found if each.tids), key=lambda each: -len(each.tids))

    def failures_by_host(self) -> list[HostFailures]:
        """What became of attempts by host."""
        return [
            HostFailures(host, each["attempts"], each["crashed"], each["expired"], each["diverged"])
            for host, each in sorted(self._attempts.items())
        ]

    def config_of(self, row: int) -> dict[str, Any]:
        """The sampled metaparameters of a trial."""
        return {
            name: self.table.columns[name].value(self.table[name][row]) for name in self._sampled
        }

    def scores(self) -> tuple[list[dict[str, Any]], list[float | None]]:
        """All trials' sampled metaparameters, and their losses where they have one."""
        columns = {
            name: [self.table.columns[name].value(number) for number in self.table[name]]
            for name in self._sampled
        }
        configs = [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
        losses = [None if np.isnan(loss) else float(loss) for loss in self.table["loss"]]
        return configs, losses

    def rank(self, tid: int, loss: float) -> int:
        """Return the place of a trial with a loss among all that are ranked, 1 for the best."""
        return 1 + bisect_left(self._in_order(), (ranking.rank(Scored(loss, tid)),))

    def ranked(self) -> list[int]:
        """Return the rows of the trials that are ranked, the best first."""
        return [row for _, row in self._in_order()]

    def _in_order(self) -> Sequence[tuple[Any, ...]]:
        """Return sort key and row of each ranked trial, the best first."""
        if self._newly_ranked:
            # Few are new, and a list that is nearly sorted is sorted in linear time.
            self._ranked = sorted([*self._ranked, *self._newly_ranked])
            self._newly_ranked = []
        return self._ranked

    def _take(self, record: Record) -> None:
        tid: int = record["tid"]
        row = self.row_of.setdefault(tid, len(self.row_of))
        state: str = record["state"]
        result: Mapping[str, Any] = record["result"] or {}
        loss = result.get("loss") if state == TrialState.COMPLETED else None
        seconds, host = self._put(row, record, loss)
        before = self._states[row] if row < len(self._states) else None
        if before is None:
            self._states.append(state)
            self.notes.append(None)
        else:
            self._counts[before] -= 1
        self._counts[state] += 1
        self._states[row] = state
        self.notes[row] = result.get("reason") or last_line(record["error"])
        self._seqs.pop(row, None)
        self._seqs[row] = record["seq"]
        self.rev = max(self.rev, record["seq"])
        self._count_failures(row, record, result, host)
        if TrialState(state) in LIVE_TRIAL_STATES:
            self._live[tid] = Trial.from_bson(record)
            return
        self._live.pop(tid, None)
        if before in TERMINAL_TRIAL_STATES:
            return
        if seconds is not None:
            self._seconds.append(seconds)
        if loss is not None:
            self.scored += 1
            key = ranking.rank(Scored(loss, tid))
            self._newly_ranked.append((key, row))
            if self._best is None or key < ranking.rank(self._best):
                self._best = Trial.from_bson(record)
                at = float(self.table["finished"][row])
                self.improvements.append(Improvement(tid, at, self.scored, loss))

    def _put(self, row: int, record: Record, loss: float | None) -> tuple[float | None, str | None]:
        columns = self.table.columns
        timings: Mapping[str, datetime] = record["timings"]
        progress: Mapping[str, Any] = record["progress"] or {}
        last: Mapping[str, Any] = record["attempts"].get(str(record["attempt"]), {})
        started = self._since(timings.get("started"))
        finished = self._since(timings.get("finished"))
        seconds = None if started is None or finished is None else finished - started
        host = last.get("host")
        config: Mapping[str, Any] = record["config"]
        values = (
            record["tid"],
            record["state"],
            loss,
            progress.get("validation_error"),
            progress.get("epoch"),
            record["attempt"],
            seconds,
            started,
            finished,
            None,
            (record["result"] or {}).get("status"),
            *(config.get(name) for name in self._sampled),
        )
        numbers = [
            column.code(value) for column, value in zip(columns.values(), values, strict=True)
        ]
        numbers[_HOST_AT] = columns["host"].code_of_new(host)
        self.table.put(row, numbers)
        return seconds, host

    def _since(self, at: datetime | None) -> float | None:
        return None if at is None else (at - self.begun).total_seconds()

    def _count_failures(
        self, row: int, record: Record, result: Mapping[str, Any], host: str | None
    ) -> None:
        for on, what in self._counted.pop(row, ()):
            self._attempts[on][what] -= 1
        for failure in self._failed_as.pop(row, ()):
            self._failures[failure].pop(record["tid"], None)
        counted: list[tuple[str, str]] = []
        failed_as: list[tuple[str, str]] = []
        for attempt in record["attempts"].values():
            counted.append((attempt["host"], "attempts"))
            kind = _KINDS.get(attempt["outcome"])
            if kind is not None:
                counted.append((attempt["host"], kind))
                failed_as.append((kind, last_line(attempt["error"]) or "no reason was given"))
        if result.get("status") == _FAIL:
            failed_as.append(("diverged", result.get("reason") or "no reason was given"))
            if host is not None:
                counted.append((host, "diverged"))
        for on, what in counted:
            self._attempts.setdefault(on, Counter())[what] += 1
        for failure in failed_as:
            self._failures.setdefault(failure, {})[record["tid"]] = None
        self._counted[row] = counted
        if failed_as:
            self._failed_as[row] = failed_as


_HOST_AT = 9


def _end(record: Record) -> tuple[bool, float, int]:
    """Ended trials by the time of their end, then the others by number."""
    finished = (record.get("timings") or {}).get("finished")
    return (finished is None, finished.timestamp() if finished else 0.0, record.get("seq", 0))
