"""Examples of docs/your-own-search.md on Ray workers: killed and resumed, and pruned."""

import os
import signal
from contextlib import suppress

from document_code import write_shown
from driving import NEVER, driving, wait_until
from own_searches import own_search

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.spaces.source_files import import_file
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

SECONDS = 300.0
LENGTHS = (150, 1500, 15_000)
"""Epochs of a trial that is killed: a longer one where the kill came after its end."""
LONG = 100_000
"""Epochs of a trial that only a pruner ends."""


class Example:
    """An example of the document, whose searches have one trial each.

    Args:
        store, store_uri: the store.
        folder: where its files are written.
        file: its file; with `command`, the file of its space.
        command: the program and its arguments, the last one another file of the document.
    """

    def __init__(self, store, store_uri, folder, file, command=()):
        self.store = store
        self.store_uri = store_uri
        self.folder = folder
        self.file = write_shown(folder, file, *command[-1:])
        self.command = command

    def submit(self, epochs, name="a-search", **fields):
        """Make a search of one trial with so many epochs."""
        space = {**import_file(self.file).SPACE, "epochs": epochs}
        of_program = {"command": self.command, "folder": self.folder} if self.command else {}
        folder = str(self.folder / f"checkpoints-{name}")
        fields = {"trials": 1, "checkpoints": folder, **of_program, **fields}
        own_search(self.store, space, file=self.file, name=name, **fields)

    def driver(self, name="a-search"):
        """A driver of the search, over Ray."""
        return Driver(
            self.store, name, lambda it: RayDispatcher(it, self.store_uri), owner="a test"
        )

    def steps(self, attempt=None, name="a-search"):
        """Numbers of the steps that the search's trial has reported."""
        return [each.epoch for each in self.store.logs.epochs(f"{name}/0", attempt)]

    def losses(self, trial, attempt):
        """Losses of an attempt by their steps."""
        return {e.epoch: e.metrics["loss"] for e in self.store.logs.epochs(trial, attempt)}


def is_killed_and_resumes(example, **fields):
    """Kill the worker after its third step; the next one goes on from the last checkpoint."""
    for epochs in LENGTHS:
        killed = killed_trial(example, epochs, **fields)
        if len(killed.attempts) > 1 and killed.attempts["2"].resumed < epochs:
            break
    assert killed.state is TrialState.COMPLETED
    assert [each.outcome for each in killed.attempts.values()] == ["crashed", "completed"]
    resumed = killed.attempts["2"].resumed
    assert 2 <= resumed < epochs
    steps = example.steps(2, killed.search)
    taken_over, own = steps[:resumed], steps[resumed:]
    assert taken_over == list(range(resumed))
    # Lines that a program printed just before its worker was killed may never have been read.
    first = own[0] if example.command else resumed
    assert resumed <= first < epochs
    assert own == list(range(first, epochs))
    # The same trial without a kill: the same losses to the last bit, for the seed is the trial's.
    example.submit(epochs, name="alone", **fields)
    assert example.driver("alone").run(NEVER) is Outcome.FINISHED
    alone = example.store.trials.get("alone/0")
    assert alone.point == killed.point
    losses = example.losses(killed.id, 2)
    whole = example.losses(alone.id, 1)
    assert {step: whole[step] for step in losses} == losses
    assert [*whole] == list(range(epochs))
    assert alone.loss == killed.loss == losses[epochs - 1]


def killed_trial(example, epochs, **fields):
    """Return the trial of a new search, whose worker was killed unless the trial ended before."""
    store, name = example.store, f"a-search-of-{epochs}"
    example.submit(epochs, name=name, **fields)
    with driving(example.driver(name)) as outcome:
        wait_until(lambda: len(example.steps(name=name)) >= 3 or outcome, SECONDS)
        trial = store.trials.get(f"{name}/0")
        with suppress(ProcessLookupError):
            os.kill(int(trial.attempts["1"].owner.rpartition(":")[2]), signal.SIGKILL)
        wait_until(lambda: outcome, 2 * SECONDS)
    assert outcome == [Outcome.FINISHED]
    return store.trials.get(trial.id)


def is_pruned(example, **fields):
    """A trial that would last for ever ends once it is to be pruned, with its last loss."""
    store = example.store
    example.submit(LONG, pruning=Pruning(pruner="median"), **fields)
    with driving(example.driver()) as outcome:
        wait_until(lambda: len(example.steps()) >= 2 or outcome, SECONDS)
        trial = store.trials.get("a-search/0")
        lease = trial.lease
        assert store.attempts.request_prune(trial.id, lease.attempt, lease.token, "it is bad")
        wait_until(lambda: outcome, SECONDS)
    pruned = store.trials.get("a-search/0")
    assert (pruned.state, pruned.attempts["1"].outcome) == (TrialState.PRUNED, "pruned")
    assert pruned.loss == store.logs.epochs("a-search/0")[-1].metrics["loss"]
    assert pruned.result.reason == "it is bad"
