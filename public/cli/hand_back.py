"""`alignsearch hand-back`: this host is to go; its trials shall lose nothing."""

from typing import Annotated

import typer

from alignsearch.cli.options import print_text


def hand_back(
    patience: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait for the workers' end.")
    ] = 25.0,
    node: Annotated[
        str | None,
        typer.Option(help="Only the part of Ray with this node id, where several run here."),
    ] = None,
) -> None:
    """Have the workers on this host hand their trials back, and wait for it.

    For a host that is preempted or taken down: Ray places nothing more on it, each trial leaves a
    state, is queued again at no cost of an attempt, and goes on elsewhere. Exit code 1: some had
    not ended in time.
    """
    from alignsearch.workers.hand_back import hand_back as ask

    ended, left = ask(node, patience)
    print_text(f"{ended} of {ended + left} workers on this host have handed back and ended")
    if left:
        raise typer.Exit(1)
