"""A search of one's own whose trials wait at a step until the test lets them go on.

A test that has to catch a trial while it runs, as to kill its worker, catches it for certain so,
however slow the machine is.
"""

from hyperopt import hp
from own_searches import own_search

SPACE = {"x": hp.uniform("x", 0, 1)}
CODE = """
import time
from pathlib import Path

GATE = Path({gate!r})


def objective(config, trial):
    done = 0
    if trial.resume_from is not None:
        done = int((trial.resume_from / "done").read_text())
    for step in range(done, {steps}):
        while step >= {held_at} and not GATE.exists() and not trial.should_stop():
            time.sleep(0.02)
        if trial.should_stop():
            break
        trial.report(step, loss=config["x"] + 1 / (step + 1))
        with trial.checkpoint() as folder:
            (folder / "done").write_text(str(step + 1))
    return config["x"]
"""


class Gate:
    """The module of such an objective, and the file that lets its trials go on.

    Args:
        folder: where both lie.
        steps: steps of a trial, from 0; each is reported, and has a checkpoint.
        held_at: the step before which trials wait.
    """

    def __init__(self, folder, *, steps=2, held_at=1):
        self._file = folder / "opened"
        self.module = folder / "gated.py"
        code = CODE.format(gate=str(self._file), steps=steps, held_at=held_at)
        self.module.write_text(code)

    def search(self, store, **fields):
        """Create a search over the objective; `fields` are those of `own_search`."""
        return own_search(store, SPACE, file=self.module, **fields)

    def open(self):
        """Let all trials go on, also those that begin later."""
        self._file.touch()
