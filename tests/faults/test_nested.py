"""A search over choices in choices, through deaths of its driver, its workers and its store."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nested_space
import pytest
from command_line import environment_of_a_person
from driving import wait_until
from hyperopt import space_eval

from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives

TRIALS, STARTUP, SLOTS = 20, 8, 8
SECONDS = 480.0
SCRIPT = """
import json, os, time
from pathlib import Path

import alignsearch
import nested

LOG, HOLD = Path(os.environ["BEGUN"]), Path(os.environ["HOLD"])


def is_held(number):
    try:
        return number >= int(HOLD.read_text())
    except FileNotFoundError:
        return False


def objective(config, trial):
    with LOG.open("a") as log:
        log.write(f"{os.getpid()}\\n")
    number = len(LOG.read_text().split())
    while is_held(number):
        time.sleep(0.05)
    return nested.objective(config, trial)


if __name__ == "__main__":
    search = alignsearch.Search(nested.SPACE, objective)
    options = {"trials": TRIALS, "startup": STARTUP, "parallel": int(os.environ["SLOTS"])}
    options |= {"lease": 30.0, "resources": "CPU=0.1"}
    search.run(name="nested", seed=5, show=False, **options).close()
""".replace("TRIALS", str(TRIALS)).replace("STARTUP", str(STARTUP))


class Run:
    """One run of the script in a folder of its own, which may be broken off and gone on with.

    Trials that begin as the `first` one or later are held: whatever is killed then has work to do.
    """

    def __init__(self, folder, slots, first):
        folder.mkdir()
        self.folder = folder
        self.server = EmbeddedStore(folder / ".alignsearch")
        (folder / "script.py").write_text(SCRIPT)
        for name in ("nested.py", "nested_space.py"):
            shutil.copy(Path(nested_space.__file__).with_name(name), folder / name)
        files = {"BEGUN": str(folder / "begun"), "HOLD": str(folder / "hold")}
        self.environment = environment_of_a_person() | files | {"SLOTS": str(slots)}
        self.hold_from(first)
        self.start()

    def hold_from(self, number):
        """Hold trials from this number on, counted from 1 by when they begin; None holds none."""
        if number is None:
            (self.folder / "hold").unlink(missing_ok=True)
            return
        written = self.folder / "hold.new"
        written.write_text(str(number))
        written.replace(self.folder / "hold")

    def start(self):
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "script.py"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def begun(self):
        """The processes in which trials have begun, in order."""
        file = self.folder / "begun"
        return [int(pid) for pid in file.read_text().split()] if file.exists() else []

    def wait_for(self, number):
        def is_so():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            return len(self.begun()) >= number

        wait_until(is_so, SECONDS)

    def kill(self, victim):
        """Kill the driver, whose script is then run again; the newest trial's worker; the store."""
        if victim == "driver":
            self.process.kill()
            self.process.wait()
            self.start()
        elif victim == "worker":
            os.kill(next(pid for pid in reversed(self.begun()) if lives(pid)), signal.SIGKILL)
        else:
            os.kill(self.server.status().pid, signal.SIGKILL)

    def trials(self):
        """Wait for the end; the trials that are stored then."""
        wait_until(lambda: self.process.poll() is not None, SECONDS)
        assert self.process.returncode == 0, (self.folder / "log").read_text()[-3000:]
        with Store.connect(self.server.ensure()) as store:
            return store.trials.all("nested")

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.server.stop()


@pytest.fixture
def runs(tmp_path):
    """Begin a run with so many slots, which holds its trials from the `first` one on."""
    begun = []

    def begin(name, slots, first=None):
        begun.append(Run(tmp_path / name, slots, first))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


@pytest.mark.timeout(3600)
def test_it_equals_the_same_search_left_alone_where_order_allows(runs):
    alone = runs("alone", 1).trials()
    chance = random.Random(11)
    for slots in (1, SLOTS):
        victims = ["driver", "worker", "store"]
        chance.shuffle(victims)
        moments = sorted(chance.sample(range(2, 16), 3))
        run = runs(f"struck-{slots}", slots, moments[0])
        for at, after, victim in zip(moments, [*moments[1:], None], victims, strict=True):
            run.wait_for(at)
            run.kill(victim)
            run.hold_from(after)
        trials = run.trials()
        assert [trial.tid for trial in trials] == list(range(TRIALS))
        assert {trial.state for trial in trials} == {TrialState.COMPLETED}
        for trial in trials:
            ends = [each.outcome for each in trial.attempts.values()]
            assert ends.count("completed") == 1
            config = space_eval(nested_space.SPACE, dict(trial.point))
            assert trial.loss == pytest.approx(nested_space.final_loss(config), rel=1e-12)
        # With one slot all points are the same ones; with more, those that no result has changed.
        same = TRIALS if slots == 1 else STARTUP
        points = [json.dumps(trial.point, sort_keys=True) for trial in trials[:same]]
        assert points == [json.dumps(trial.point, sort_keys=True) for trial in alone[:same]]
