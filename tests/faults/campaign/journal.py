"""The log of the campaign: a line of JSON a fault and a round, from which a run goes on.

A fault counts once its round has ended and was judged: those of a round that was broken off, with
the campaign, say nothing.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]

COUNTED = ("lost", "doubled", "stuck", "foreign", "wrong")
"""Kinds of findings."""


@dataclass
class Journal:
    """The log in a file."""

    file: Path
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read what is there; a last line that was cut off is none."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            whole = self.file.read_text()
            if whole and not whole.endswith("\n"):
                with self.file.open("a") as file:
                    file.write("\n")
            for text in whole.splitlines():
                try:
                    self.lines.append(json.loads(text))
                except json.JSONDecodeError:
                    continue

    def note(self, what: str, **fields: Any) -> None:
        """Append one line: `begun`, `fault`, `round`, `end` of a store and cluster, or `broken`."""
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "what": what, **fields}
        self.lines.append(line)
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def next_round(self) -> int:
        """Number of the round after all that began."""
        return max((line["round"] for line in self.lines), default=-1) + 1

    @property
    def rounds(self) -> list[Line]:
        """Rounds that have ended and were judged."""
        return [line for line in self.lines if line["what"] == "round"]

    @property
    def broken(self) -> list[Line]:
        """Rounds that the campaign itself could not bring to their end."""
        return [line for line in self.lines if line["what"] == "broken"]

    def faults(self) -> Iterator[Line]:
        """Yield the faults that count."""
        judged = {line["round"] for line in self.rounds}
        for line in self.lines:
            if line["what"] == "fault" and line["round"] in judged:
                yield line

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many faults count, by kind and store."""
        return Counter((line["fault"], line["store"]) for line in self.faults())

    def findings(self) -> Counter[str]:
        """Return how many things were wrong, by kind."""
        found = Counter(dict.fromkeys(COUNTED, 0))
        found.update(each["kind"] for _, each in self.found())
        return found

    def found(self) -> Iterator[tuple[Line, Line]]:
        """Yield what was wrong, after the line that tells of it."""
        for line in self.lines:
            for each in line.get("findings", ()):
                yield line, each

    def attempts(self) -> Counter[str]:
        """Return how attempts have ended, over all rounds."""
        ended: Counter[str] = Counter()
        for line in self.rounds:
            ended.update(line["attempts"])
        return ended
