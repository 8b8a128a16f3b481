"""Objectives whose import fails for what their host lacks for a moment."""

import threading

import pytest
from hyperopt import hp
from own_searches import own_search

from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

SHORT = {
    "memory": "MemoryError()",
    "memory for a library": "ImportError('_x.so: failed to map segment from shared object')",
    "disk": "OSError(errno.ENOSPC, 'No space left on device')",
}
"""Errors of an import whose host lacks something for a moment."""


@pytest.mark.parametrize("error", SHORT.values(), ids=SHORT)
def test_an_import_that_lacks_room_costs_an_attempt_and_pauses_nothing(
    store, store_uri, tmp_path, error
):
    code = f"""
import errno
from pathlib import Path

tried = Path(__file__).with_suffix(".tried")
if not tried.exists():
    tried.touch()
    raise {error}


def objective(config):
    return config["x"] ** 2
"""
    file = tmp_path / "objective_of_mine.py"
    file.write_text(code)
    search = own_search(store, {"x": hp.uniform("x", -1, 1)}, file=file, trials=1)
    driver = Driver(store, search.name, lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    assert driver.run(threading.Event()) is Outcome.FINISHED
    (trial,) = store.trials.all(search.name)
    assert trial.state is TrialState.COMPLETED
    assert [each.outcome for each in trial.attempts.values()] == ["crashed", "completed"]
    assert "short of memory, disk or open files" in trial.attempts["1"].error
