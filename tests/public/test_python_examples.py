"""The examples of docs/examples/ that are scripts of Python, run as their readers run them."""

import re
import shutil
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest
from command_line import environment_of_a_person

from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def run(tmp_path):
    """Run an example in an empty folder; return its output and its store's URI."""

    def make(name):
        shutil.copy(EXAMPLES / name, tmp_path)
        done = subprocess.run(
            [sys.executable, name],
            cwd=tmp_path,
            env=environment_of_a_person(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, EmbeddedStore(tmp_path / ".alignsearch").ensure()

    yield make
    EmbeddedStore(tmp_path / ".alignsearch").stop()


def test_the_example_of_a_function_prints_its_best_trials(run):
    printed, uri = run("function.py")
    with Store.connect(uri) as store:
        trials = store.trials.all("function")
        best = store.totals.best("function")
    assert len(trials) == 60
    assert {trial.state.value for trial in trials} == {"completed", "pruned"}
    assert literal_eval(printed.splitlines()[-1]) == best.config
    # The frame has the best one first, by its accuracy: the loss is its negative.
    first = next(line for line in printed.splitlines() if re.match(rf"{best.tid} ", line))
    assert float(first.split()[1]) == pytest.approx(-best.loss, abs=1e-6)


def test_the_example_of_fmin_prints_its_best_configuration(run):
    printed, uri = run("hyperopt_fmin.py")
    with Store.connect(uri) as store:
        best = store.totals.best("moved")
        assert len(store.trials.all("moved")) == 60
    assert literal_eval(printed.splitlines()[-1]) == best.config
    assert best.result.returned["kind"] == best.config["kind"]
