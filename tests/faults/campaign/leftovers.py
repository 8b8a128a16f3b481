"""Checkpoint folders after a search: each one is named by a document of a store."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from campaign.oracle import Document, Finding, Stored

STORE_ID = "store"


def folder_of(search: Document, store: Document, database: str) -> str:
    """Return the name of a search's folder, by the form NAME@DATABASE-STORE-TOKEN."""
    return f"{search['_id']}@{database}-{store['id']}-{search['token']}"


def folders(root: Path, stored: dict[str, Stored], metas: dict[str, Any]) -> Iterator[Finding]:
    """Yield folders below the checkpoints' that nobody names, or whose trials are not the best.

    stored, metas: the documents, and the store's own one, by database.
    """
    known = {
        folder_of(search, metas[database], database): (documents, search)
        for database, documents in stored.items()
        for search in documents.searches
    }
    for name in sorted(os.listdir(root)):
        if name not in known:
            yield Finding("foreign", f"folder {name} of no search")
            continue
        documents, search = known[name]
        kept = sorted(os.listdir(root / name))
        best = best_of(documents, search["_id"])
        if search["status"] == "completed" and not set(kept) <= {str(best)}:
            yield Finding("foreign", f"folder {name} keeps {kept}, and the best trial is {best}")


def best_of(stored: Stored, name: str) -> int | None:
    """Return the number of the trial with the least loss, the first one where trials tie."""
    losses = [
        (trial["result"]["loss"], trial["tid"])
        for trial in stored.trials
        if trial["search"] == name
        and trial["state"] == "completed"
        and trial["result"]["loss"] is not None
    ]
    return min(losses)[1] if losses else None
