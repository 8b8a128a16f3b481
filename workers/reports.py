"""Reports of a trial as lines of a file: metrics by step, written by `alignsearch report`.

A line is a JSON object with the number `step`, if it is known, and one number a metric. This
module imports the standard library only, since each report of a program is a process of its own.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRIAL_VARIABLE = "ALIGNSEARCH_TRIAL"
"""Environment variable that names the folder of a program's trial."""
CONFIG_FILE = "config.json"
REPORTS_FILE = "reports.jsonl"
"""Names of files in that folder: the configuration, and the reports so far."""
STEP, STATUS = "step", "status"
"""Keys of a report that are no metrics."""

_PAIR = re.compile(r"([^\s:=,;]+)\s*[:=]\s*([^\s,;]+)")
_LINE = re.compile(rf"{_PAIR.pattern}(?:[\s,;]+{_PAIR.pattern})*")


@dataclass(frozen=True)
class Report:
    """Metrics of one step of a trial.

    Attributes:
        metrics: numbers by name; they may be NaN or infinite.
        step: number of the step; None for the one after the last.
        status: HyperOpt's status, "ok" or "fail".
        seconds: duration of the step; None if it isn't known.
    """

    metrics: Mapping[str, float]
    step: int | None = None
    status: str = "ok"
    seconds: float | None = field(default=None, compare=False)


def append(file: Path, report: Report) -> None:
    """Add the report to the file by one write, so that lines of several processes never mix.

    Raises:
        OSError: the file can't be written.
    """
    line: dict[str, Any] = {} if report.step is None else {STEP: report.step}
    if report.status != "ok":
        line[STATUS] = report.status
    if report.seconds is not None:
        line["seconds"] = report.seconds
    line["metrics"] = dict(report.metrics)
    data = f"{json.dumps(line)}\n".encode()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def read(file: Path, offset: int = 0) -> tuple[list[Report], int]:
    """Return the reports of the file from a position on, and the position after the last one.

    The last line is left for the next call while it has no end. A file that doesn't exist has no
    reports; lines that are no reports are skipped, because a process can be killed while it writes.

    Args:
        file: the file.
        offset: number of bytes that were read before.
    """
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            data = opened.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    found = [each for line in whole.splitlines() if (each := _stored(line)) is not None]
    return found, offset + len(whole)


def parse_line(line: str, *wanted: str) -> Report | None:
    """Return the report that a line of a program's output is; None if it is none.

    A report is a JSON object or a line of NAME=NUMBER or NAME: NUMBER, and nothing else, that has
    a wanted metric, or `loss`. `step=3` is the number of the step.

        >>> parse_line("step=3 loss: 0.25", "loss")
        Report(metrics={'loss': 0.25}, step=3, status='ok', seconds=None)

    Args:
        line: the line.
        *wanted: names of the search's metrics.
    """
    text = line.strip()
    values: dict[str, Any]
    if text.startswith("{"):
        try:
            values = json.loads(text)
            numbers = {key: float(each) for key, each in values.items() if _is_number(each)}
        except (ValueError, OverflowError, RecursionError):
            return None
    elif _LINE.fullmatch(text):
        values = dict(_PAIR.findall(text))
        numbers = {key: each for key, word in values.items() if (each := number(word)) is not None}
        if len(numbers) < len(values):
            return None
    else:
        return None
    status = values.get(STATUS, "ok")
    step = numbers.pop(STEP, None)
    if not {*wanted, "loss"} & numbers.keys() and status != "fail":
        return None
    if step is not None and (step < 0 or not step.is_integer()):
        return None
    return Report(numbers, None if step is None else int(step), str(status))


def number(word: str) -> float | None:
    """Return the number that a word stands for, NaN and infinity included; None if it is none."""
    try:
        return float(word)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _stored(line: bytes) -> Report | None:
    try:
        values = json.loads(line)
        metrics = {str(key): float(each) for key, each in values["metrics"].items()}
        seconds = values.get("seconds")
        return Report(metrics, values.get(STEP), values.get(STATUS, "ok"), seconds)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def taken_over(reports: Iterable[Report], before: float) -> list[Report]:
    """Return the reports of steps below `before`, the last one of each step, in order of steps."""
    by_step = {each.step: each for each in reports if each.step is not None and each.step < before}
    return [by_step[step] for step in sorted(by_step)]
