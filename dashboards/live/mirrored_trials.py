"""The trials of a search in memory, in columns, updated by changed trial documents.

The search is read once. An update costs as much as the trials that changed, however many there
are. Not thread-safe: `alignsearch.dashboards.live.mirror` holds a lock around it.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from alignsearch.dashboards.live.columns import Column, Table, of_metaparameter
from alignsearch.search.documents import (
    Search,
    Trial,
    known_space_of,
    label_of,
    metric_of,
    ranking,
)
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.plain_data import from_stored
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import RECENT, Standing
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.space import SearchSpace, Value

Document = Mapping[str, Any]
"""A trial as the store has it."""

_STATES = tuple(state.value for state in TrialState)
_CODES = {state.value: float(code) for code, state in enumerate(TrialState)}
_OK, _FAIL = "ok", "fail"
_KINDS = {"crashed": "crashed", "expired": "expired"}


@dataclass(frozen=True)
class Improvement:
    """A trial that was the best when it finished.

    Attributes:
        at: seconds since the search began.
        number: how many trials had finished with a loss by then.
    """

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
    """Numbers of attempts on a host, and of those that crashed, expired or diverged."""

    host: str
    attempts: int
    crashed: int
    expired: int
    diverged: int


@dataclass(frozen=True)
class Failure:
    """A reason to fail, its kind (`diverged`, `crashed` or `expired`), and the trials that did."""

    kind: str
    reason: str
    tids: tuple[int, ...]


def known_space(search: Search) -> SearchSpace | None:
    """The search's space; None if this version of the program lacks it or has another one."""
    space = known_space_of(search)
    return None if space is RUNS else space


class MirroredTrials:
    """All trials of a search, a row each, in the order in which they were first read.

    Attributes:
        rev: the store's number of the last change that is included.
        notes: a text for each row: why the trial diverged, or the last line of its error.
        improvements: trials that were the best when they finished.
        row_of: rows by trial number.
        scored: number of trials with a loss.
    """

    def __init__(self, search: Search) -> None:
        """Begin without trials."""
        self.begun = search.created_at
        self._has_definition = search.definition is not None
        self.space = known_space(search)
        sampled = self.space.sampled if self.space else ()
        self._sampled = [parameter.name for parameter in sampled]
        self.table = Table(
            [
                Column("tid", "trial", "integer"),
                Column("state", "state", "category", options=list(_STATES)),
                Column("loss", metric_of(search).label, "number", "score"),
                Column("current", "last epoch's error", "number"),
                Column("epoch", "epoch", "integer"),
                Column("attempt", "attempts", "integer"),
                Column("seconds", "seconds", "number"),
                Column("started", "started", "time"),
                Column("finished", "finished", "time"),
                Column("host", "host", "category", options=[]),
                Column("outcome", "outcome", "category", options=[_OK, _FAIL]),
                *(of_metaparameter(each, label_of(search, each.name)) for each in sampled),
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

    def update(self, documents: Iterable[Document], rev: int) -> None:
        """Include trial documents, which were read up to the change with the number `rev`.

        Raises:
            StoreCorruptedError: a document isn't a trial.
        """
        # Improvements are defined in the order of finishing.
        for document in sorted(documents, key=_end):
            try:
                self._update(document)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise StoreCorruptedError(
                    f"the store's trial document {document.get('_id')!r} can't be read "
                    f"({error!r}); it was changed by hand or by another program"
                ) from error
        self.rev = max(self.rev, rev)

    def changed_since(self, rev: int) -> list[int]:
        """Rows that changed after `rev`, in ascending order."""
        rows = []
        for row, seq in reversed(self._seqs.items()):
            if seq <= rev:
                break
            rows.append(row)
        return sorted(rows)

    def seq_of(self, row: int) -> int:
        """The number of the last change of a row's trial."""
        return self._seqs[row]

    def state_of(self, row: int) -> str:
        """The state of a row's trial."""
        return self._states[row]

    def standing(self) -> Standing:
        """Counts, the best trial and live trials, from which `summarize` makes a summary."""
        return Standing(
            counts={state: self._counts[state.value] for state in TrialState},
            best=self._best,
            live=list(self._live.values()),
            seconds=list(self._seconds),
        )

    @property
    def diverged(self) -> int:
        """Number of trials that diverged."""
        return sum(len(tids) for (kind, _), tids in self._failures.items() if kind == "diverged")

    @property
    def hosts(self) -> list[str]:
        """Hosts of all attempts."""
        return sorted(self._attempts)

    def failures(self) -> list[Failure]:
        """Reasons to fail, the most frequent first."""
        found = [
            Failure(kind, reason, tuple(tids)) for (kind, reason), tids in self._failures.items()
        ]
        return sorted((each for each in found if each.tids), key=lambda each: -len(each.tids))

    def failures_by_host(self) -> list[HostFailures]:
        """Numbers of attempts and failures by host."""
        return [
            HostFailures(host, each["attempts"], each["crashed"], each["expired"], each["diverged"])
            for host, each in sorted(self._attempts.items())
        ]

    def config_of(self, row: int) -> dict[str, Any]:
        """Sampled metaparameters of a row's trial."""
        return {
            name: self.table.columns[name].value(self.table[name][row]) for name in self._sampled
        }

    def scores(self) -> tuple[list[dict[str, Any]], list[float | None]]:
        """Sampled metaparameters of all trials, and their losses (None without one)."""
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

    def _update(self, document: Document) -> None:
        tid: int = document["tid"]
        row = self.row_of.setdefault(tid, len(self.row_of))
        state: str = document["state"]
        result: Mapping[str, Any] = document["result"] or {}
        loss = result.get("loss") if state == TrialState.COMPLETED else None
        seconds, host = self._put(row, document, loss)
        before = self._states[row] if row < len(self._states) else None
        if before is None:
            self._states.append(state)
            self.notes.append(None)
        else:
            self._counts[before] -= 1
        self._counts[state] += 1
        self._states[row] = state
        self.notes[row] = result.get("reason") or last_line(document["error"])
        self._seqs.pop(row, None)
        self._seqs[row] = document["seq"]
        self.rev = max(self.rev, document["seq"])
        self._count_failures(row, document, result, host)
        if TrialState(state) in LIVE_TRIAL_STATES:
            self._live[tid] = Trial.from_bson(document)
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
                self._best = Trial.from_bson(document)
                at = float(self.table["finished"][row])
                self.improvements.append(Improvement(tid, at, self.scored, loss))

    def _put(
        self, row: int, document: Document, loss: float | None
    ) -> tuple[float | None, str | None]:
        columns = self.table.columns
        timings: Mapping[str, datetime] = document["timings"]
        progress: Mapping[str, Any] = document["progress"] or {}
        last: Mapping[str, Any] = document["attempts"].get(str(document["attempt"]), {})
        started = self._since(timings.get("started"))
        finished = self._since(timings.get("finished"))
        seconds = None if started is None or finished is None else finished - started
        host = last.get("host")
        config = self._values(document)
        values = (
            document["tid"],
            document["state"],
            loss,
            progress.get("value", progress.get("validation_error")),
            progress.get("epoch"),
            document["attempt"],
            seconds,
            started,
            finished,
            None,
            (document["result"] or {}).get("status"),
            *(config.get(name) for name in self._sampled),
        )
        numbers = [
            column.code(value) for column, value in zip(columns.values(), values, strict=True)
        ]
        numbers[_HOST_AT] = columns["host"].code_of_new(host)
        self.table.put(row, numbers)
        return seconds, host

    def _values(self, document: Document) -> Mapping[str, Value]:
        """Return a trial's values of its active dimensions."""
        if self._has_definition and self.space is not None:
            return self.space.values(from_stored(document["point"]))
        config: Mapping[str, Value] = document["config"]
        return config

    def _since(self, at: datetime | None) -> float | None:
        return None if at is None else (at - self.begun).total_seconds()

    def _count_failures(
        self, row: int, document: Document, result: Mapping[str, Any], host: str | None
    ) -> None:
        for on, what in self._counted.pop(row, ()):
            self._attempts[on][what] -= 1
        for failure in self._failed_as.pop(row, ()):
            self._failures[failure].pop(document["tid"], None)
        counted: list[tuple[str, str]] = []
        failed_as: list[tuple[str, str]] = []
        for attempt in document["attempts"].values():
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
            self._failures.setdefault(failure, {})[document["tid"]] = None
        self._counted[row] = counted
        if failed_as:
            self._failed_as[row] = failed_as


_HOST_AT = 9
"""Place of the column `host`, whose options grow with the data."""


def _end(document: Document) -> tuple[bool, float, int]:
    """Sort key: ended trials by the time of their end, then the others by their last change."""
    finished = (document.get("timings") or {}).get("finished")
    return (finished is None, finished.timestamp() if finished else 0.0, document.get("seq", 0))
