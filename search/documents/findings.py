"""What `alignsearch doctor` finds, here and on the cluster's hosts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is as it should be, what was found, and what would help."""

    what: str
    ok: bool
    found: str
    remedy: str = ""
    host: str | None = None
