"""`alignsearch hand-back`: end this host's workers, whose trials go on elsewhere."""

from typing import Annotated

import typer

from alignsearch.cli.options import print_text


def hand_back(
    patience: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait until the workers have ended.")
    ] = 25.0,
    node: Annotated[
        str | None,
        typer.Option(
            help="Ray node id, if several Ray nodes run on this host. Default: all of them."
        ),
    ] = None,
) -> None:
    """Make this host's workers write checkpoints, queue their trials again, and end.

    Run it before the host is preempted or shut down. Ray places no more trials on the host, and no
    trial loses an attempt. Exit code 1: some workers had not ended in time.
    """
    from alignsearch.workers.hand_back import hand_back as ask

    ended, left = ask(node, patience)
    print_text(f"{ended} of {ended + left} workers on this host have handed back and ended")
    if left:
        raise typer.Exit(1)
