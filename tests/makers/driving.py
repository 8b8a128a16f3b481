"""Driving searches in tests: waits with generous limits, and workers of the test's own process."""

import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.dispatchers.threads import ThreadDispatcher
from alignsearch.workers.objectives import Finished
from alignsearch.workers.objectives.rehearsal import rehearse

NEVER = threading.Event()
"""An interrupt that nobody sets."""


def wait_until(condition, seconds=300.0):
    """Return as soon as the condition holds; fail if it doesn't in so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def driving(driver, interrupt=None, patience=300.0):
    """Run the driver in a thread; yields the list that will hold its outcome.

    patience: seconds that its end may take after the interrupt.
    """
    interrupt = interrupt or threading.Event()
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(driver.run(interrupt)), daemon=True)
    thread.start()
    try:
        yield outcome
    finally:
        interrupt.set()
        thread.join(patience)
        assert not thread.is_alive()


class Held:
    """An objective that rehearses only once it is released; it stops when it is asked to."""

    def __init__(self):
        self._released = threading.Event()

    def release(self):
        self._released.set()

    def __call__(self, search, trial, link):
        while not self._released.wait(0.02):
            if link.should_stop():
                return Finished(None)
        return rehearse(search, trial, link)


def interrupt_after(store, name, epochs, make_driver):
    """Drive a rehearsal of one trial until that has so many epochs, and interrupt the driver then.

    The trial waits for the interrupt, however late that comes. It leaves its checkpoint.
    make_driver: takes the objective.
    """
    interrupt = threading.Event()

    def objective(search, trial, link):
        def on_epoch(epoch):
            link.on_epoch(epoch)
            if epoch.epoch >= epochs:
                wait_until(link.should_stop)

        return rehearse(search, trial, replace(link, on_epoch=on_epoch))

    def look():
        trial = next(iter(store.trials.all(name)), None)
        if trial is not None and trial.progress is not None and trial.progress.epoch >= epochs:
            interrupt.set()

    make_driver(objective=objective).run(interrupt, look)


def owner_of(slot):
    """The owner in the attempts of a thread dispatcher's worker."""
    return f"{socket.gethostname()}:{os.getpid()}:thread-{slot}"


class CountingDispatcher(ThreadDispatcher):
    """A thread dispatcher that counts its busy slots and notes which workers were killed.

    lease_seconds: of an attempt; by default more than a busy machine keeps a thread from renewing.
    """

    def __init__(self, search, uri, objective=rehearse, lease_seconds=90.0):
        super().__init__(search, uri, objective, lease_seconds)
        self.killed = set()
        self.busy = 0
        self.most_busy = 0
        self.closing = False

    def place(self, slot, trial):
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        super().place(slot, trial)

    def poll(self, timeout):
        freed = super().poll(timeout)
        self.busy -= len(freed)
        return freed

    def kill(self, slot):
        if not self.closing:
            self.killed.add(slot)
        super().kill(slot)

    def close(self):
        self.closing = True
        super().close()


class InlineDispatcher:
    """A dispatcher without workers: subclasses make attempts when they are placed or polled."""

    def __init__(self, store, search):
        self.store = store
        self.search = search
        self.placed = []

    def attempt(self, slot, trial):
        worker = Worker(owner="inline", host="here", accelerator="none", slot=slot)
        run_attempt(self.store, self.search, trial, rehearse, worker, NEVER)
        return FreedSlot(slot, trial.id)

    def place(self, slot, trial):
        self.placed.append((slot, trial))

    def held(self):
        return set()

    def kill(self, slot): ...

    def hand_back(self): ...

    def close(self): ...
