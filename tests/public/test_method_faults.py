"""A method as the objective of `fmin` and of `Search`, while store and workers are killed."""

import os
import pickle
import signal
import sys

import hyperopt
import numpy as np
import pytest
from command_line import environment_of_a_person
from driving import wait_until
from held_script import HeldScript
from hyperopt import fmin, hp, tpe

import alignsearch
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store.processes import lives

SCRIPT = """
import pickle
import sys

import numpy as np
from hyperopt import fmin, hp, tpe

import alignsearch
from holding import hold


class Model:
    \"\"\"A model whose loss is searched; it has the trials, too, as an experiment may.\"\"\"

    def __init__(self, shift):
        self.shift = shift
        self.trials = None

    def loss(self, config):
        hold(config["x"])
        return (config["x"] - self.shift) ** 2


SPACE = {"x": hp.uniform("x", -1, 1)}
ONE_SLOT = {"parallel": 1, "resources": "CPU=0.1"}
TRIALS = 30

if __name__ == "__main__":
    model = Model(0.25)
    if sys.argv[1] == "fmin":
        model.trials = alignsearch.StoreTrials("held", **ONE_SLOT)
        seed = np.random.default_rng(0)
        call = {"trials": model.trials, "rstate": seed, "verbose": False}
        fmin(model.loss, SPACE, algo=tpe.suggest, max_evals=TRIALS, **call)
        with open("trials.pkl", "wb") as file:
            pickle.dump(model.trials, file)
    else:
        search = alignsearch.Search(SPACE, model.loss)
        search.run(name="held", trials=TRIALS, show=False, **ONE_SLOT).close()
"""
TRIALS = 30


def loss(x):
    return (x - 0.25) ** 2


@pytest.fixture(params=["fmin", "search"])
def script(request, tmp_path):
    environment = {**environment_of_a_person(), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "script.py", request.param]
    running = HeldScript(tmp_path, SCRIPT, environment, command, first=3)
    yield running
    running.close()


# Two deaths, each with a wait until a new process of Ray or of the store serves.
@pytest.mark.timeout(1800)
def test_a_method_is_searched_through_the_deaths_of_store_and_worker(script):
    script.held()
    script.kill_store()
    script.go_on(trials=3)
    worker = script.held()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not lives(worker))
    script.go_on()
    with script.end() as store:
        search, trials = store.searches.get("held"), store.trials.all("held")
    assert search.status is SearchStatus.COMPLETED
    assert [trial.tid for trial in trials] == list(range(TRIALS))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert all(trial.loss == loss(trial.point["x"]) for trial in trials)
    # Nothing lost: one attempt of all was cut short. Nothing repeated: only that one's trial.
    outcomes = [[each.outcome for each in trial.attempts.values()] for trial in trials]
    assert sorted(outcomes, key=len)[-1] == ["crashed", "completed"]
    assert sorted(outcomes, key=len)[:-1] == [["completed"]] * (TRIALS - 1)
    assert len(script.lines("began")) == TRIALS + 1
    if script.command[-1] == "fmin":
        check_it_went_as_fmin_by_itself(script.folder, trials)


def check_it_went_as_fmin_by_itself(folder, trials):
    """Compare points and losses with HyperOpt's own call, and read the pickled trials."""
    alone = hyperopt.Trials()
    fmin(
        lambda config: loss(config["x"]),
        {"x": hp.uniform("x", -1, 1)},
        tpe.suggest,
        TRIALS,
        trials=alone,
        rstate=np.random.default_rng(0),
        verbose=False,
    )
    assert [trial.point["x"] for trial in trials] == alone.vals["x"]
    copy = pickle.loads((folder / "trials.pkl").read_bytes())
    assert isinstance(copy, alignsearch.StoreTrials)
    assert copy.losses() == alone.losses()
    assert copy.argmin == alone.argmin
