"""Examples of docs/your-own-search.md on Ray workers: killed and resumed, and pruned."""

import os
import signal

from document_code import write_shown
from driving import NEVER, driving, wait_until
from own_searches import own_search

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.spaces.source_files import import_file
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

SECONDS = 300.0
EPOCHS = 150
"""Epochs of a trial that is killed: it lasts until somebody has seen it train."""
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

    def steps(self, attempt=None):
        """Numbers of the steps that the trial has reported."""
        return [each.epoch for each in self.store.logs.epochs("a-search/0", attempt)]

    def losses(self, trial, attempt):
        """Losses of an attempt by their steps."""
        return {e.epoch: e.metrics["loss"] for e in self.store.logs.epochs(trial, attempt)}


def is_killed_and_resumes(example, **fields):
    """Kill the worker after its third step; the next one goes on from the last checkpoint."""
    store = example.store
    example.submit(EPOCHS, **fields)
    with driving(example.driver()) as outcome:
        wait_until(lambda: len(example.steps()) >= 3 or outcome, SECONDS)
        trial = store.trials.get("a-search/0")
        os.kill(int(trial.attempts["1"].owner.rpartition(":")[2]), signal.SIGKILL)
        wait_until(lambda: outcome, SECONDS)
    assert outcome == [Outcome.FINISHED]
    killed = store.trials.get("a-search/0")
    assert killed.state is TrialState.COMPLETED
    assert [each.outcome for each in killed.attempts.values()] == ["crashed", "completed"]
    resumed = killed.attempts["2"].resumed
    assert 2 <= resumed < EPOCHS
    steps = example.steps(2)
    taken_over, own = steps[:resumed], steps[resumed:]
    assert taken_over == list(range(resumed))
    # Lines that a program printed just before its worker was killed may never have been read.
    first = own[0] if example.command else resumed
    assert resumed <= first < EPOCHS
    assert own == list(range(first, EPOCHS))
    # The same trial without a kill: the same losses to the last bit, for the seed is the trial's.
    example.submit(EPOCHS, name="alone", **fields)
    assert example.driver("alone").run(NEVER) is Outcome.FINISHED
    alone = store.trials.get("alone/0")
    assert alone.point == killed.point
    losses = example.losses(killed.id, 2)
    whole = example.losses(alone.id, 1)
    assert {step: whole[step] for step in losses} == losses
    assert [*whole] == list(range(EPOCHS))
    assert alone.loss == killed.loss == losses[EPOCHS - 1]


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
