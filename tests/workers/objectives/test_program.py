"""Programs as objectives: configured three ways, told losses, stopped, and tried again."""

import socket
import threading

import pytest
from driving import driving, wait_until
from hyperopt import hp
from own_searches import own_search

from alignsearch.search.documents import Constraint, Pruning
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

SPACE = {"lr": hp.uniform("lr", 0, 1), "kind": hp.choice("the kind", ["a", "b c"])}


@pytest.fixture
def submit(store, drive, tmp_path):
    """Make a search over a program; returns its driver."""

    def make(code, *arguments, **fields):
        (tmp_path / "train.py").write_text(code)
        command = fields.pop("command", ("python", "train.py", *arguments))
        own_search(store, SPACE, command=command, folder=tmp_path, **fields)
        return drive()

    return make


@pytest.fixture
def drive(store, store_uri):
    """A driver of the search."""
    return lambda: Driver(
        store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test"
    )


def to_end(driver, store, expected=Outcome.FINISHED):
    assert driver.run(threading.Event()) is expected
    return store.trials.all("a-search")


CONFIGURED = """
import json, os, sys

lr = float(sys.argv[1].removeprefix("--lr="))
assert sys.argv[2] == "{}", sys.argv
kind = sys.argv[3]
folder = os.environ["ALIGNSEARCH_TRIAL"]
config = json.load(open(os.path.join(folder, "config.json")))
assert config == {"lr": lr, "kind": kind} == json.loads(os.environ["ALIGNSEARCH_CONFIG"])
assert float(os.environ["ALIGNSEARCH_VALUE_lr"]) == lr
assert os.environ["ALIGNSEARCH_VALUE_the_kind"] == kind
print("some output")
print("loss:", lr ** 2)
"""


def test_the_configuration_comes_as_arguments_environment_and_file(submit, store):
    trials = to_end(submit(CONFIGURED, "--lr={lr}", "{{}}", "{the kind}", trials=4), store)
    assert [t.state for t in trials] == [TrialState.COMPLETED] * 4, trials[0].error
    assert all(t.loss == t.point["lr"] ** 2 for t in trials)
    lines = [line.text for line in store.logs.lines("a-search/0", 1)]
    assert "some output" in lines
    assert f"loss: {trials[0].loss}" in lines


LARGE = """
import json, os

config = json.load(open(os.path.join(os.environ["ALIGNSEARCH_TRIAL"], "config.json")))
assert len(config["words"]) == 200_000
assert "ALIGNSEARCH_CONFIG" not in os.environ and "ALIGNSEARCH_VALUE_words" not in os.environ
print("loss:", float(os.environ["ALIGNSEARCH_VALUE_lr"]))
"""


def test_what_is_too_large_for_a_variable_is_in_the_file_alone(store, drive, tmp_path):
    (tmp_path / "train.py").write_text(LARGE)
    space = {"lr": SPACE["lr"], "words": hp.choice("words", ["a" * 200_000])}
    own_search(store, space, command=("python", "train.py"), folder=tmp_path, trials=1)
    (trial,) = to_end(drive(), store)
    assert trial.loss == trial.point["lr"], trial.error


COMMAND = """
import subprocess
for step in range(3):
    subprocess.run(["alignsearch", "report", "--step", str(step), f"loss={1 / (step + 1)}",
                    "size=7"], check=True)
"""


def test_losses_come_from_the_small_command(submit, store):
    (trial,) = to_end(submit(COMMAND, trials=1), store)
    assert (trial.loss, trial.best_epoch, trial.result.metrics) == (1 / 3, 2, {"size": 7.0})
    epochs = store.logs.epochs(trial.id)
    assert [(each.epoch, each.metrics["loss"]) for each in epochs] == [(0, 1), (1, 0.5), (2, 1 / 3)]


def test_lines_without_steps_are_counted_from_one(submit, store):
    code = "for loss in (3, 2.5, 4): print('loss:', loss)"
    (trial,) = to_end(submit(code, trials=1), store)
    assert (trial.loss, trial.best_epoch) == (4.0, 2)
    assert [each.epoch for each in store.logs.epochs(trial.id)] == [1, 2, 3]


def test_a_metric_to_maximize(submit, store):
    code = "print('step=0 score=0.25')"
    (trial,) = to_end(submit(code, trials=1, metric="score", direction="maximize"), store)
    assert trial.loss == -0.25


def test_each_metric_has_its_last_value_in_whatever_lines_it_comes(submit, store):
    code = """
print("step_ms: 3")
print("step=1 error=0.5")
print("step=2 error=0.25 size=7")
print("step_ms: 4")
"""
    limit = Constraint(metric="step_ms", operator="<=", bound=2.0)
    several = {"further": {"step_ms": "minimize"}, "reported": ("size",)}
    trials = to_end(submit(code, metric="error", constraints=(limit,), **several), store)
    assert [t.loss for t in trials] == [0.25] * 3
    assert trials[0].result.metrics == {"step_ms": 4.0, "size": 7.0}
    # Twice as much as the bound allows.
    assert trials[0].violation == 1.0


def test_a_program_that_tells_one_of_two_metrics_fails_for_good(submit, store):
    driver = submit("print('error: 0.5')", metric="error", further={"step_ms": "minimize"})
    assert driver.run(threading.Event()) is Outcome.FINISHED
    (trial,) = (t for t in store.trials.all("a-search") if t.attempt)
    assert (trial.state, trial.attempt) == (TrialState.FAILED, 1)
    assert "reported no step_ms: each trial of this search reports error, step_ms" in trial.error


def test_a_program_can_say_that_its_trial_failed(submit, store):
    (trial,) = to_end(submit("""print('{"status": "fail"}')""", trials=1), store)
    assert (trial.state, trial.result.status) == (TrialState.COMPLETED, "fail")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("pass", "the program told no loss: print a line like `loss: 0.25`"),
        ("print('step=3 loss=1'); print('step=2 loss=1')", "steps must grow"),
    ],
)
def test_a_program_that_ends_well_without_a_loss_is_not_tried_again(submit, store, code, said):
    (trial,) = to_end(submit(code, trials=1, max_failures=0), store)
    assert (trial.state, trial.attempt) == (TrialState.FAILED, 1)
    assert said in trial.error


def test_a_traceback_costs_an_attempt_and_is_its_error(submit, store):
    code = "import sys; print('loss: 1'); raise KeyError('a bug')"
    (trial,) = to_end(submit(code, trials=1, max_attempts=2, max_failures=0), store)
    assert (trial.state, trial.attempt) == (TrialState.FAILED, 2)
    assert "KeyError: 'a bug'\nthe program ended with exit code 1: KeyError: 'a bug'" in trial.error
    # The list of trials has the last line alone, which is to say why.
    assert last_line(trial.error) == "the program ended with exit code 1: KeyError: 'a bug'"


def test_a_program_that_cannot_be_found_says_so(submit, store):
    driver = submit("", command=("no-such-program",), trials=1, max_attempts=1, max_failures=0)
    (trial,) = to_end(driver, store)
    assert trial.state is TrialState.FAILED
    here = socket.gethostname()
    said = f"the program 'no-such-program' was not found on {here}: no folder of its workers' PATH"
    assert said in trial.error.splitlines()[-1]


def test_a_program_that_is_no_file_says_which(submit, store, tmp_path):
    driver = submit("", command=("./missing.sh",), trials=1, max_attempts=1, max_failures=0)
    (trial,) = to_end(driver, store)
    assert trial.state is TrialState.FAILED
    assert f"there is no file {tmp_path}/missing.sh" in trial.error


def test_a_killed_program_costs_an_attempt(submit, store):
    code = "import os; os.kill(os.getpid(), 9)"
    (trial,) = to_end(submit(code, trials=1, max_attempts=2, max_failures=0), store)
    assert [a.outcome for a in trial.attempts.values()] == ["crashed", "crashed"]
    assert "the program was killed (SIGKILL)" in trial.error


RESUMED = """
import os, pathlib, signal, sys, time

saved = pathlib.Path(os.environ["ALIGNSEARCH_CHECKPOINTS"]) / "step"
earlier = os.environ.get("ALIGNSEARCH_RESUME_FROM")
first = int((pathlib.Path(earlier) / "step").read_text()) if earlier else 0

def stop(*_):
    print("asked to end", flush=True)
    saved.write_text(str(step + 1))
    sys.exit(0)

step = first
print(f"step={step} loss={10 - step}", flush=True)
signal.signal(signal.SIGTERM, stop)
while not earlier:
    time.sleep(0.05)
print(f"step={step + 1} loss={9 - step}", flush=True)
"""


def test_a_program_that_is_to_stop_is_asked_and_resumes(submit, drive, store, tmp_path):
    driver = submit(RESUMED, trials=1, checkpoints=str(tmp_path / "checkpoints"))
    interrupt = threading.Event()
    with driving(driver, interrupt) as outcome:
        wait_until(lambda: store.logs.epochs("a-search/0"), 300)
        interrupt.set()
        wait_until(lambda: outcome, 300)
    handed_back = store.trials.get("a-search/0")
    assert (handed_back.state, handed_back.attempts_spent) == (TrialState.QUEUED, 0)
    (trial,) = to_end(drive(), store)
    assert (trial.state, trial.loss, trial.attempt) == (TrialState.COMPLETED, 8.0, 2)
    # The second attempt began at step 1, and has taken step 0 over.
    assert trial.attempts["2"].resumed == 1
    assert [each.epoch for each in store.logs.epochs("a-search/0", 2)] == [0, 1, 2]


DIES_AT_THE_END = """
import os, signal, sys

state = os.path.join(os.environ["ALIGNSEARCH_CHECKPOINTS"], "state")
earlier = os.environ.get("ALIGNSEARCH_RESUME_FROM")
done = 0 if earlier is None else int(open(os.path.join(earlier, "state")).read())
for step in range(done, 3):
    print(f"step={step} loss={1 / (step + 1)}", flush=True)
    open(state, "w").write(str(step + 1))
if earlier is None:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_died_after_its_last_checkpoint_has_its_last_report_as_result(submit, store, tmp_path):
    driver = submit(DIES_AT_THE_END, trials=1, checkpoints=str(tmp_path / "checkpoints"))
    (trial,) = to_end(driver, store)
    assert (trial.state, trial.attempt) == (TrialState.COMPLETED, 2), trial.error
    assert trial.result.loss == 1 / 3
    assert [each.epoch for each in store.logs.epochs(trial.id, 2)] == [0, 1, 2]
    assert any("the last report before counts" in e.detail for e in store.logs.events("a-search"))


def test_a_pruned_program_is_ended(submit, store):
    code = "import time; print('step=0 loss=3', flush=True); time.sleep(600)"
    # A worker looks for a request to prune when it renews its lease, too.
    driver = submit(code, trials=1, pruning=Pruning(pruner="median"), lease_seconds=30.0)
    with driving(driver):
        wait_until(lambda: store.logs.epochs("a-search/0"), 300)
        trial = store.trials.get("a-search/0")
        assert store.attempts.request_prune(
            trial.id, trial.lease.attempt, trial.lease.token, "it is bad"
        )
        wait_until(lambda: store.trials.get(trial.id).state is TrialState.PRUNED, 300)
    assert store.trials.get(trial.id).loss == 3.0


@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_another_program_pauses_the_search_and_costs_nothing(submit, store, tmp_path, how):
    driver = submit("print('loss: 1')", trials=2)
    file = tmp_path / "train.py"
    if how == "changed":
        file.write_text("print('loss: 2')")
    else:
        file.unlink()
    trials = to_end(driver, store, Outcome.PAUSED)
    search = store.searches.get("a-search")
    assert search.status is SearchStatus.PAUSED
    assert ("has changed" if how == "changed" else "is not on") in search.error
    assert "train.py" in search.error
    assert all((t.state, t.attempts_spent) == (TrialState.QUEUED, 0) for t in trials)
