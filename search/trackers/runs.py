"""A trial as a run of a tracking tool: what every tool is given, whatever it makes of it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from alignment_core.training.results import scalars_of
from alignsearch.search.documents import Epoch, Search, Trial, measured
from alignsearch.search.documents.divergence import shown_state
from alignsearch.search.documents.identity import Identity
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES

RESULT = "result/"
"""Prefix of the numbers that a trial ended with."""

Scalar = bool | int | float | str


class TrackerAwayError(Exception):
    """The tool doesn't answer, lacks a package, or takes nothing now: try again later."""


class TrackerRefusedError(Exception):
    """The tool refuses this one run, and would again."""


@dataclass(frozen=True)
class Point:
    """All numbers of one step of a run.

    Attributes:
        at: the step's time, the same whenever the run is made from the store again.
        values: may be NaN or infinite.
    """

    step: int
    at: datetime
    values: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """A trial as the store has it now.

    Attributes:
        key: identifies the trial among all trials of all searches of all stores; letters, digits
            and dashes alone. No name is part of it, so that a renamed search keeps its runs.
        name: search and number, for people.
        params: the configuration, flat.
        points: by step, each step once.
        state: `running`, or a trial's last state for people, `diverged` among them.
        why: why it has no result, if it has none.
        tags: what else is known about it.
        ended: True once nothing of it changes any more.
        may_exist: whether an earlier process may have written some of it.
    """

    key: str
    tid: int
    name: str
    params: Mapping[str, Scalar]
    points: Sequence[Point]
    state: str
    why: str
    result: Mapping[str, float]
    tags: Mapping[str, str]
    started: datetime
    finished: datetime | None
    ended: bool
    may_exist: bool = True


@dataclass(frozen=True)
class RunGroup:
    """The search whose trials are runs.

    Attributes:
        key: identifies the search among all, as a run's key does.
        identity: the same with the search's name, as folders and workers have it.
    """

    key: str
    name: str
    identity: str


class Tracker(Protocol):
    """A tool that is open for one search. A tracker that has raised an error is not used again."""

    def write(self, run: Run) -> None:
        """Bring the tool's run to this state; whatever it has already isn't written again.

        Raises:
            TrackerAwayError: the tool doesn't answer.
            TrackerRefusedError: the tool refuses this run.
        """

    def close(self) -> None:
        """Let go of files and connections."""


@dataclass(frozen=True)
class TrackerKind:
    """A row of the table of tools.

    Attributes:
        label: the tool's name, for people.
        takes: word for the place that its option names, in messages.
        packages: modules that it needs.
        check: from a place as a person gives it to the place as it is stored. Raises
            ConfigurationError if there can be none.
        open: from a place and a search to its tracker. Raises TrackerAwayError.
        modules: further modules by the beginning of the places that need them.
        environment: variables that its client needs, where its user hasn't set them.
    """

    label: str
    takes: str
    packages: tuple[str, ...]
    check: Callable[[str], str]
    open: Callable[[str, RunGroup], Tracker]
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def missing(tool: str, error: ImportError) -> str:
    """Return what is wrong where a tool's package can't be imported."""
    return (
        f"the process that drives the search can't import its package ({error}): "
        f"pip install 'alignsearch[{tool}]' there"
    )


def group_of(search: Search, identity: Identity) -> RunGroup:
    """Return the search as its tools know it."""
    return RunGroup(f"{identity.store}-{identity.token}", search.name, str(identity))


def run_of(
    search: Search, group: RunGroup, trial: Trial, epochs: Sequence[Epoch], *, may_exist: bool
) -> Run:
    """Return a trial as a run.

    epochs: of all its attempts. A step that two attempts have reached is the first one's, which
    the tools may have already.
    """
    started = trial.timings.get("started") or trial.timings.get("queued") or search.created_at
    ended = trial.state in TERMINAL_TRIAL_STATES
    why = (trial.result.reason if trial.result else None) or last_line(trial.error) or ""
    tags = {
        "search": search.name,
        "space": search.space,
        "trial": str(trial.tid),
        "sampler": search.algo,
        "seed": str(search.seed),
        "identity": group.identity,
    }
    if trial.origin is not None:
        tags["origin"] = str(trial.origin)
    return Run(
        key=f"{group.key}-{trial.tid}",
        tid=trial.tid,
        name=trial.id,
        params=flat(trial.config),
        points=points_of(trial, epochs, started),
        state=shown_state(trial) if ended else "running",
        why=why,
        result=_result_of(search, trial),
        tags=tags,
        started=started,
        finished=trial.timings.get("finished") if ended else None,
        ended=ended,
        may_exist=may_exist,
    )


def points_of(trial: Trial, epochs: Sequence[Epoch], started: datetime) -> list[Point]:
    """Return the steps of a trial in order, each at its attempt's start and the seconds since."""
    seconds: dict[int, float] = {}
    found: dict[int, Point] = {}
    for epoch in sorted(epochs, key=lambda it: (it.attempt, it.epoch)):
        took = epoch.seconds if math.isfinite(epoch.seconds) else 0.0
        seconds[epoch.attempt] = seconds.get(epoch.attempt, 0.0) + took
        attempt = trial.attempts.get(str(epoch.attempt))
        begun = started if attempt is None else attempt.started_at
        at = begun + timedelta(seconds=seconds[epoch.attempt])
        found.setdefault(epoch.epoch, Point(epoch.epoch, at, dict(_values(epoch))))
    return [found[step] for step in sorted(found)]


def _values(epoch: Epoch) -> Iterator[tuple[str, float]]:
    yield from scalars_of(epoch)
    # A number that an objective reports by one of these names is meant.
    yield from epoch.metrics.items()


def _result_of(search: Search, trial: Trial) -> dict[str, float]:
    if trial.result is None:
        return {}
    numbers = {**trial.result.metrics, **measured(search, trial)}
    return {f"{RESULT}{name}": value for name, value in numbers.items()}


def flat(config: Any) -> dict[str, Scalar]:
    """Return a configuration without its nesting: `{"a": {"b": [1]}}` is `{"a.b.0": 1}`.

    None, and what is empty, are texts: no tool has a value for them.
    """
    found: dict[str, Scalar] = {}
    for path, value in _leaves(config, ""):
        name = path or "config"
        # A key that has a dot may look like one that is nested.
        while name in found:
            name += "_"
        found[name] = value if isinstance(value, bool | int | float | str) else str(value)
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, Mapping) and value:
        inner = iter(value.items())
    elif isinstance(value, list | tuple) and value:
        inner = iter(enumerate(value))
    if inner is None:
        yield path, value
        return
    for key, each in inner:
        yield from _leaves(each, f"{path}.{key}" if path else str(key))
