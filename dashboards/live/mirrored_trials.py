"""The trials of a search in memory, in columns, updated by changed trial documents.

The search is read once. An update costs as much as the trials that changed, however many there
are. Not thread-safe: `alignsearch.dashboards.live.mirror` holds a lock around it.
"""

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from alignsearch.dashboards.live.columns import Column, Table, distinct
from alignsearch.dashboards.live.dimensions import Document, dimensions_of, sampled_space_of
from alignsearch.dashboards.live.failures import Failures
from alignsearch.dashboards.live.goals import GoalColumns
from alignsearch.dashboards.live.slots import Attempts
from alignsearch.search.documents import Origin, Search, Trial, metric_of, ranking
from alignsearch.search.documents.budget import SinceBest, Spending
from alignsearch.search.documents.divergence import DIVERGED, is_stored_diverged
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.reasons import note_of
from alignsearch.search.documents.repetition import Repetition
from alignsearch.search.documents.spent_time import add_seconds, seconds_in, seconds_on
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import RECENT, Standing
from alignsearch.search.documents.trial import OUTSIDE, SPENDING
from alignsearch.search.store.readable import Readable

NOTE = "note"
"""The column of texts in the table of trials, which isn't one of the columns of numbers."""

_STATES = (*(state.value for state in TrialState), DIVERGED)
_OK, _FAIL = "ok", "fail"


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
    violation: float = 0.0


class MirroredTrials:
    """All trials of a search, a row each, in the order in which they were first read.

    Repetitions of the best trials have no row: they are no part of any chart or rank.

    Attributes:
        rev: the store's number of the last change that is included.
        changed_at: time.monotonic() at which a change was included last.
        recoded: the number of the last change that gave a column another kind, 0 for none: a page
            with older columns reads all of them again.
        metric: the number that trials are compared by.
        score: name of the column of the metric, as people know it.
        space: the space that the search samples; None if it isn't known or there is none.
        notes: a text for each row: why the trial diverged, or the last line of its error.
        failures: counts of failures by reason and host.
        attempts: all attempts, by slot and time.
        improvements: trials that were the best when they finished.
        row_of: rows by trial number.
        scored: number of trials with a loss.
    """

    def __init__(self, search: Search, readable: Readable | None = None) -> None:
        """Begin without trials.

        readable: checks each document as a whole, which takes longer, and leaves unreadable ones
            out.
        """
        self._readable = readable
        self.begun = search.created_at
        self.metric = metric_of(search)
        self.goals: GoalColumns
        self.space = sampled_space_of(search)
        fixed = self._fixed_columns(search)
        self._dimensions = dimensions_of(search, {*(column.name for column in fixed), NOTE})
        self.table = Table([*fixed, *self._dimensions.columns])
        self._fixed = fixed
        self.rev = 0
        self.changed_at = time.monotonic()
        self.recoded = 0
        self.notes: list[str | None] = []
        self.failures = Failures()
        self.attempts = Attempts()
        self.improvements: list[Improvement] = []
        self.row_of: dict[int, int] = {}
        self._seqs: dict[int, int] = {}
        self._live: dict[int, Trial] = {}
        self._repetitions: dict[int, Repetition] = {}
        self._spent: dict[str, float] = {}
        self._counts = Counter[str]()
        self._spending = Spending()
        self._since_best = SinceBest()
        self._states: list[str] = []
        self._first: Trial | None = None
        self._front: tuple[int, list[int]] = (-1, [])
        self._ranked: list[tuple[Any, int]] = []
        self._newly_ranked: list[tuple[Any, int]] = []
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self.scored = 0

    def _fixed_columns(self, search: Search) -> list[Column]:
        metric = self.metric
        columns = [
            Column("tid", "trial", "integer"),
            Column("state", "state", "category", options=list(_STATES)),
            Column("loss", metric.label, "number", "score"),
            Column("current", f"{metric.label} of the last report", "number"),
            Column("epoch", "epoch", "integer"),
            Column("attempt", "attempts", "integer"),
            Column("seconds", "seconds", "number"),
            Column("started", "started", "time"),
            Column("finished", "finished", "time"),
            Column("host", "host", "category", options=[]),
            Column("outcome", "outcome", "category", options=[_OK, _FAIL]),
        ]
        self.score = "loss"
        if metric.direction == "maximize":
            columns[_LOSS_AT] = Column("loss", "loss, which is minimized", "number")
            self.score = distinct(metric.name, {NOTE, *(each.name for each in columns)}, "metric")
            columns.insert(_LOSS_AT + 1, Column(self.score, metric.label, "number", "score"))
        self.goals = GoalColumns(search, {NOTE, *(each.name for each in columns)})
        return [*columns, *self.goals.columns]

    def update(self, documents: Iterable[Document], rev: int) -> None:
        """Include trial documents, which were read up to the change with the number `rev`.

        Raises:
            StoreCorruptedError: a document isn't a trial.
        """
        if self._readable is not None:
            documents = self._readable.of([dict(each) for each in documents], _checked)
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
        self.changed_at = time.monotonic()

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

    def ended_as(self, *states: str) -> list[int]:
        """Return the rows whose state for people is one of these, in the order of rows."""
        column = self.table.columns["state"]
        wanted = [column.code(state) for state in states]
        return [int(row) for row in np.flatnonzero(np.isin(self.table["state"], wanted))]

    def standing(self) -> Standing:
        """Counts, the best trial and live trials, from which `summarize` makes a summary.

        The trial that repetitions name as the best isn't in it: its document isn't kept here.
        """
        return Standing(
            counts={state: self._counts[state.value] for state in TrialState},
            best=ranking.feasible(self._first),
            nearest=self._first if ranking.feasible(self._first) is None else None,
            live=list(self._live.values()),
            seconds=list(self._seconds),
            repetitions=list(self._repetitions.values()),
            spent=dict(self._spent),
            diverged=self.failures.diverged,
            spending=self._spending,
            since_best=self._since_best.trials,
        )

    @property
    def diverged(self) -> int:
        """Number of trials that diverged."""
        return self.failures.diverged

    def config_of(self, row: int) -> dict[str, Any]:
        """Values of the dimensions that a row's trial uses, by column."""
        found = {
            column.name: column.value(float(self.table[column.name][row]))
            for column in self._dimensions.columns
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def column_names(self) -> dict[str, str]:
        """Names of the columns of the known space's dimensions, by label."""
        labels = [each.name for each in self.space.sampled] if self.space else []
        columns = [column.name for column in self._dimensions.columns]
        return dict(zip(labels, columns, strict=False))

    def scores(self, column: str) -> tuple[list[dict[str, float]], list[float | None]]:
        """The point of each trial, without the dimensions that it doesn't use, and its number.

        A point has HyperOpt's values by the dimensions' labels; a trial without a number has None.
        column: the numbers' column, like `loss`.
        """
        points: list[dict[str, float]] = [{} for _ in range(self.table.rows)]
        for label, name in self.column_names.items():
            numbers = self.table[name]
            for row in np.flatnonzero(~np.isnan(numbers)):
                points[row][label] = float(numbers[row])
        losses = [None if np.isnan(each) else float(each) for each in self.table[column]]
        return points, losses

    def rank(self, tid: int, loss: float) -> int:
        """Return the place of a trial with a loss among all that are ranked, 1 for the best."""
        name, row = self.goals.violation, self.row_of.get(tid)
        violation = 0.0 if name is None or row is None else float(self.table[name][row])
        return 1 + bisect_left(self._in_order(), (ranking.rank(Scored(loss, tid, violation)),))

    def front(self) -> list[int]:
        """Return the front of a search of several metrics by number; empty for one metric."""
        if self._front[0] != self.scored:
            self._front = (self.scored, self.goals.front(self.table))
        return self._front[1]

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
        kind: str | None = (document.get("origin") or {}).get("kind")
        if kind == "confirmation":
            self._update_repetition(Trial.from_bson(document))
            return
        row = self.row_of.setdefault(tid, len(self.row_of))
        state: str = document["state"]
        result: Mapping[str, Any] = document["result"] or {}
        is_ok = state == TrialState.COMPLETED and result.get("status") == _OK
        loss = result.get("loss") if is_ok else None
        seconds, host = self._put(row, document, loss)
        before = self._states[row] if row < len(self._states) else None
        if before is None:
            self._states.append(state)
            self.notes.append(None)
        else:
            self._counts[before] -= 1
        self._counts[state] += 1
        self._spending.note_kind(kind, TrialState(state), _as_state(before))
        self._states[row] = state
        stored = document.get("origin")
        origin = None if stored is None else Origin.model_validate(stored)
        reason = self.goals.note(result, loss) or result.get("reason")
        self.notes[row] = note_of(origin, reason, document["error"])
        self._seqs.pop(row, None)
        self._seqs[row] = document["seq"]
        self.rev = max(self.rev, document["seq"])
        self.failures.update(document, host)
        diverged = is_stored_diverged(document)
        self.attempts.update(document, self.begun, diverged=diverged)
        if TrialState(state) in LIVE_TRIAL_STATES:
            self._live[tid] = Trial.from_bson(document)
            return
        self._live.pop(tid, None)
        if before in TERMINAL_TRIAL_STATES:
            return
        add_seconds(self._spent, seconds_in(document["attempts"]))
        if seconds is not None and kind != "imported":
            self._seconds.append(seconds)
        if TrialState(state) in SPENDING and kind not in OUTSIDE:
            ended = float(np.nan_to_num(self.table["finished"][row]))
            self._since_best.note(loss, ended, result.get("violation") or 0.0)
        if loss is not None:
            self.scored += 1
            violation = result.get("violation") or 0.0
            key = ranking.rank(Scored(loss, tid, violation))
            self._newly_ranked.append((key, row))
            if self._first is None or key < ranking.rank(self._first):
                self._first = Trial.from_bson(document)
                if violation:
                    return
                # A result from elsewhere may be older than the search.
                at = max(0.0, float(self.table["finished"][row]))
                self.improvements.append(Improvement(tid, at, self.scored, loss))

    def _update_repetition(self, trial: Trial) -> None:
        self.rev = max(self.rev, trial.seq)
        ended = Repetition.from_trial(trial)
        if ended is None:
            self._live[trial.tid] = trial
        else:
            self._live.pop(trial.tid, None)
            if trial.tid not in self._repetitions:
                add_seconds(self._spent, seconds_on([trial]))
            self._repetitions[trial.tid] = ended

    def _put(
        self, row: int, document: Document, loss: float | None
    ) -> tuple[float | None, str | None]:
        timings: Mapping[str, datetime] = document["timings"]
        progress: Mapping[str, Any] = document.get("progress") or {}
        last: Mapping[str, Any] = document["attempts"].get(str(document["attempt"]), {})
        started = self._since(timings.get("started"))
        finished = self._since(timings.get("finished"))
        seconds = None if started is None or finished is None else finished - started
        host = last.get("host")
        values = {
            "tid": document["tid"],
            "state": DIVERGED if is_stored_diverged(document) else document["state"],
            # Older versions call the metric by its old name.
            "current": progress.get("value", progress.get("validation_error")),
            "epoch": progress.get("epoch"),
            "attempt": document["attempt"],
            "seconds": seconds,
            "started": started,
            "finished": finished,
            "outcome": (document["result"] or {}).get("status"),
            self.score: None if loss is None else self.metric.value(loss),
            "loss": loss,
            **self.goals.values(document["result"] or {}, loss),
        }
        numbers = [
            column.code_of_new(host) if column.name == "host" else column.code(values[column.name])
            for column in self._fixed
        ]
        self.table.put(row, [*numbers, *self._numbers(document)])
        return seconds, host

    def _numbers(self, document: Document) -> list[float]:
        """Return the numbers of a trial's dimensions; the table gets their new columns."""
        columns = self._dimensions.columns
        before = [column.kind for column in columns]
        numbers = self._dimensions.numbers(document)
        for column in columns[len(before) :]:
            self.table.add(column)
        for column, kind in zip(columns, before, strict=False):
            if column.kind == "category" and kind != "category":
                self.table.recode(column, kind)
                self.recoded = document["seq"]
        return numbers

    def _since(self, at: datetime | None) -> float | None:
        return None if at is None else (at - self.begun).total_seconds()


def _as_state(state: str | None) -> TrialState | None:
    return None if state is None else TrialState(state)


_LOSS_AT = 2
"""Place of the column `loss`."""


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    Trial.from_bson(document)
    return document


def _end(document: Document) -> tuple[bool, float, int]:
    """Sort key: ended trials by the time of their end, then the others by their last change."""
    finished = (document.get("timings") or {}).get("finished")
    return (finished is None, finished.timestamp() if finished else 0.0, document.get("seq", 0))
