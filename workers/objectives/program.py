"""The objective `program`: any command, run as one process for each trial.

The command gets the configuration as arguments, as environment variables and as a JSON file. It
tells losses by lines of its output or by `alignsearch report`; the last one is the trial's result.
"""

import json
import logging
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, Trial, metric_of, reported_names_of, space_of
from alignsearch.search.documents.command_template import filled, variable
from alignsearch.search.documents.reasons import last_line
from alignsearch.workers.child import Child, Stopping, describe_exit
from alignsearch.workers.objectives import Finished, Link
from alignsearch.workers.program_folder import folder_of
from alignsearch.workers.reports import (
    CONFIG_FILE,
    REPORTS_FILE,
    Report,
    parse_line,
    read,
)
from alignsearch.workers.returned import result_of, with_reported
from alignsearch.workers.trial_context import TrialContext

LAST_LINES = 20
"""Lines of standard error that the error of a failed program quotes: a traceback fits into them."""
MOST_BYTES = 100_000
"""Bytes of one environment variable: Linux starts no program with one of 128 KiB or more."""

logger = logging.getLogger(__name__)


class ProgramFailedError(RuntimeError):
    """The program ended with an exit code other than 0, or by a signal."""


def run(search: Search, trial: Trial, link: Link) -> Finished:
    """Run the search's command for the trial and return its last loss.

    A program that is to stop gets SIGTERM, and SIGKILL some seconds later.

    Raises:
        SourceError: the program's files are missing here, or are other ones than were submitted.
        ConfigurationError: the program has ended well without telling a loss.
        ProgramFailedError: it is not there, or has ended with another exit code than 0, or by a
            signal.
    """
    assert search.definition is not None
    folder = folder_of(search)
    space = space_of(search)
    values = space.values(trial.point)
    command = filled(shlex.split(search.definition.objective.address), values)
    context = TrialContext(search, trial, link, space.resolve(trial.point), metric_of(search))
    with tempfile.TemporaryDirectory(prefix="alignsearch-") as made:
        place = Path(made)
        folder = folder or place
        logger.info("running %s in %s", shlex.join(command), folder)
        (place / CONFIG_FILE).write_text(json.dumps(context.config))
        environment = _environment(context, values, place, link)
        _check_found(command[0], folder, environment["PATH"])
        with Child(command, folder=folder, environment=environment) as child:
            return _Program(search, context, child, place / REPORTS_FILE, link).until_end()


class _Program:
    """A running program, whose output and reports become the trial's."""

    def __init__(
        self, search: Search, context: TrialContext, child: Child, file: Path, link: Link
    ) -> None:
        self._context = context
        self._metric = metric_of(search)
        self._further = reported_names_of(search)
        self._child = child
        self._file = file
        self._offset = 0
        self._link = link
        self._stopping = Stopping(child)
        self._errors: deque[str] = deque(maxlen=LAST_LINES)
        self._result: Report | None = None
        self._values: dict[str, float] = {}

    def until_end(self) -> Finished:
        """Receive what the program tells until it has ended."""
        code = None
        while code is None:
            code = self._child.exit_code()
            for stream, line in self._child.lines():
                self._receive(stream, line)
            self._read_reports()
            # A program that has just ended by itself has a result.
            if code is None and self._link.should_stop():
                self._stopping.insist()
        for stream, line in self._child.rest():
            self._receive(stream, line)
        self._read_reports()
        return Finished(None) if self._stopping.begun else self._finished(code)

    def _receive(self, stream: str, line: str) -> None:
        logger.info("%s", line)
        if stream == "stderr":
            self._errors.append(line)
            return
        report = parse_line(line, self._metric.name, *self._further)
        if report is not None:
            self._report(report)

    def _read_reports(self) -> None:
        reports, self._offset = read(self._file, self._offset)
        for report in reports:
            self._report(report)

    def _report(self, report: Report) -> None:
        known = report.metrics
        self._values |= {name: known[name] for name in self._further if name in known}
        if known and known.keys() <= {*self._further} and report.status == "ok":
            # With several metrics, a line may have none but further ones. It is no step.
            return
        self._result = report
        # `TrialContext.report` would raise: a program is asked to stop by a signal.
        if self._stopping.begun or self._link.should_stop():
            return
        last = self._context.last_report
        step = report.step
        if step is None:
            step = 1 if last is None or last.step is None else last.step + 1
        self._context.report(step, **report.metrics)

    def _finished(self, code: int) -> Finished:
        if code != 0:
            said = "\n".join(self._errors)
            how = f"the program {describe_exit(code)}"
            # The last line is what lists of trials show: the program's own last words belong there.
            last = last_line(said)
            raise ProgramFailedError(f"{said}\n{how}: {last}" if last else how)
        if self._result is None and _resumed_from(self._link) is not None:
            # An attempt that died after its last checkpoint has left nothing to do but to end.
            self._context.take_over_all()
            self._result = self._context.last_report
            if self._result is not None:
                self._context.warn(
                    "the program resumed and ended without telling "
                    f"{self._metric.name}: the last report before counts"
                )
        if self._result is None:
            raise ConfigurationError(
                f"the program told no {self._metric.name}: print a line like "
                f"`{self._metric.name}: 0.25`, or call `alignsearch report "
                f"{self._metric.name}=0.25`"
            )
        returned = {**self._result.metrics, "status": self._result.status}
        result = result_of(returned, self._metric, "the program", self._further)
        values = {**self._context.last_values, **self._values}
        return Finished(with_reported(result, values), self._context.best_step)


def _check_found(program: str, folder: Path, path: str) -> None:
    """Check that a program is there before a trial's process is started.

    program: its name or its path. folder: where it is run. path: its PATH.

    Raises:
        ProgramFailedError: it isn't. Another host may have it, so the trial is tried again.
    """
    if os.sep in program:
        found, where = folder / program, f"there is no file {folder / program}"
        known = found.is_file()
    else:
        where = f"no folder of its workers' PATH has it: {path}"
        known = shutil.which(program, path=path) is not None
    if not known:
        raise ProgramFailedError(
            f"the program {program!r} was not found on {socket.gethostname()}: {where}"
        )


def _environment(
    context: TrialContext, values: Mapping[str, Any], place: Path, link: Link
) -> dict[str, str]:
    """Return the environment of a trial's program.

    The folder of this Python comes first on its PATH, so that `python` and `alignsearch` are those
    that the worker runs. A value that is too large for a variable is in the file alone.
    """
    own = str(Path(sys.executable).parent)
    checkpoints = {}
    if link.checkpoints is not None:
        try:
            Path(link.checkpoints).mkdir(parents=True, exist_ok=True)
            checkpoints["CHECKPOINTS"] = link.checkpoints
        except OSError as error:
            context.warn(f"the program runs without checkpoints: {error}")
    resumed = _resumed_from(link)
    earlier = {} if resumed is None else {"RESUME_FROM": resumed}
    facts = {
        "TRIAL": str(place),
        "TRIAL_ID": context.id,
        "ATTEMPT": str(context.attempt),
        "SEED": str(context.seed),
        "CONFIG": json.dumps(context.config),
        **checkpoints,
        **earlier,
    }
    told = {
        **{f"ALIGNSEARCH_{name}": value for name, value in facts.items()},
        **{variable(label): str(value) for label, value in values.items()},
    }
    return {
        **os.environ,
        "PATH": f"{own}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        **{name: value for name, value in told.items() if len(os.fsencode(value)) <= MOST_BYTES},
    }


def _resumed_from(link: Link) -> str | None:
    """Return the folder of the last attempt with a checkpoint; None if there is none."""
    written = [each for each in link.resume_from if _has_checkpoint(Path(each))]
    return written[-1] if written else None


def _has_checkpoint(folder: Path) -> bool:
    """Return whether a program has left something in its folder beside the reports."""
    try:
        return any(each.name != REPORTS_FILE for each in folder.iterdir())
    except OSError:
        return False
