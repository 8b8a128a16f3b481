"""Sources on a real cluster: shipped by Ray, never before other modules, refused where changed."""

import pytest
from driving import NEVER
from hyperopt import hp
from own_searches import own_search
from ray_cluster import connect_patiently

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

SPACE = {"x": hp.uniform("x", -1, 1)}
WHERE = """
import queue

def objective(config, trial):
    return {
        "loss": config["x"],
        "shipped": float("alignsearch_source_" in __file__),
        "hidden": float("alignsearch_source_" in queue.__file__),
    }
"""


@pytest.fixture(scope="module")
def _hosts(ray_address):
    connect_patiently(ray_address)
    yield
    cluster.disconnect()


@pytest.fixture
def drive(store, store_uri, _hosts):
    return lambda name="a-search": Driver(
        store, name, lambda it: RayDispatcher(it, store_uri), owner="a test"
    ).run(NEVER)


def test_a_file_is_shipped_and_hides_no_module_whatever_its_name(store, drive, tmp_path):
    file = tmp_path / "queue.py"
    file.write_text(WHERE)
    own_search(store, SPACE, file=file, trials=1)
    assert drive() is Outcome.FINISHED
    (trial,) = store.trials.all("a-search")
    assert trial.result.metrics == {"shipped": 1.0, "hidden": 0.0}


def test_modules_beside_a_file_are_shipped_with_it(store, drive, tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "mine.py").write_text("WHERE = __file__\n")
    (tmp_path / "helper.py").write_text("from tools import mine\n")
    file = tmp_path / "mine.py"
    file.write_text(
        "import helper, tools.mine\n"
        "def objective(config):\n"
        "    places = (__file__, helper.__file__, tools.mine.WHERE)\n"
        "    return sum('alignsearch_source_' in place for place in places)\n"
    )
    own_search(store, SPACE, file=file, trials=1)
    assert drive() is Outcome.FINISHED
    (trial,) = store.trials.all("a-search")
    assert trial.loss == 3


def test_a_programs_files_are_shipped(store, drive, tmp_path):
    (tmp_path / "random.py").write_text("import os\nprint('pid', os.getpid())\nprint('loss: 2')\n")
    own_search(store, SPACE, command=("python", "random.py"), folder=tmp_path, trials=1)
    assert drive() is Outcome.FINISHED
    (trial,) = store.trials.all("a-search")
    assert (trial.state, trial.loss) == (TrialState.COMPLETED, 2.0)
    lines = [line.text for line in store.logs.lines(trial.id, 1)]
    assert any("alignsearch_source_" in line for line in lines if line.startswith("running"))


def test_a_changed_source_pauses_the_search_on_a_cluster_too(store, drive, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def objective(config):\n    return 1.0\n")
    own_search(store, SPACE, file=file, trials=2, parallel=2)
    file.write_text("def objective(config):\n    return 2.0\n")
    assert drive() is Outcome.PAUSED
    search = store.searches.get("a-search")
    assert search.status is SearchStatus.PAUSED
    assert f"{file} on " in search.error
    trials = store.trials.all("a-search")
    assert all((t.state, t.attempts_spent) == (TrialState.QUEUED, 0) for t in trials)
    assert {a.outcome for t in trials for a in t.attempts.values()} <= {"handed_back"}
    file.write_text("def objective(config):\n    return 1.0\n")
    store.searches.change("a-search", SearchStatus.RUNNING, "a test")
    assert drive() is Outcome.FINISHED
    assert [t.loss for t in store.trials.all("a-search")] == [1.0, 1.0]
