"""Objectives: the functions that workers evaluate for trials, and what they get and return.

Each objective is a module beside this one with a function of type `Objective`, named in
`OBJECTIVES`. An objective is imported by the worker that evaluates it, because training imports
TensorFlow and no other objective does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alignsearch.search.documents import REHEARSAL, Epoch, Result, Search, Trial
from alignsearch.workers import import_paths


@dataclass(frozen=True)
class Finished:
    """The return value of an objective.

    Attributes:
        result: the result to record; None if the objective was interrupted.
        best_epoch: number of the epoch with the best validation accuracy, from 1, if known.
    """

    result: Result | None
    best_epoch: int | None = None


@dataclass(frozen=True)
class Link:
    """The callbacks and folders with which an objective takes part in its attempt.

    Attributes:
        on_epoch: called with each epoch as it ends; the epoch is recorded in the store.
        on_resume: called with the epochs before a checkpoint from which training resumes.
        on_warning: called with a problem that doesn't end the evaluation.
        should_stop: called before each step; if it returns True, the objective leaves a
            checkpoint and returns `Finished(None)`.
        checkpoints: folder into which the attempt writes checkpoints; None if none are kept.
        resume_from: folders with checkpoints of earlier attempts, the latest last.
    """

    on_epoch: Callable[[Epoch], None]
    on_resume: Callable[[Sequence[Epoch]], None]
    on_warning: Callable[[str], None]
    should_stop: Callable[[], bool]
    checkpoints: str | None = None
    resume_from: Sequence[str] = ()


Objective = Callable[[Search, Trial, Link], Finished]
"""`objective(search, trial, link)` evaluates a trial's configuration and returns its result.

An `alignment_core.errors.AlignSearchError` fails the trial for good, since it would come again;
any other exception costs the trial an attempt.
"""


@dataclass(frozen=True)
class ObjectiveEntry:
    """An objective by import path, so that naming it doesn't import it.

    Attributes:
        path: MODULE:FUNCTION.
        help: one line that says what a trial of it does.
    """

    path: str
    help: str

    def load(self) -> Objective:
        """Import the objective's module and return its function."""
        found: Objective = import_paths.load(self.path)
        return found


OWN_PROCESS = "alignsearch.workers.own_process:evaluate"
"""The objective that evaluates a search's own one in a new process for each trial."""

OBJECTIVES: Mapping[str, ObjectiveEntry] = {
    "training": ObjectiveEntry(
        "alignsearch.workers.objectives.training:train",
        "Train the trial's network with TensorFlow; the loss is its final validation error.",
    ),
    "function": ObjectiveEntry(
        "alignsearch.workers.objectives.function:evaluate",
        "Call a Python function of your own with the trial's configuration; it returns the loss.",
    ),
    "program": ObjectiveEntry(
        "alignsearch.workers.objectives.program:run",
        "Run a command of your own with the trial's configuration; it prints the loss.",
    ),
    "hyperopt": ObjectiveEntry(
        "alignsearch.workers.objectives.hyperopt_domain:evaluate",
        "Evaluate the function of HyperOpt's fmin, which the process that called fmin ships.",
    ),
    "rehearsal": ObjectiveEntry(
        "alignsearch.workers.objectives.rehearsal:rehearse",
        "Compute a smooth function of the metaparameters, to try out a cluster without images.",
    ),
}


def objective_name(search: Search) -> str:
    """Return the name in `OBJECTIVES` of the objective that the search evaluates."""
    if search.definition is not None:
        return search.definition.objective.kind
    return "rehearsal" if search.training.dataset == REHEARSAL else "training"


def objective_of(search: Search) -> Objective:
    """Return the objective of a search, in the way in which the search wants it evaluated."""
    if search.definition is not None and search.definition.objective.own_process:
        apart: Objective = import_paths.load(OWN_PROCESS)
        return apart
    return OBJECTIVES[objective_name(search)].load()
