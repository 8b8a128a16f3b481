"""One import root: a user's own files change nothing, and no module of ours has a second name.

Ray and the embedded store are real here, each in processes of the test's own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alignsearch.search.store.embedded import EmbeddedStore

ROOT = Path(__file__).parents[2]
ALIGNSEARCH = Path(sys.executable).with_name("alignsearch")
OLD_NAMES = ("search", "spaces", "workers", "dashboards", "experiments", "public")
HELPERS = ("helpers", "utils", "tools", "common", "data", "models", "store", "driver", "actor")
INSTALLED = ("random", "queue", "secrets", "numpy", "pymongo", "pydantic", "ray", "tree")
"""Modules that Ray, TensorFlow or our workers import themselves, some of them late."""

DRIVE = """
import json
import sys
import threading

from alignsearch.search.documents import Recipe, Search
from alignsearch.search.driver.driver import Driver
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher


def state(worker):
    import sys

    return {
        "path": sys.path,
        "modules": {name: getattr(each, "__file__", None) for name, each in sys.modules.items()},
    }


class Asking(RayDispatcher):
    def close(self):
        global there
        (worker,) = self._workers.values()
        import ray

        there = ray.get(worker.__ray_call__.remote(state))
        super().close()


uri = sys.argv[1]
with Store.connect(uri) as store:
    cluster.connect(None)
    space = get_space("wm")
    recipe = Recipe(dataset="rehearsal", width=1, stem="none", epochs=1)
    store.searches.create(
        Search(
            name="a-search",
            space="wm",
            space_hash=space.space_hash,
            recipe=recipe,
            trials=2,
            parallel=1,
            seed=0,
            startup=1,
            resources={"CPU": 1.0},
            created_by="a test",
        )
    )
    outcome = Driver(store, "a-search", lambda each: Asking(each, uri), owner="a test").run(
        threading.Event()
    )
    cluster.disconnect()
print(json.dumps({"outcome": outcome, "driver": state(None), "worker": there}))
"""
"""Drives a search, and prints what this process and its Ray worker have imported."""

USE_CLIENT = """
import alignsearch
from alignsearch.dashboards.client import Client

assert alignsearch.__version__
with Client(sys.argv[2]) as client:
    found = client.trials("a-search")
    assert list(found["state"]) == ["completed"] * 2, found
"""


@pytest.fixture
def folder(tmp_path):
    """A user's folder; whatever lies there raises when it is imported."""
    made = tmp_path / "mine"
    made.mkdir()
    leave(made, OLD_NAMES + HELPERS)
    return made


def leave(folder, names):
    for name in names:
        (folder / f"{name}.py").write_text(f"raise AssertionError('{name}.py was imported')\n")


def run(command, folder, **environment):
    ended = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def own_store(tmp_path):
    """The URI of a database of an embedded store of its own."""
    server = EmbeddedStore(tmp_path / "store" / ".alignsearch")
    yield f"{server.ensure().rstrip('/')}/imports"
    server.stop()


def test_a_search_is_driven_from_a_folder_with_files_of_any_name(folder):
    leave(folder, INSTALLED)
    try:
        run(
            [
                *(ALIGNSEARCH, "submit", "wm", "--dataset", "rehearsal", "--name", "mine"),
                *("--trials", 2, "--epochs", 1, "--wait"),
            ],
            folder,
        )
        (shown,) = json.loads(run([ALIGNSEARCH, "status", "--json"], folder))
        assert (shown["name"], shown["status"]) == ("mine", "completed")
    finally:
        run([ALIGNSEARCH, "store", "stop"], folder)


def one_root(modules):
    """Fail if one of our modules was imported under another name than alignsearch's."""
    assert not [name for name in modules if name.split(".")[0] in OLD_NAMES]
    ours = {
        name.split(".")[0]
        for name, file in modules.items()
        if file and file.startswith(f"{ROOT}/") and not file.startswith(f"{ROOT}/.venv/")
    }
    assert ours <= {"alignsearch", "alignment_core"}
    assert "alignsearch.search.store.store" in modules


def test_a_script_named_search_drives_one_and_asks_a_dashboard(folder, own_store):
    (folder / "search.py").write_text(DRIVE)
    said = json.loads(run([sys.executable, "search.py", own_store], folder))
    assert said["outcome"] == "finished"
    assert "search" not in said["driver"]["modules"]
    for process in ("driver", "worker"):
        modules = said[process]["modules"]
        theirs = {name for name, file in modules.items() if file and str(folder) in file}
        # The script itself, which multiprocessing gives a second name.
        assert theirs <= {"__main__", "__mp_main__"}
        one_root(modules)
    # The user's folder is searched by workers, too, but after all that is installed.
    path = said["worker"]["path"]
    assert path[-1] == str(folder)
    assert path.count(str(folder)) == 1

    (folder / "search.py").write_text("import sys\n" + USE_CLIENT)
    command = [ALIGNSEARCH, "dashboard", "--port", "0", "--store", own_store]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as dashboard:
        try:
            address = next(word for word in dashboard.stdout.readline().split() if "://" in word)
            run([sys.executable, "search.py", "-", address.rstrip("/")], folder)
        finally:
            dashboard.terminate()


def test_a_process_in_the_repositorys_root_has_one_name_for_each_module(own_store):
    said = json.loads(run([sys.executable, "-c", DRIVE, own_store], ROOT))
    assert said["outcome"] == "finished"
    for process in ("driver", "worker"):
        one_root(said[process]["modules"])
    assert said["worker"]["path"][-1] == str(ROOT)
