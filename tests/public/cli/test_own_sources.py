"""Definitions of a user's own from submit to the end: installed, edited, in a session."""

import contextlib
import os
import re
import signal
import subprocess
import sys

import pytest
from command_line import environment_of_a_person
from document_code import write_shown
from driving import wait_until
from forked import COMMAND
from held_script import SECONDS, HeldScript

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.processes import lives

ONE_SLOT = ("--parallel", "1", "--resources", "CPU=0.5", "--wait")
PACKAGE = {
    "mirrors/__init__.py": "",
    "mirrors/tuning.py": """
from hyperopt import hp

import alignsearch
from mirrors.losses import squared

search = alignsearch.Search({"x": hp.uniform("x", -1, 1)}, squared, title="Mirrors")
""",
    "mirrors/losses.py": "def squared(config):\n    return config['x'] ** 2\n",
    "mirrors-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mirrors\nVersion: 1.0\n",
    "mirrors-1.0.dist-info/entry_points.txt": (
        "[alignsearch.definitions]\nmirror = mirrors.tuning:search\n"
    ),
}
EDITED = """
from hyperopt import hp

import alignsearch
from holding import hold


def squared(config):
    hold(config["x"])
    return config["x"] ** 2


search = alignsearch.Search({"x": hp.uniform("x", -1, 1)}, squared)
"""
SESSION = """
from hyperopt import hp

import alignsearch
from holding import hold

search = alignsearch.Search(
    {"x": hp.uniform("x", -1, 1)}, lambda config: hold(config["x"]) or config["x"] ** 2
)
search.run(name="held", trials=12, parallel=1, resources="CPU=0.1", show=False).close()
"""


def check_each_trial_once(trials, number):
    assert [trial.tid for trial in trials] == list(range(number))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert all(trial.loss == trial.point["x"] ** 2 for trial in trials)


def said_of(script):
    """All that `status` says of the script's search, without its line ends."""
    said = subprocess.run(
        [str(COMMAND), "status", "held"],
        cwd=script.folder,
        env=script.environment | {"COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    return " ".join(said.stdout.split())


@pytest.fixture
def held(tmp_path):
    """Start a script whose trials can be held."""
    started = []

    def start(code, command):
        started.append(HeldScript(tmp_path, code, environment_of_a_person(), command, first=2))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_definition_of_an_installed_package_is_used_by_its_name(shell, tmp_path_factory):
    site = tmp_path_factory.mktemp("site-packages")
    for name, text in PACKAGE.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)
    shell.environment["PYTHONPATH"] = str(site)
    listed = shell.run_anew("spaces")
    assert listed.returncode == 0, listed.stderr
    assert "mirror" in listed.stdout
    done = shell.run_anew("submit", "mirror", "--name", "m", "--trials", "4", *ONE_SLOT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^x  ", done.stdout)
    # Stored searches are read without the package.
    del shell.environment["PYTHONPATH"]
    trials = shell.json("trials", "m")
    assert len(trials) == 4
    assert all(each["result"]["loss"] == each["point"]["x"] ** 2 for each in trials)
    assert re.search(r"(?m)^x  ", shell.ok("export", "m"))
    said = shell.refused("submit", "mirror", "--trials", "1")
    assert "no definition is named 'mirror'" in said


@pytest.mark.timeout(1800)
def test_an_edit_is_refused_by_new_workers_and_not_noticed_by_warm_ones(held):
    command = [str(COMMAND), "submit", "script.py:search", "--name", "held", "--trials", "20"]
    script = held(EDITED, [*command, *ONE_SLOT])
    script.held()
    file = script.folder / "script.py"
    file.write_text(EDITED.replace("** 2", "** 4"))
    # The worker goes on with the version that was submitted.
    script.go_on(trials=3)
    worker = script.held()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not lives(worker))
    script.go_on()
    with Store.connect(script.server.ensure()) as store:
        script.wait(lambda: store.searches.get("held").status is SearchStatus.PAUSED)
        said = store.searches.get("held").error
        assert f"the source of search 'held' has changed: {file}, with holding.py on " in said
        assert "alignsearch resume held" in said
        before = store.trials.all("held")
        assert all(trial.attempts_spent <= 1 for trial in before)
    file.write_text(EDITED)
    resumed = [str(COMMAND), "resume", "held"]
    subprocess.run(resumed, cwd=script.folder, env=script.environment, check=True, timeout=SECONDS)
    with script.end() as store:
        trials = store.trials.all("held")
    check_each_trial_once(trials, 20)
    assert sum(trial.attempts_spent for trial in trials) == 1
    assert "the source of search 'held' has changed" in (script.folder / "log").read_text()


@pytest.mark.timeout(1800)
def test_serve_says_what_a_sessions_search_waits_for_and_leaves_it_to_its_script(held):
    script = held(SESSION, [sys.executable, "script.py"])
    script.held()
    script.kill()
    script.go_on()
    log = script.folder / "serve.log"
    with log.open("w") as out:
        serve = subprocess.Popen(
            [str(COMMAND), "serve"],
            cwd=script.folder,
            env=script.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "serving the searches of" in log.read_text(), SECONDS)
        # Its driver's claim expires first.
        wait_until(lambda: "its objective, which process" in said_of(script), SECONDS)
        assert "run its script again" in said_of(script)
        # The same script hands it over again, beside the `serve`.
        script.start()
        with script.end() as store:
            trials = store.trials.all("held")
            events = [event.who for event in store.logs.events("held")]
        assert serve.poll() is None
    finally:
        os.killpg(serve.pid, signal.SIGTERM)
        serve.wait(300.0)
    check_each_trial_once(trials, 12)
    # The held trial is tried again, unless its worker outlived the script and recorded it.
    attempts = sum(len(trial.attempts) for trial in trials)
    assert len(script.lines("began")) == attempts <= 13
    assert not any(who.endswith(f":{serve.pid}") for who in events)


LENGTHS = (6, 60, 600)
"""Epochs of a training that is killed: a longer one where the kill came after the end."""


def killed_training(shell, options):
    """Train, and kill the worker after two epochs; return the trial, or None if it had ended."""
    log = shell.folder / "log"
    training = shell.start("submit", "mirror.py:search", *options, log=log)
    try:
        wait_until((shell.folder / ".alignsearch" / "store.json").exists, SECONDS)
        with Store.connect(shell.json("store", "status")["uri"]) as store:
            name = options[1]

            def has_epochs():
                return training.poll() is not None or (
                    store.searches.named([name]) and len(store.logs.epochs(f"{name}/0")) >= 2
                )

            wait_until(has_epochs, SECONDS)
            trial = store.trials.get(f"{name}/0")
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(trial.attempts["1"].owner.rpartition(":")[2]), signal.SIGKILL)
            wait_until(lambda: training.poll() is not None, SECONDS)
            assert training.returncode == 0, log.read_text()[-3000:]
            ended = store.trials.get(trial.id)
    finally:
        training.kill()
        training.wait()
    return ended if len(ended.attempts) > 1 else None


@pytest.mark.timeout(3600)
def test_a_killed_training_of_ones_own_rule_ends_as_if_it_had_lived(shell):
    write_shown(shell.folder, "mirror.py")
    known = ("--trials", "1", "--dataset", "digits", "--seed", "3", *ONE_SLOT)
    for epochs in LENGTHS:
        options = ("--epochs", str(epochs), *known)
        killed = killed_training(shell, ("--name", f"killed-{epochs}", *options))
        if killed is not None:
            break
    assert killed is not None, "each training ended before it could be killed"
    assert [each.outcome for each in killed.attempts.values()] == ["crashed", "completed"]
    assert killed.attempts["2"].resumed >= 1
    log = shell.folder / "log"
    lived = shell.start("submit", "mirror.py:search", "--name", "lived", *options, log=log)
    assert lived.wait(2 * SECONDS) == 0, log.read_text()[-3000:]
    with Store.connect(shell.json("store", "status")["uri"]) as store:
        numbers = [each.epoch for each in store.logs.epochs(killed.id, 2)]
        lived = store.trials.get("lived/0")
    assert numbers == list(range(1, epochs + 1))
    assert killed.point == lived.point
    assert killed.loss == lived.loss
