"""One experiment from its computation to the folder that holds what it leaves."""

import importlib.metadata
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import notices, print_text
from alignsearch.cli.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

PACKAGES = (
    "alignsearch",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "scikit-learn",
    "sympy",
    "matplotlib",
    "plotly",
)

OutOption = Annotated[
    Path | None,
    typer.Option(help="Folder of figures, tables and pages; experiments/NAME without it."),
]


def perform(
    name: str,
    out: Path | None,
    seeds: Sequence[int],
    make: Callable[[], "Report"],
    *,
    tensorflow: bool = True,
    trains: bool = False,
) -> None:
    """Make an experiment's report, write all of it into a folder, and print its captions.

    out: the folder; experiments/NAME without it. tensorflow: whether `make` needs it, which is
    then imported without a word. trains: whether `make` shows its own progress.

    Raises:
        ConfigurationError: the folder can't be used.
    """
    folder = out or Path("experiments") / name
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(
            f"{folder} can't hold an experiment: it is a file; name another folder with --out"
        )
    started, clock = datetime.now(UTC), time.perf_counter()
    with nullcontext() if trains else notices.status(f"computing {name}"):
        if tensorflow:
            import_tensorflow()
        from alignsearch.experiments.report import PAGE, Run, write

        report = make()
        seconds = time.perf_counter() - clock
    with notices.status("drawing"):
        versions = {each: importlib.metadata.version(each) for each in PACKAGES}
        run = Run(
            command=shlex.join(["alignsearch", *sys.argv[1:]]),
            seeds=seeds,
            started_at=started.isoformat(timespec="seconds"),
            seconds=seconds,
            versions={"python": platform.python_version(), **versions},
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(report, run, folder)
        except OSError as error:
            raise ConfigurationError(
                f"{folder} can't hold an experiment ({error.strerror}); name another folder with "
                "--out"
            ) from error
    for figure in report.figures:
        print_text(f"{figure.name}: {figure.caption}\n")
    print_text(f"figures: {len(report.figures)}, tables: {len(report.tables)}, in {folder / PAGE}")
