"""The log of an attempt reaches the store while the attempt goes on."""

import logging
import threading
import time
import uuid

import pytest

from alignsearch.search.documents import Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.workers.attempt_log import LINES
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.objectives import Finished

SPACE = get_space("wm")
POINT = {"sigma": 0.5, "alpha_over_beta": 2.0, "beta": 1e-3}
WORKER = Worker("w-1", "node-1", "cpu")


@pytest.fixture
def store(server_uri):
    with Store.connect(f"{server_uri.rstrip('/')}/log_{uuid.uuid4().hex}") as connected:
        yield connected


@pytest.fixture
def queued(store):
    recipe = Recipe(dataset="rehearsal", width=1, stem="none", epochs=1)
    search = Search(
        name="s",
        space=SPACE.name,
        space_hash=SPACE.space_hash,
        recipe=recipe,
        trials=1,
        parallel=1,
        seed=0,
        startup=1,
        created_by="ann@lab",
    )
    search = store.searches.create(search)
    store.searches.change("s", SearchStatus.RUNNING, "ann@lab")
    config = derive(SPACE, POINT).model_dump()
    return search, store.trials.add(Trial(id="s/0", search="s", tid=0, config=config))


def test_lines_reach_the_store_while_the_attempt_goes_on(store, queued):
    seen = []

    def objective(search, trial, link):
        logging.getLogger("alignsearch.workers.test").info("reading mongodb://ann:secret@host/ now")
        elsewhere = logging.getLogger("alignsearch.workers.test").warning
        other = threading.Thread(target=elsewhere, args=("of another trial",))
        other.start()
        other.join()
        until = time.monotonic() + 300
        while not seen and time.monotonic() < until:
            seen.extend(store.logs.lines(trial.id, 1))
            time.sleep(0.05)
        for number in range(2 * LINES):
            logging.getLogger("alignsearch.workers.test").info("line %d", number)
        return Finished(Result(status="ok", loss=0.5), 1)

    run_attempt(store, *queued, objective, WORKER, threading.Event())
    assert [line.text for line in seen] == ["reading mongodb://ann:***@host/ now"]
    kept = store.logs.lines("s/0", 1)
    assert [line.text for line in kept][-1] == f"line {2 * LINES - 1}"
    assert len(kept) == LINES


def test_an_attempt_that_logs_nothing_writes_no_log(store, queued):
    def objective(search, trial, link):
        return Finished(Result(status="ok", loss=0.5), 1)

    run_attempt(store, *queued, objective, WORKER, threading.Event())
    assert store.logs.lines("s/0", 1) == ()
