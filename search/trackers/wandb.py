"""Weights & Biases: a run a trial, grouped by search, written once the trial has ended.

A run is written whole. Offline, where nobody tells which points of a run are there, a folder of it
that was broken off is removed and written anew; online, the run is resumed behind its last step.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.trackers.runs import (
    Run,
    RunGroup,
    TrackerAwayError,
    TrackerKind,
    missing,
)

PROJECT_FORM = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9._ -]{0,127}")
"""A project, with its user or team before it if it isn't the default one."""
ENVIRONMENT = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
"""Variables of a process that uses W&B's client, where its user hasn't set them."""
FAILED_STATES = ("failed", "diverged", "cancelled")
LONGEST_WAIT = 30.0
"""Seconds for which a run waits for W&B's server to take it up."""
WHOLE = "alignsearch-whole"
"""Name of the file in an offline run's folder that says that the run is written whole."""
_RESERVED = re.compile(r"^_")


def check(project: str) -> str:
    """Return the project; refuse a text that is none."""
    if not PROJECT_FORM.fullmatch(project):
        raise ConfigurationError(
            f"--wandb {project!r} is no project: write it like PROJECT or TEAM/PROJECT, with "
            "letters, digits, dashes and underscores"
        )
    return project


class Project:
    """The runs of one search in a project."""

    def __init__(self, place: str, group: RunGroup) -> None:
        try:
            import wandb
        except ImportError as error:
            raise TrackerAwayError(missing("wandb", error)) from error
        self._wandb: Any = wandb
        team, _, self._project = place.rpartition("/")
        self._team = team or None
        self._group = group
        self._folder = Path(os.environ.get("WANDB_DIR") or ".").resolve()

    def write(self, run: Run) -> None:
        """Write the run of a trial that has ended; one that goes on is left for later."""
        if not run.ended:
            return
        try:
            if not (run.may_exist and self._is_written(run)):
                self._write(run)
        except (self._wandb.Error, OSError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise TrackerAwayError(lines[0][:300]) from error

    def _is_written(self, run: Run) -> bool:
        """Return whether a folder has the whole run; remove one that was broken off."""
        for folder in self._folder.glob(f"wandb/offline-run-*-{run.key}"):
            if (folder / WHOLE).exists():
                return True
            shutil.rmtree(folder)
        return False

    def _write(self, run: Run) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        wandb = self._wandb
        made = wandb.init(
            entity=self._team,
            project=self._project,
            id=run.key,
            name=run.name,
            group=self._group.identity,
            config={**run.params, "alignsearch": dict(run.tags)},
            tags=[run.state],
            dir=str(self._folder),
            # One process writes the runs of many searches, one after the other.
            reinit="create_new",
            resume="allow",
            settings=wandb.Settings(
                console="off",
                silent=True,
                init_timeout=LONGEST_WAIT,
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
                x_disable_meta=True,
            ),
        )
        try:
            for point in run.points:
                if point.step >= made.starting_step:
                    made.log(_usable(point.values), step=point.step)
            ended = {"state": run.state, "why": run.why, **run.result}
            if run.finished is not None:
                ended["seconds"] = (run.finished - run.started).total_seconds()
            made.summary.update({name: value for name, value in ended.items() if value != ""})
        finally:
            made.finish(exit_code=1 if run.state in FAILED_STATES else 0)
        if made.offline:
            (Path(made.dir).parent / WHOLE).touch()

    def close(self) -> None:
        """Nothing is open between two runs."""


def _usable(values: Any) -> dict[str, float]:
    """Return the numbers by names that W&B doesn't keep for itself."""
    return {_RESERVED.sub("metric_", name): float(value) for name, value in values.items()}


WANDB = TrackerKind(
    label="W&B",
    takes="PROJECT",
    packages=("wandb",),
    environment=ENVIRONMENT,
    check=check,
    open=Project,
)
"""Weights & Biases by its client."""
