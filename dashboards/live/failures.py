"""Failures of a search's trials by reason and by host, kept up as trials change."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alignsearch.search.documents.divergence import is_stored_diverged
from alignsearch.search.documents.reasons import last_line

_KINDS = {"crashed": "crashed", "failed": "crashed", "expired": "expired"}
"""Kinds of failures by the outcome of an attempt; a chart tells no failure from a crash."""
_NO_REASON = "no reason was given"


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


class Failures:
    """Counts of failures. A trial that changes replaces what it was counted as."""

    def __init__(self) -> None:
        self._attempts: dict[str, Counter[str]] = {}
        self._counted: dict[int, list[tuple[str, str]]] = {}
        self._failures: dict[tuple[str, str], dict[int, None]] = {}
        self._failed_as: dict[int, list[tuple[str, str]]] = {}

    @property
    def diverged(self) -> int:
        """Number of trials that diverged."""
        return sum(len(tids) for (kind, _), tids in self._failures.items() if kind == "diverged")

    @property
    def hosts(self) -> list[str]:
        """Hosts of all attempts."""
        return sorted(self._attempts)

    def by_reason(self) -> list[Failure]:
        """Reasons to fail, the most frequent first."""
        found = [
            Failure(kind, reason, tuple(tids)) for (kind, reason), tids in self._failures.items()
        ]
        return sorted((each for each in found if each.tids), key=lambda each: -len(each.tids))

    def by_host(self) -> list[HostFailures]:
        """Numbers of attempts and failures by host."""
        return [
            HostFailures(host, each["attempts"], each["crashed"], each["expired"], each["diverged"])
            for host, each in sorted(self._attempts.items())
        ]

    def update(self, document: Mapping[str, Any], host: str | None) -> None:
        """Count a new or a changed trial; `host` is that of its last attempt."""
        tid: int = document["tid"]
        for on, what in self._counted.pop(tid, ()):
            self._attempts[on][what] -= 1
        for failure in self._failed_as.pop(tid, ()):
            self._failures[failure].pop(tid, None)
        counted: list[tuple[str, str]] = []
        failed_as: list[tuple[str, str]] = []
        for attempt in document["attempts"].values():
            counted.append((attempt["host"], "attempts"))
            kind = _KINDS.get(attempt["outcome"])
            if kind is not None:
                counted.append((attempt["host"], kind))
                failed_as.append((kind, last_line(attempt["error"]) or _NO_REASON))
        if is_stored_diverged(document):
            failed_as.append(("diverged", document["result"].get("reason") or _NO_REASON))
            if host is not None:
                counted.append((host, "diverged"))
        for on, what in counted:
            self._attempts.setdefault(on, Counter())[what] += 1
        for failure in failed_as:
            self._failures.setdefault(failure, {})[tid] = None
        self._counted[tid] = counted
        if failed_as:
            self._failed_as[tid] = failed_as
