"""Findings of `alignsearch doctor`, on this host and on the cluster's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check of a host.

    Attributes:
        what: the thing that was checked.
        ok: whether it is as it should be.
        found: its state, in words.
        remedy: what to do about it; empty if it is ok.
        host: the cluster's host that was checked; None for this one.
    """

    what: str
    ok: bool
    found: str
    remedy: str = ""
    host: str | None = None
