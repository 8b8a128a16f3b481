"""The log of the campaign: a line of JSON a round, from which a run goes on.

It is kept with the code (`docs/faults.jsonl`). A fault counts once its round has ended and was
judged: those of a round that was broken off, with the campaign, say nothing.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]

LOG = Path("docs") / "faults.jsonl"

COUNTED = ("lost", "doubled", "stuck", "foreign", "wrong")
"""Kinds of findings."""


@dataclass
class Journal:
    """The log in a file."""

    file: Path
    lines: list[Line] = field(default_factory=list)
    commit: str = ""

    def __post_init__(self) -> None:
        """Read what is there; a last line that was cut off is none."""
        # As it was when the campaign was loaded, whatever becomes of the tree meanwhile.
        self.commit = self.commit or commit()
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
        """Append one line: `round`, `end` of a store and cluster, `broken`, or `mended`.

        The last one is a person's: `rounds` whose findings had one cause, and `how` it was mended.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = {"what": what, "at": at, "commit": self.commit, **fields}
        self.lines.append(line)
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def next_round(self) -> int:
        """Number of the round after all that were noted."""
        return max((line.get("round", -1) for line in self.lines), default=-1) + 1

    @property
    def rounds(self) -> list[Line]:
        """Rounds that have ended and were judged."""
        return [line for line in self.lines if line["what"] == "round"]

    @property
    def broken(self) -> list[Line]:
        """Rounds that the campaign itself could not bring to their end."""
        return [line for line in self.lines if line["what"] == "broken"]

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many faults count, by kind and store."""
        counts: Counter[tuple[str, str]] = Counter()
        for line in self.rounds:
            counts.update({(kind, line["store"]): n for kind, n in line["struck"].items()})
        return counts

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

    def mended(self) -> dict[int, str]:
        """Return what has been done about the findings of a round, by its number."""
        return {
            number: line["how"]
            for line in self.lines
            if line["what"] == "mended"
            for number in line["rounds"]
        }

    def attempts(self) -> Counter[str]:
        """Return how attempts have ended, over all rounds."""
        ended: Counter[str] = Counter()
        for line in self.rounds:
            ended.update(line["attempts"])
        return ended


def commit() -> str:
    """Return the commit of this tree, with a `+` if more than its documents has changed since."""
    known = _git("rev-parse", "--short=8", "HEAD")
    return known + "+" * bool(_git("status", "--porcelain", "--", ":/", ":!/docs")) or "unknown"


def _git(*arguments: str) -> str:
    said = subprocess.run(
        ["git", *arguments],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
        text=True,
    )
    return said.stdout.strip()
