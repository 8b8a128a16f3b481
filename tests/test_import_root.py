"""Files of a user's own folder hide nothing of ours: one import root, whatever the folder holds."""

import os
import subprocess
import sys

import pytest
from house import FOLDERS, ROOT

from alignsearch.search.store.processes import free_port, wait_until

OLD_NAMES = sorted(folder for folder in FOLDERS.values() if folder != "alignment_core")
"""The folders' own names, under which nothing of ours may be imported."""

SCRIPT = """
import sys
from alignsearch.dashboards.client import Client

print(list(Client(sys.argv[1]).searches().index))
"""

LOOK = """
import sys
import alignsearch
import alignsearch.cli.app
import alignsearch.workers.actor

ours = [name for name in sys.argv[2:] if name in sys.modules]
print(alignsearch.__version__, ours, alignsearch.__file__.startswith(sys.argv[1]))
"""


@pytest.fixture
def crowded(shell):
    """Return a shell in a folder whose files have our folders' names, and fail when imported."""
    for name in OLD_NAMES:
        (shell.folder / f"{name}.py").write_text("raise ImportError('a file of the user')\n")
    return shell


def test_a_search_runs_beside_files_with_our_folders_names(crowded):
    options = ("--trials", "2", "--parallel", "2", "--epochs", "2", "--wait")
    crowded.run_anew("submit", "wm", "--dataset", "rehearsal", "--name", "beside", *options)
    told = crowded.json("status", "beside")
    assert (told["status"], told["counts"]["completed"]) == ("completed", 2)
    assert all(len(trial["attempts"]) == 1 for trial in crowded.json("trials", "beside"))


def test_a_script_of_such_a_name_uses_the_client(crowded):
    crowded.submit("queued", "--trials", "2")
    script = crowded.folder / "search.py"
    script.write_text(SCRIPT)
    port = free_port()
    log = crowded.folder / "dashboard.log"
    server = crowded.start("dashboard", "--port", str(port), log=log)
    try:
        ended = []

        def answered():
            command = [sys.executable, str(script), f"http://127.0.0.1:{port}"]
            done = subprocess.run(
                command, cwd=crowded.folder, capture_output=True, text=True, check=False
            )
            ended.append(done)
            return done.returncode == 0

        assert wait_until(answered, 120), (ended[-1].stderr, log.read_text())
        assert ended[-1].stdout == "['queued']\n"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("place", ["a folder of the user", "the repository"])
def test_nothing_of_ours_is_imported_under_an_old_name(place, tmp_path):
    command = [sys.executable, "-c", LOOK, str(ROOT / "public"), *OLD_NAMES]
    folder = ROOT if place == "the repository" else tmp_path
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1:] == ["[]", "True"]
