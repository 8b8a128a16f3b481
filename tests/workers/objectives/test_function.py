"""Functions of the user's own as objectives: called, checked, tried again, refused in one line."""

import threading
import uuid

import pytest
from driving import driving, wait_until
from hyperopt import hp
from own_searches import own_search

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

SPACE = {"x": hp.uniform("x", -1, 1), "model": hp.choice("model", [{"kind": "a"}, ("b", 2)])}


@pytest.fixture
def run(store, store_uri, tmp_path):
    """Drive a search over a module's function to its end; returns the trials."""

    def to_end(code, expected=Outcome.FINISHED, **fields):
        file = tmp_path / "objective_of_mine.py"
        file.write_text(code)
        search = own_search(store, SPACE, file=file, **fields)
        driver = Driver(
            store, search.name, lambda it: ThreadDispatcher(it, store_uri), owner="a test"
        )
        assert driver.run(threading.Event()) is expected
        return store.trials.all(search.name)

    return to_end


def test_a_function_gets_what_hyperopt_would_give_it(run):
    code = """
def objective(config):
    assert config["model"] in ({"kind": "a"}, ("b", 2)), config
    return config["x"] ** 2
"""
    trials = run(code, trials=8)
    assert [t.state for t in trials] == [TrialState.COMPLETED] * 8
    assert all(t.loss == t.point["x"] ** 2 for t in trials)


@pytest.mark.parametrize(
    "signature",
    ["config, trial", "config, *, trial", "config, verbose=False, trial=None", "config, trial, /"],
)
def test_a_function_gets_the_trial_where_it_takes_one(run, signature):
    code = f"""
def objective({signature}):
    return float(trial.number)
"""
    assert [trial.loss for trial in run(code, trials=2)] == [0.0, 1.0]


def test_metrics_are_returned_or_reported(run):
    code = """
def objective(config, trial):
    trial.report(1, error=0.5, step_ms=9.0)
    trial.report(2, error=0.3, step_ms=8.0, size=2)
    return {"error": 0.25, "size": 3}
"""
    trials = run(
        code, trials=2, metric="error", further={"step_ms": "maximize"}, reported=("size",)
    )
    assert [trial.loss for trial in trials] == [0.25, 0.25]
    # A returned value counts, not the last one reported: size is 3. step_ms was only reported.
    assert trials[0].result.metrics == {"step_ms": 8.0, "size": 3.0}


def test_reports_prints_and_warnings_are_recorded(run, store):
    code = """
def objective(config, trial):
    trial.report(0, loss=2.0, size=3)
    trial.report(1, loss=1.0)
    print("hello from", trial.id)
    trial.log.warning("seed %d", trial.seed)
    trial.warn("something is odd")
    return {"loss": 1.5, "status": "ok", "size": 7}
"""
    (trial,) = run(code, trials=1)
    assert (trial.loss, trial.best_epoch, trial.progress.epoch) == (1.5, 1, 1)
    assert trial.result.metrics == {"size": 7.0}
    assert [each.metrics for each in store.logs.epochs(trial.id)] == [
        {"loss": 2.0, "size": 3.0},
        {"loss": 1.0},
    ]
    lines = [line.text for line in store.logs.lines(trial.id, 1)]
    assert "hello from a-search/0" in lines
    assert any(line.startswith("seed ") for line in lines)
    events = [each.detail for each in store.logs.events("a-search")]
    assert "trial 0, attempt 1: something is odd" in events


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("None", "objective returned nothing (None)"),
        ("'low'", "objective returned str 'low'"),
        ("{}", "without 'loss'"),
        ("{'loss': 'low'}", "str 'low'"),
        ("[1, 2]", "list"),
    ],
)
def test_a_wrong_return_value_fails_the_trial_for_good_in_one_line(run, store, returned, said):
    code = f"def objective(config):\n    return {returned}\n"
    (trial,) = run(code, trials=1, max_failures=0)
    assert (trial.state, trial.attempt) == (TrialState.FAILED, 1)
    assert said in trial.error
    assert "\n" not in trial.error
    assert said in store.searches.get("a-search").error


def test_a_function_without_a_return_ends_its_search_early_with_the_reason(run, store):
    trials = run("def objective(config):\n    config['x'] ** 2\n", trials=60)
    search = store.searches.get("a-search")
    assert search.status is SearchStatus.FAILED
    (failed,) = [trial for trial in trials if trial.attempt]
    assert (failed.state, failed.attempts["1"].outcome) == (TrialState.FAILED, "failed")
    assert "its objective gives no result: objective returned nothing (None)" in search.error
    assert "--max-failures" in search.error


def test_a_function_that_sometimes_returns_a_number_goes_on(run, store):
    code = "def objective(config, trial):\n    return None if trial.number % 2 else config['x']\n"
    trials = run(code, trials=3)
    # Failed trials are replaced.
    states = [trial.state for trial in trials]
    assert states.count(TrialState.COMPLETED) == 3
    assert states.count(TrialState.FAILED) == 2
    assert store.searches.get("a-search").status is SearchStatus.COMPLETED


def test_one_that_died_after_its_last_checkpoint_keeps_its_steps(run, store, tmp_path):
    code = """
import json

def objective(config, trial):
    done = 0
    if trial.resume_from is not None:
        done = json.loads((trial.resume_from / "state").read_text())
    for step in range(done, 3):
        trial.report(step, loss=3.0 - step)
        with trial.checkpoint() as folder:
            (folder / "state").write_text(json.dumps(step + 1))
    if trial.attempt == 1:
        raise ConnectionError("gone before its result")
    return 1.0
"""
    (trial,) = run(code, trials=1, checkpoints=str(tmp_path / "checkpoints"))
    assert (trial.loss, trial.attempt, trial.best_epoch) == (1.0, 2, 2)
    told = store.logs.epochs(trial.id, 2)
    assert [(each.epoch, each.metrics["loss"]) for each in told] == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_a_loss_that_is_no_number_is_a_result_to_learn_from(run):
    code = "def objective(config):\n    return float('nan') if config['x'] < 2 else 0.0\n"
    trials = run(code, trials=2)
    assert [t.state for t in trials] == [TrialState.COMPLETED] * 2
    assert all((t.result.status, t.result.reason) == ("fail", "its loss is nan") for t in trials)


def test_a_metric_to_maximize(run):
    code = "def objective(config):\n    return -config['x'] ** 2\n"
    trials = run(code, trials=3, metric="score", direction="maximize")
    assert all(t.loss == t.point["x"] ** 2 for t in trials)


def test_an_error_costs_an_attempt_and_its_traceback_is_kept(run):
    code = """
def objective(config, trial):
    if trial.attempt < 3:
        raise KeyError("a bug")
    return 1.0
"""
    (trial,) = run(code, trials=1)
    assert [a.outcome for a in trial.attempts.values()] == ["crashed", "crashed", "completed"]
    assert "objective_of_mine.py" in trial.attempts["1"].error
    assert trial.attempts["1"].error.endswith("KeyError: 'a bug'\n")


def test_sys_exit_costs_an_attempt_and_says_so(run):
    code = "import sys\ndef objective(config):\n    sys.exit(3)\n"
    (trial,) = run(code, trials=1, max_attempts=2, max_failures=0)
    assert (trial.state, trial.attempt) == (TrialState.FAILED, 2)
    assert "sys.exit(3)" in trial.error


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_an_interruption_of_its_own_costs_an_attempt_and_says_so(run, raised):
    code = f"def objective(config):\n    raise {raised}\n"
    (trial,) = run(code, trials=1, max_attempts=2, max_failures=0)
    assert [attempt.outcome for attempt in trial.attempts.values()] == ["crashed", "crashed"]
    assert f"the objective has raised {raised}" in trial.error


UNSTORABLE = {
    "no Unicode": (r'"no text: \udc80"', r"no text: \udc80"),
    "megabytes": ('"a" * 20_000_000 + "the end"', "the end"),
}


@pytest.mark.parametrize(("text", "kept"), UNSTORABLE.values(), ids=UNSTORABLE)
def test_no_text_of_an_objective_costs_its_trial(run, store, text, kept):
    code = f"""
def objective(config, trial):
    trial.log.info({text})
    trial.warn({text})
    if trial.number == 0:
        raise ValueError({text})
    if trial.number == 1:
        return {{"status": "fail", "reason": {text}}}
    return 1.0
"""
    failed, refused, good = run(code, trials=2, max_attempts=1, max_failures=1)
    assert failed.state is TrialState.FAILED
    assert kept in failed.error
    assert len(failed.error) < 30_000
    assert (refused.state, refused.loss) == (TrialState.COMPLETED, None)
    assert refused.result.reason.endswith(kept)
    assert good.loss == 1.0
    warned = [event for event in store.logs.events(good.search) if event.what == "trial warned"]
    assert [event.detail.endswith(kept) for event in warned] == [True] * 3
    assert store.logs.lines(good.id, 1)


PAUSED = {
    "raises": ("raise ValueError('no licence')\n", "ValueError: no licence"),
    "imports what is missing": ("import no_such_module\n", "No module named 'no_such_module'"),
    "is no Python": ("def objective(\n", "SyntaxError"),
    "has no such function": ("x = 1\n", "has no function 'objective'"),
}


@pytest.mark.parametrize(("code", "said"), PAUSED.values(), ids=PAUSED)
def test_a_module_that_cannot_be_imported_pauses_the_search(run, store, code, said):
    (trial,) = run(code, Outcome.PAUSED, trials=1)
    search = store.searches.get("a-search")
    assert (search.status, trial.state) == (SearchStatus.PAUSED, TrialState.QUEUED)
    assert said in search.error
    assert "\n" not in search.error
    assert trial.attempts_spent == 0
    assert search.error in [each.detail for each in store.logs.events("a-search")]


@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_another_source_pauses_the_search_and_loses_nothing(store, store_uri, tmp_path, how):
    file = tmp_path / "mine.py"
    code = "def objective(config):\n    return config['x'] ** 2\n"
    file.write_text(code)
    search = own_search(store, SPACE, file=file, trials=4)
    if how == "changed":
        file.write_text(code.replace("** 2", "** 4"))
    else:
        file.unlink()

    def drive():
        driver = Driver(
            store, search.name, lambda it: ThreadDispatcher(it, store_uri), owner="a test"
        )
        return driver.run(threading.Event())

    assert drive() is Outcome.PAUSED
    paused = store.searches.get(search.name)
    assert str(file) in paused.error
    assert ("has changed" if how == "changed" else "is not on") in paused.error
    assert "alignsearch resume a-search" in paused.error
    file.write_text(code)
    store.searches.change(search.name, SearchStatus.RUNNING, "a test")
    assert store.searches.get(search.name).error is None
    assert drive() is Outcome.FINISHED
    trials = store.trials.all(search.name)
    assert [t.loss for t in trials] == [t.point["x"] ** 2 for t in trials]
    assert len(trials) == 4
    assert all(t.attempts_spent == 0 for t in trials)


@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_a_module_beside_the_file_belongs_to_its_source(store, store_uri, tmp_path, how):
    name = f"helper_{uuid.uuid4().hex}"
    helper, file = tmp_path / f"{name}.py", tmp_path / "mine.py"
    helper.write_text("POWER = 2\n")
    file.write_text(
        f"from {name} import POWER\ndef objective(config):\n    return abs(config['x']) ** POWER\n"
    )
    own_search(store, SPACE, file=file, trials=2)
    if how == "changed":
        helper.write_text("POWER = 3\n")
    else:
        helper.unlink()

    def drive():
        return Driver(
            store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test"
        ).run(threading.Event())

    assert drive() is Outcome.PAUSED
    assert f"has changed: {file}, with {name}.py on " in store.searches.get("a-search").error
    helper.write_text("POWER = 2\n")
    store.searches.change("a-search", SearchStatus.RUNNING, "a test")
    assert drive() is Outcome.FINISHED
    trials = store.trials.all("a-search")
    assert [t.loss for t in trials] == [abs(t.point["x"]) ** 2 for t in trials]


def test_a_module_that_hides_one_beside_the_file_is_named(store, store_uri, tmp_path, monkeypatch):
    name = f"helper_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text("POWER = 2\n")
    file = tmp_path / "mine.py"
    file.write_text(f"import {name}\ndef objective(config):\n    return 1.0\n")
    own_search(store, SPACE, file=file, trials=1)
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / f"{name}.py").write_text("POWER = 3\n")
    monkeypatch.syspath_prepend(installed)
    driver = Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    assert driver.run(threading.Event()) is Outcome.PAUSED
    assert f"another module hides {tmp_path / name}" in store.searches.get("a-search").error


def test_one_that_never_asks_costs_no_attempt_when_its_driver_is_interrupted(
    store, store_uri, tmp_path, monkeypatch
):
    monkeypatch.setattr("alignsearch.search.driver.driver.HAND_BACK_SECONDS", 1.0)
    file, released = tmp_path / "mine.py", tmp_path / "released"
    file.write_text(
        "import time, pathlib\n"
        "def objective(config, trial):\n"
        "    trial.report(0, loss=1.0)\n"
        f"    while not pathlib.Path({str(released)!r}).exists():\n"
        "        time.sleep(0.05)\n"
        "    return 1.0\n"
    )
    own_search(store, SPACE, file=file, trials=1)
    driver = Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    interrupt = threading.Event()
    try:
        with driving(driver, interrupt) as outcome:
            wait_until(lambda: store.logs.epochs("a-search/0"))
            interrupt.set()
            wait_until(lambda: outcome)
        trial = store.trials.get("a-search/0")
        assert (trial.state, trial.attempts_spent) == (TrialState.QUEUED, 0)
        assert "did not stop" in trial.attempts["1"].error
    finally:
        released.touch()


@pytest.fixture
def package(tmp_path):
    """A package with two modules of one name, which no path leads to, and the first one's name."""
    name = f"mine_{uuid.uuid4().hex}"
    for folder in (name, f"{name}/near", f"{name}/far"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    near, far = (tmp_path / name / each / "tune.py" for each in ("near", "far"))
    far.write_text("POWER = 2\n")
    near.write_text(
        f"from {name}.far.tune import POWER\n"
        "def objective(config):\n    return abs(config['x']) ** POWER\n"
    )
    return near, far, f"{name}.near.tune"


def test_a_module_of_a_package_is_imported_with_its_neighbours(store, store_uri, package):
    near, _, module = package
    own_search(store, SPACE, file=near, module=module, trials=2)
    driver = Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    assert driver.run(threading.Event()) is Outcome.FINISHED
    trials = store.trials.all("a-search")
    assert [t.loss for t in trials] == [abs(t.point["x"]) ** 2 for t in trials]


def test_another_file_of_the_package_that_has_changed_is_noticed(store, store_uri, package):
    near, far, module = package
    own_search(store, SPACE, file=near, module=module, trials=2)
    far.write_text("POWER = 3\n")
    driver = Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    assert driver.run(threading.Event()) is Outcome.PAUSED
    assert "has changed" in store.searches.get("a-search").error


def test_another_version_of_a_package_is_a_warning(run, store):
    code = "import numpy\ndef objective(config):\n    return 1.0\n"
    run(code, trials=2, packages={"numpy": "0.1"})
    warned = [e.detail for e in store.logs.events("a-search") if e.what == "trial warned"]
    (said,) = warned
    assert "numpy is " in said
    assert "and was 0.1" in said
