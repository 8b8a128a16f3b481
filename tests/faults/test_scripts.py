"""Scripts that drive a search, killed and run again: nothing is lost, and nothing repeated."""

import json
import os
import signal
import subprocess
import sys

import hyperopt
import numpy as np
import pytest
from command_line import environment_of_a_person
from driving import wait_until
from hyperopt import tpe

from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

TRIALS = 12
OBJECTIVE = """
import json, time
from pathlib import Path
import numpy as np
from hyperopt import fmin, hp, tpe
import alignsearch

space = {"x": hp.uniform("x", -3, 3), "k": hp.choice("k", [1, {"y": hp.quniform("y", 0, 9, 3)}])}

LOG, HOLD = (Path(name).absolute() for name in ("evaluated", "hold"))

def is_held(number):
    try:
        return number >= int(HOLD.read_text())
    except FileNotFoundError:
        return False

def objective(config):
    with LOG.open("a") as log:
        log.write(json.dumps(config, default=float) + "\\n")
    number = len(LOG.read_text().splitlines())
    while is_held(number):
        time.sleep(0.05)
    return config["x"] ** 2 + (config["k"]["y"] if isinstance(config["k"], dict) else 1)
"""
FMIN = """
best = fmin(
    objective, space, algo=tpe.suggest, max_evals=12, rstate=np.random.default_rng(5),
    trials=alignsearch.StoreTrials("kept", parallel=1, resources="CPU=0.1", lease=LEASE),
    verbose=False,
)
print(json.dumps(best))
"""
LEASE = 3600
"""Seconds: a script that waited for the leases of the dead to expire would outlast any patience."""
FMIN = FMIN.replace("LEASE", str(LEASE))
RUN = """
with alignsearch.Search(space, objective).run(
    name="kept", trials=12, parallel=2, resources="CPU=0.1", seed=5, lease=LEASE
) as found:
    print(json.dumps(found.trials()["loss"].tolist()))
""".replace("LEASE", str(LEASE))


class Script:
    """A script in a folder of its own, with an embedded store and a Ray of its own."""

    def __init__(self, folder, code):
        self.folder = folder
        (folder / "script.py").write_text(OBJECTIVE + code)

    def start(self):
        return subprocess.Popen(
            [sys.executable, "script.py"],
            cwd=self.folder,
            env=environment_of_a_person(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def evaluated(self):
        """The configurations that workers have begun to evaluate."""
        file = self.folder / "evaluated"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def hold_from(self, number):
        """Hold the evaluations from this number on, counted from 1 by when they begin."""
        written = self.folder / "hold.new"
        written.write_text(str(number))
        written.replace(self.folder / "hold")

    def kill_after(self, number, how):
        """Start it, and end it once so many evaluations have begun; its exit code.

        The last of them is held until then: the script can't end before.
        """
        self.hold_from(number)
        running = self.start()
        try:
            wait_until(lambda: len(self.evaluated()) >= number or running.poll() is not None, 480)
            assert running.poll() is None, running.communicate()
            running.send_signal(how)
            if how is signal.SIGINT:
                # Ctrl-C waits a while for what runs, and an objective doesn't hear of it.
                (self.folder / "hold").unlink()
            running.wait(480.0)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
            running.communicate()
        return running.returncode

    def finish(self):
        (self.folder / "hold").unlink(missing_ok=True)
        running = self.start()
        out, err = running.communicate(timeout=600)
        assert running.returncode == 0, err
        return json.loads(out.splitlines()[-1])

    def trials(self):
        with Store.connect(EmbeddedStore(self.folder / ".alignsearch").ensure()) as store:
            return store.trials.all("kept")


@pytest.fixture
def script(tmp_path):
    """Make a script; its store is stopped in the end."""

    def make(code):
        return Script(tmp_path, code)

    yield make
    EmbeddedStore(tmp_path / ".alignsearch").stop()


@pytest.mark.timeout(2400)
def test_fmin_killed_and_run_again_ends_as_if_it_had_lived(script):
    here = script(FMIN)
    assert here.kill_after(3, signal.SIGKILL) == -signal.SIGKILL
    # It doesn't wait for the leases of the dead to expire.
    assert here.kill_after(7, signal.SIGKILL) == -signal.SIGKILL
    here.kill_after(9, signal.SIGINT)
    best = here.finish()
    alone = hyperopt.Trials()
    scope = {}
    exec(OBJECTIVE.replace('"evaluated"', '"/dev/null"'), scope)
    expected = hyperopt.fmin(
        scope["objective"],
        scope["space"],
        algo=tpe.suggest,
        max_evals=TRIALS,
        rstate=np.random.default_rng(5),
        trials=alone,
        verbose=False,
    )
    assert best == expected
    trials = here.trials()
    assert [trial.loss for trial in trials] == alone.losses()
    points = [{k: v[0] for k, v in each["vals"].items() if v} for each in alone.miscs]
    assert [trial.point for trial in trials] == points
    # Each kill costs the evaluation that ran then, and no other is made twice.
    assert len(here.evaluated()) <= TRIALS + 3
    assert sum(trial.attempts_spent for trial in trials) <= 2
    done = len(here.evaluated())
    assert here.finish() == expected
    assert len(here.evaluated()) == done


def test_a_run_killed_and_run_again_has_each_trial_once(script):
    here = script(RUN)
    here.kill_after(5, signal.SIGKILL)
    losses = here.finish()
    assert len(losses) == TRIALS
    assert all(np.isfinite(losses))
    trials = here.trials()
    assert [trial.tid for trial in trials] == list(range(TRIALS))
    assert sum(trial.attempts_spent for trial in trials) <= 2
    # An attempt that was killed may not have begun to evaluate.
    assert TRIALS <= len(here.evaluated()) <= sum(len(trial.attempts) for trial in trials)
