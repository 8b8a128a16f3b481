"""Running an experiment: check its output folder, compute its report, and write it there."""

import contextlib
import importlib.metadata
import platform
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alignment_core.errors import ConfigurationError
from alignsearch.experiments.experiment import Experiment
from alignsearch.experiments.place import Place
from alignsearch.experiments.table import Entry

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

FOLDER = Path("runs") / "experiments"
"""Default parent of all output folders: `runs/` has the trainings of `alignsearch train`, too."""

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
"""Packages whose versions a report records."""


@dataclass(frozen=True)
class Written:
    """A report, and the page in its folder that shows all of it."""

    report: "Report"
    page: Path


def default_folder(entry: Entry, experiment: Experiment) -> Path:
    """Output folder of an experiment for which none is named."""
    subject = experiment.subject
    return FOLDER / (f"{entry.name}-{subject}" if subject else entry.name)


def check_folder(folder: Path) -> None:
    """Refuse an output folder that can't be written to; a missing one is not left behind.

    Raises:
        ConfigurationError: the folder can't be created, or no file can be created in it.
    """
    created: list[Path] = []
    try:
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(
                f"{folder} can't hold an experiment: it is a file; name another folder with --out"
            )
        for each in _missing(folder):
            each.mkdir(exist_ok=True)
            created.append(each)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unusable(folder, error) from error
    finally:
        for each in reversed(created):
            # Another process may have put something into it.
            with contextlib.suppress(OSError):
                each.rmdir()


def _missing(folder: Path) -> list[Path]:
    """The folder and its parents that don't exist yet, the outermost first."""
    return [each for each in reversed((folder, *folder.parents)) if not each.exists()]


def _unusable(folder: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{folder} can't hold an experiment ({error.strerror}); name another folder with --out"
    )


def run_experiment(
    experiment: Experiment,
    place: Place,
    folder: Path,
    *,
    command: str,
    computing: AbstractContextManager[object],
    drawing: AbstractContextManager[object],
) -> Written:
    """Compute an experiment's report and write it into `folder`, which is checked first.

    experiment: one whose options were checked. command: the command line to record. computing,
    drawing: contexts that are open during either, to show a status.

    Raises:
        ConfigurationError: the folder can't be written to.
        AlignSearchError: as `Experiment.report`.
    """
    check_folder(folder)
    started, clock = datetime.now(UTC), time.perf_counter()
    with computing:
        # Brings matplotlib and Plotly, which take seconds to import.
        from alignsearch.experiments.report import PAGE, Run, write

        report = experiment.report(place)
        seconds = time.perf_counter() - clock
    with drawing:
        run = Run(
            command=command,
            seeds=report.seeds,
            started_at=started.isoformat(timespec="seconds"),
            seconds=seconds,
            versions=versions(),
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(report, run, folder)
        except OSError as error:
            raise _unusable(folder, error) from error
    place.note_report(folder / PAGE)
    return Written(report, folder / PAGE)


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {each: importlib.metadata.version(each) for each in packages}
    return {"python": platform.python_version(), **found}
