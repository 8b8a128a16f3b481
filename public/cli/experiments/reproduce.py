"""`alignsearch experiment reproduce`: all experiments, each in a process of its own."""

import os
import shlex
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import RayOption, StoreOption, print_text
from alignsearch.driving import EXIT_INTERRUPTED, cluster
from alignsearch.experiments.options import Scale
from alignsearch.experiments.reproduce import chosen, parts, run_part
from alignsearch.experiments.run_experiment import FOLDER, check_folder
from alignsearch.experiments.setting import split_names
from alignsearch.search.documents.visible_text import visible

SHOWN_LINES = 40
"""Last lines of a failed experiment's standard error that the report shows: a whole traceback."""


def command(
    scale: Annotated[
        Scale, typer.Option(help="How much is trained: the paper's own setting, or a smaller one.")
    ] = "minutes",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Output folder for the report, and for a folder of each experiment. Default: "
            f"{FOLDER}/reproduce-SCALE."
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Experiments to run, with commas. Default: all.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the data set's files, as the workers see it.")
    ] = None,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Run all experiments at one scale into one report.

    The same command again continues where it ended. Exit code 1: an experiment failed; the report
    has its error, and the results of all others.
    """
    folder = out or FOLDER / f"reproduce-{scale}"
    names = None if only is None else split_names("--only", only)
    wanted = chosen(parts(scale, folder, data_dir), names)
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    with _Processes(store, ray) as processes:
        results = [run_part(part, processes.run, print_text) for part in wanted]
    seconds = time.perf_counter() - clock
    # Brings Plotly, which takes a second to import.
    from alignsearch.experiments.reproduce_page import Whole, write_page

    own = shlex.join(["alignsearch", *sys.argv[1:]])
    try:
        page = write_page(folder, Whole(scale, own, started, seconds), results)
    except OSError as error:
        raise ConfigurationError(f"{folder} can't hold a report ({error.strerror})") from error
    failed = [each.part.entry.name for each in results if each.error]
    print_text(
        f"{len(results)} experiments in {seconds:.0f} s, in {page}"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    if failed:
        raise typer.Exit(1)


class _Processes(ExitStack):
    """Processes of `alignsearch` that share a store and a cluster through their environment.

    Without a cluster's address, one is started for the first experiment that needs it, and serves
    all others; it ends with the `with` statement.
    """

    def __init__(self, store: str | None, ray: str | None) -> None:
        super().__init__()
        self._ray = ray
        self._given = {} if store is None else {"ALIGNSEARCH_STORE": store}

    def run(self, arguments: Sequence[str], needs_cluster: bool) -> str:
        """Run `alignsearch` to its end; returns its complaint if it failed, else an empty text.

        Raises:
            typer.Exit: the person interrupted it.
        """
        program = [sys.executable, "-c", "from alignsearch.cli import main; main()", *arguments]
        last: deque[str] = deque(maxlen=SHOWN_LINES)
        environment = self._environment(needs_cluster)
        with subprocess.Popen(
            program, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                # It has its own lines from a command of ours, and others from the libraries.
                sys.stderr.write(visible(line))
                last.append(line)
        if process.returncode == EXIT_INTERRUPTED:
            raise typer.Exit(EXIT_INTERRUPTED)
        if process.returncode == 0:
            return ""
        complaint = "".join(last).strip()
        return complaint or f"it ended with code {process.returncode} and said nothing"

    def _environment(self, needs_cluster: bool) -> dict[str, str]:
        if needs_cluster and self._ray is None:
            from alignsearch.workers.cluster import address

            self.enter_context(cluster(None))
            self._ray = address()
        given = self._given if self._ray is None else {**self._given, "ALIGNSEARCH_RAY": self._ray}
        return {**os.environ, **given}
