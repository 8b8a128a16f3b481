"""All experiments at one scale in one report: `alignsearch experiment reproduce`.

Each experiment is a command of its own in a process of its own, so that one that fails leaves the
others alone, and the report names the commands that were run. An experiment whose folder holds the
result of the same command is not run again.
"""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignment_core.errors import UnknownNameError
from alignsearch.experiments.experiment import Reproduction
from alignsearch.experiments.options import Scale
from alignsearch.experiments.run_experiment import versions
from alignsearch.experiments.table import EXPERIMENTS, Entry

NAME = "reproduce"
SOURCE, SHOWS = "App. B to D", "all of these at one scale, in one report"
"""Its line in the list of experiments; it isn't in their table, because it runs what is there."""


@dataclass(frozen=True)
class Part:
    """One experiment of the report."""

    entry: Entry
    reproduction: Reproduction
    folder: Path

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of `alignsearch` that run the experiment."""
        name, options = self.entry.name, self.reproduction.options
        return ("experiment", name, *options, "--out", str(self.folder))

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """Arguments of `alignsearch` for all that the experiment needs, in order."""
        first = self.reproduction.first
        return [first, self.arguments] if first else [self.arguments]

    @property
    def text(self) -> str:
        """The command lines as a person types them."""
        return " && ".join(shlex.join(["alignsearch", *each]) for each in self.commands)


@dataclass(frozen=True)
class Result:
    """A part after it was run.

    Attributes:
        part: the experiment.
        seconds: time of its commands, drawing included; of its computation if it was `reused`.
        reused: whether its folder held the result before.
        error: standard error's last lines if it failed; empty otherwise.
    """

    part: Part
    seconds: float
    reused: bool = False
    error: str = ""

    @property
    def outcome(self) -> str:
        """The result in a word or two."""
        return "failed" if self.error else "done before" if self.reused else "done"


def parts(scale: Scale, folder: Path, data_dir: str | None) -> list[Part]:
    """All experiments at a scale, each with its own folder in `folder`."""
    return [
        Part(
            each, each.load().reproduction(scale, folder / each.name, data_dir), folder / each.name
        )
        for each in EXPERIMENTS
    ]


def chosen(known: Sequence[Part], names: Sequence[str] | None) -> list[Part]:
    """The parts of these names, in their own order; all without names.

    Raises:
        UnknownNameError: there is no experiment of a name.
    """
    if names is None:
        return list(known)
    for name in names:
        if name not in {part.entry.name for part in known}:
            raise UnknownNameError("experiment", name, (part.entry.name for part in known))
    return [part for part in known if part.entry.name in names]


def run_part(
    part: Part, run: Callable[[Sequence[str], bool], str], say: Callable[[str], None]
) -> Result:
    """Run one experiment, unless its folder holds the result of the same command and version.

    run: runs `alignsearch` with these arguments to its end and returns its complaint if it failed,
    else an empty text; the second argument says whether the experiment needs a cluster. say: prints
    a line of progress.
    """
    name = part.entry.name
    known = read_result(part.folder)
    same = shlex.join(["alignsearch", *part.arguments])
    own_version = versions(["alignsearch"])["alignsearch"]
    if known is not None and (known["command"], known["versions"].get("alignsearch")) == (
        same,
        own_version,
    ):
        say(f"{name}: done before, in {known['seconds']:.0f} s")
        return Result(part, known["seconds"], reused=True)
    say(f"{name}: {part.text}")
    clock = time.perf_counter()
    error = ""
    for command in part.commands:
        error = run(command, part.entry.needs != "nothing")
        if error:
            break
    seconds = time.perf_counter() - clock
    say(f"{name}: {'failed' if error else 'done'} after {seconds:.0f} s")
    return Result(part, seconds, error=error)


def read_result(folder: Path) -> dict[str, Any] | None:
    """The `experiment.json` of a folder; None if it or one of its figures is missing."""
    from alignsearch.experiments.report import RUN

    try:
        found: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
        drawn = [
            folder / f"{each['name']}.{suffix}"
            for each in found["figures"]
            for suffix in ("json", "png")
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = {"command", "seconds", "versions", "tables"} <= found.keys()
    return found if whole and all(path.exists() for path in drawn) else None
