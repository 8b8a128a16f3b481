"""A user's script whose trials a test can hold, so that a death hits one that runs for certain."""

import os
import signal
import subprocess

from driving import wait_until

from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives

HOLDING = '''
import os
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def hold(what):
    """Note that a trial begins, and wait while the file `hold` names this trial or an earlier one.

    Trials are counted in the order in which they begin, from 1.
    """
    with (FOLDER / "began").open("a") as began:
        began.write(f"{what!r}\\n")
    number = len((FOLDER / "began").read_text().split())
    if is_held(number):
        with (FOLDER / "held").open("a") as held:
            held.write(f"{os.getpid()}\\n")
        while is_held(number):
            time.sleep(0.05)


def is_held(number):
    try:
        return number >= int((FOLDER / "hold").read_text())
    except FileNotFoundError:
        return False
'''
"""Code of a module `holding.py` beside a script; its trials call `hold`."""

SECONDS = 480.0
"""Longest wait for a step of a script: starting Ray takes most of it on a busy machine."""


class HeldScript:
    """A script with its folder, its store, and the trials that it holds."""

    def __init__(self, folder, code, environment, command, first):
        """Start the script.

        Args:
            folder: an empty folder, which gets the script and its store.
            code: the script.
            environment: the process's environment.
            command: the command that runs it there.
            first: number of the first trial that is held. However late the test looks, the script
                has come no further.
        """
        self.folder = folder
        (folder / "holding.py").write_text(HOLDING)
        (folder / "script.py").write_text(code)
        self.environment = environment
        self.command = command
        self.server = EmbeddedStore(folder / ".alignsearch")
        self._held = 0
        self._hold_from(first)
        self.start()

    def _hold_from(self, number):
        written = self.folder / "hold.new"
        written.write_text(str(number))
        written.replace(self.folder / "hold")

    def start(self):
        """Start the script, or start it again."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def lines(self, name):
        """The lines of a file that the script writes."""
        file = self.folder / name
        return file.read_text().split() if file.exists() else []

    def wait(self, condition):
        """Wait for something that needs the script to live."""

        def is_so():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            return condition()

        wait_until(is_so, SECONDS)

    def held(self):
        """Wait until one more trial is held, and return its process."""
        self.wait(lambda: len(self.lines("held")) > self._held)
        self._held = len(self.lines("held"))
        return int(self.lines("held")[-1])

    def go_on(self, trials=None):
        """Let held trials end, and so many more; the next one is held. None holds no more."""
        if trials is None:
            (self.folder / "hold").unlink()
        else:
            self._hold_from(len(self.lines("began")) + trials + 1)

    def kill_store(self):
        """Kill the store's server, which whoever drives the search has to start again."""
        pid = self.server.status().pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not lives(pid))

    def end(self):
        """Wait for the script's own end, and return the store."""
        wait_until(lambda: self.process.poll() is not None, 2 * SECONDS)
        assert self.process.returncode == 0, (self.folder / "log").read_text()[-3000:]
        return Store.connect(self.server.ensure())

    def kill(self):
        """Kill the script, and all that it has started but for the store."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self):
        """End whatever still runs."""
        (self.folder / "hold").unlink(missing_ok=True)
        self.kill()
        self.server.stop()
