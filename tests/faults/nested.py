"""A search of one's own over choices in choices, for faults: its loss tells how it came about.

alignsearch submit nested.py:search

The loss is a sum over steps that a checkpoint holds in part. A step that was left out or made twice
in any attempt gives another number.
"""

import json
import threading
from pathlib import Path

from nested_space import SPACE, STEPS, term

import alignsearch

STEP_SECONDS = 0.1
STEP_BYTES = 2**24
"""Memory that each step takes for itself, so that a process without any left fails at it."""
STATE = "state.json"


def objective(config: dict, trial: alignsearch.Trial) -> float:
    """Return the loss after the last step; a checkpoint after each step holds the sum so far."""
    done, loss = 0, 0.0
    if trial.resume_from is not None:
        done, loss = json.loads((trial.resume_from / STATE).read_text())
    pause = threading.Event()
    for step in range(done, STEPS):
        if trial.should_stop():
            break
        held = bytearray(STEP_BYTES)
        pause.wait(STEP_SECONDS)
        loss += term(config, step)
        del held
        trial.report(step, loss=loss)
        with trial.checkpoint() as folder:
            leave(folder, step + 1, loss)
    return loss


def leave(folder: Path, done: int, loss: float) -> None:
    """Write the number of steps done and their sum."""
    (folder / STATE).write_text(json.dumps([done, loss]))


search = alignsearch.Search(SPACE, objective)
