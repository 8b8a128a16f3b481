"""The trial as an objective of the user's own gets it: reports, checkpoints, seed, log."""

import logging
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError
from alignment_core.files import is_address
from alignsearch.search.documents import Epoch, Search, Trial, reported_names_of
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.plain_data import plain
from alignsearch.workers.objectives import Link
from alignsearch.workers.reports import REPORTS_FILE, Report, append, read, taken_over
from alignsearch.workers.returned import as_number
from alignsearch.workers.seeds import seed_of

KEPT_CHECKPOINTS = 2
"""Checkpoints of an attempt that are kept: the last one, and the one before it in case that a disk
or a machine fails."""
LARGEST_STEP = 2**53
"""The largest number of a step: JavaScript and floats hold every whole number up to it."""

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")

logger = logging.getLogger(__name__)


class TrialInterrupted(BaseException):
    """Raised in an objective that goes on after its trial was to end.

    It is no `Exception`, so that an objective's own `except Exception` doesn't swallow it.
    """


class StopQuestion:
    """A question that is asked anew by each call, and by each use as a condition.

    A method without its parentheses would be true always, and end every trial at its first step.
    """

    def __init__(self, ask: Callable[[], bool]) -> None:
        """Ask by calling a function."""
        self._ask = ask

    def __call__(self) -> bool:
        """Return the answer."""
        return self._ask()

    def __bool__(self) -> bool:
        """Return the answer."""
        return self._ask()

    def __repr__(self) -> str:
        """Return how to ask: to show the question asks nothing."""
        return "<trial.should_stop(): true once the trial is to end>"


class TrialContext:
    """The trial that an objective evaluates; `alignsearch.Trial` is its public name.

        def objective(config: dict, trial: alignsearch.Trial) -> float:
            model = Model(config["width"], seed=trial.seed)
            first = 0
            if trial.resume_from is not None:
                first = model.load(trial.resume_from / "model")
            for epoch in range(first, 10):
                if trial.should_stop():
                    break
                loss = model.train_epoch(config["lr"])
                trial.report(epoch, loss=loss)
                with trial.checkpoint() as folder:
                    model.save(folder / "model", epoch + 1)
            return loss

    Attributes:
        id: id of the trial in the store, SEARCH/NUMBER.
        number: number of the trial in its search, from 0.
        attempt: number of this attempt, from 1; a trial whose worker died is tried again.
        config: the configuration, as HyperOpt's `space_eval` returns it.
        seed: random seed of the trial, the same in each attempt, from 0 to 2**31 - 1.
        log: a logger whose lines become the trial's log, as everything does that is printed.
    """

    def __init__(
        self, search: Search, trial: Trial, link: Link, config: Any, metric: ObjectiveMetric
    ) -> None:
        """Prepare the context of one attempt.

        Args:
            search: the search.
            trial: the trial, with the number of the attempt that runs.
            link: callbacks and checkpoint folders of the attempt.
            config: configuration that the objective gets.
            metric: the search's metric.

        Raises:
            ConfigurationError: the search keeps its checkpoints in a bucket.
        """
        if link.checkpoints is not None and is_address(link.checkpoints):
            raise ConfigurationError(
                f"an objective of your own can't write checkpoints to {link.checkpoints}: choose a "
                "folder that all hosts share with --checkpoints, or `--checkpoints off`"
            )
        self.id = trial.id
        self.number = trial.tid
        self.attempt = trial.attempt
        self.config = config
        self.seed = seed_of(search, trial)
        self.log = logging.getLogger("alignsearch.trial")
        self._metric = metric
        self._further = reported_names_of(search)
        self._last_values: dict[str, float] = {}
        self._link = link
        self._folder = None if link.checkpoints is None else Path(link.checkpoints)
        self._saved = 0
        self._last: Report | None = None
        self._best: tuple[float, int] | None = None
        self._told_to_stop = False
        self._to_be_interrupted = False
        self._resumes = False
        self._began = time.monotonic()

    def report(self, step: int, **metrics: float) -> None:
        """Record the metrics after a step: for charts and pruners, and as a sign of life.

        A pruner compares the search's metric at equal steps. The stall detector kills a worker
        whose trial takes far longer for a step than others.

        Args:
            step: number of the step, like an epoch's; it grows from report to report.
            **metrics: numbers by name, the search's metric among them if it is known by then.

        Raises:
            ConfigurationError: a metric is no number, its name can't be stored, or the step doesn't
                grow.
            TrialInterrupted: the trial was to end before this step, and the objective went on.
        """
        if self._to_be_interrupted:
            raise TrialInterrupted
        report = Report(
            plain({name: _number(name, value) for name, value in metrics.items()}, "report"),
            self._checked(step),
            seconds=time.monotonic() - self._began,
        )
        if self._last is None:
            assert report.step is not None
            self._take_over(report.step)
        self._link.on_epoch(self._epoch(report))
        self._note(report)
        self._write(report)
        self._began = time.monotonic()
        # An objective that never asks is interrupted by its next report: at this one, the state
        # of the step may not be in a checkpoint yet.
        self._to_be_interrupted = self._link.should_stop()

    @property
    def should_stop(self) -> "StopQuestion":
        """The question whether the objective is to return now: the trial is pruned or handed back.

        `if trial.should_stop():` asks, and `if trial.should_stop:` does, too. The objective's
        return value is ignored then. Ask before each step: a host that is about to go waits for
        seconds only. A trial that was handed back is tried again from its last checkpoint.
        """
        return StopQuestion(self._is_to_stop)

    def _is_to_stop(self) -> bool:
        self._told_to_stop = self._told_to_stop or self._link.should_stop()
        self._to_be_interrupted = self._told_to_stop
        return self._told_to_stop

    @contextmanager
    def checkpoint(self) -> Iterator[Path]:
        """Provide an empty folder to write a checkpoint into; it counts once the block has ended.

        A later attempt finds it as `resume_from`, if the block ended without an error: a folder
        that a killed process has left half-written is never found. The last two are kept. If the
        search keeps no checkpoints, the folder is removed at the end of the block. A full disk
        costs the checkpoint, not the trial.
        """
        unfinished = self._prepared()
        if unfinished is None or self._folder is None:
            with tempfile.TemporaryDirectory(prefix="alignsearch-") as temporary:
                yield Path(temporary)
            return
        try:
            yield unfinished
            _flush(unfinished)
            self._saved += 1
            unfinished.rename(self._folder / f"checkpoint-{self._saved}")
            for number in sorted(_checkpoints(self._folder))[:-KEPT_CHECKPOINTS]:
                shutil.rmtree(self._folder / f"checkpoint-{number}", ignore_errors=True)
        except OSError as error:
            self._give_up_checkpoints(error)

    @property
    def resume_from(self) -> Path | None:
        """Folder of the last checkpoint of an earlier attempt; None if there is none."""
        for folder in map(Path, reversed(self._link.resume_from)):
            numbers = _checkpoints(folder)
            if numbers:
                self._resumes = True
                return folder / f"checkpoint-{max(numbers)}"
        return None

    def finish(self) -> None:
        """Take over all earlier reports, if the checkpoint left this attempt nothing to report.

        The worker calls it once the objective has returned. A process can die between its last
        checkpoint and its result; the attempt after it then returns without a report.
        """
        if self._resumes:
            self.take_over_all()

    def take_over_all(self) -> None:
        """Record all reports of earlier attempts as this one's, if it has made none."""
        if self._last is None:
            self._take_over(math.inf)

    def warn(self, text: str) -> None:
        """Record a problem that doesn't end the trial as an event of the search."""
        self._link.on_warning(text)

    @property
    def was_stopped(self) -> bool:
        """True if the objective has asked whether to stop, and was told to."""
        return self._told_to_stop

    @property
    def last_report(self) -> Report | None:
        """The last report of this attempt; None before the first."""
        return self._last

    @property
    def last_values(self) -> dict[str, float]:
        """The last values that were reported of the search's further metrics, by name."""
        return self._last_values

    @property
    def best_step(self) -> int | None:
        """Step at which the search's metric was best so far; None if it wasn't reported."""
        return None if self._best is None else self._best[1]

    def _prepared(self) -> Path | None:
        """Return an empty folder for a checkpoint; None if none are kept, or no longer."""
        if self._folder is None:
            return None
        unfinished = self._folder / "unfinished"
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
        except OSError as error:
            self._give_up_checkpoints(error)
            return None
        return unfinished

    def _checked(self, step: int) -> int:
        number = None if isinstance(step, bool) else as_number(step)
        if number is None or not number.is_integer() or not 0 <= number <= LARGEST_STEP:
            raise ConfigurationError(
                f"report({str(step)[:100]}): a step is a whole number from 0 to {LARGEST_STEP}"
            )
        last = None if self._last is None else self._last.step
        if last is not None and step <= last:
            raise ConfigurationError(
                f"report({step}) after report({last}): steps must grow; report all metrics of a "
                "step at once"
            )
        return int(step)

    def _take_over(self, first: float) -> None:
        """Record the steps of earlier attempts that come before step `first`, this one's first."""
        for folder in map(Path, reversed(self._link.resume_from)):
            reports, _ = read(folder / REPORTS_FILE)
            earlier = taken_over(reports, first)
            if earlier:
                self._link.on_resume([self._epoch(each) for each in earlier])
                for each in earlier:
                    self._note(each)
                    self._write(each)
                return

    def _note(self, report: Report) -> None:
        self._last = report
        known = report.metrics
        self._last_values |= {name: known[name] for name in self._further if name in known}
        assert report.step is not None
        loss = self._loss(report)
        if loss is not None and (self._best is None or loss < self._best[0]):
            self._best = (loss, report.step)

    def _loss(self, report: Report) -> float | None:
        value = report.metrics.get(self._metric.name)
        return report.metrics.get("loss") if value is None else self._metric.loss(value)

    def _write(self, report: Report) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            append(self._folder / REPORTS_FILE, report)
        except OSError as error:
            self._give_up_checkpoints(error)

    def _give_up_checkpoints(self, error: OSError) -> None:
        self._folder = None
        self._link = replace(self._link, checkpoints=None)
        self.warn(f"the trial goes on without checkpoints: {error}")

    def _epoch(self, report: Report) -> Epoch:
        assert report.step is not None
        return Epoch(
            trial=self.id,
            attempt=self.attempt,
            epoch=report.step,
            metrics=dict(report.metrics),
            seconds=report.seconds or 0.0,
        )


def _number(name: str, value: Any) -> float:
    number = as_number(value)
    if number is None:
        raise ConfigurationError(
            f"report: {name} is {type(value).__name__} {str(value)[:100]!r}, which is no number"
        )
    return number


def _checkpoints(folder: Path) -> set[int]:
    try:
        names = [each.name for each in folder.iterdir()]
    except OSError:
        return set()
    return {int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))}


def _flush(folder: Path) -> None:
    """Have the system write the folder's files to the disk, so that a lost host has them whole."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
