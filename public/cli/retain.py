"""`alignsearch retain`: delete epochs, logs and checkpoints of old searches."""

from typing import Annotated

import typer

from alignsearch.cli.options import JsonOption, StoreOption, print_json, print_text
from alignsearch.names import whoami
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.use_cases.retention import drop, excess
from alignsearch.wiring import open_store


def retain(
    days: Annotated[
        float, typer.Option(min=0, max=36500, help="Minimum age in days, since the search ended.")
    ] = 30.0,
    keep: Annotated[
        int,
        typer.Option(
            min=0, max=LARGEST, help="Number of best trials of each search that keep everything."
        ),
    ] = 10,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete. Without it, only list what would be deleted.")
    ] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Delete epochs, logs and checkpoints of old searches; trials and their results stay."""
    rows = []
    with open_store(store) as opened:
        for found in excess(opened, days=days, keep=keep):
            if yes:
                drop(opened, found, whoami(), keep=keep)
            rows.append((found.search.name, len(found.trials), found.epochs))
    if as_json:
        keys = ("search", "trials", "epochs")
        print_json(
            {"dropped": yes, "searches": [dict(zip(keys, row, strict=True)) for row in rows]}
        )
        return
    for name, trials, epochs in rows:
        done = "dropped" if yes else "would drop"
        print_text(f"{name}: {done} {epochs} epochs of {trials} trials")
    if not rows:
        print_text(f"no search that ended {days:g} days ago has more than is kept")
    elif not yes:
        print_text("nothing is dropped without --yes; `alignsearch dump` keeps a copy")
