"""Ask and tell: leased trials for programs that evaluate by themselves, each result once."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pandas as pd
import pytest
from hyperopt import hp

import alignsearch
from alignment_core.errors import ConfigurationError
from alignsearch.cli.app import app
from alignsearch.search.documents.errors import (
    ForeignSearchError,
    StaleAttemptError,
    StateConflictError,
)
from alignsearch.search.documents.states import TrialState

SPACE = {"x": hp.uniform("x", -1, 1), "kind": hp.choice("kind", ["a", {"y": hp.randint("y", 9)}])}
ASK_AND_WAIT = """
import sys, threading
import alignsearch
search = alignsearch.open_search("asked", store=sys.argv[1])
asked = search.ask()
print(asked.number, asked.config["x"], flush=True)
threading.Event().wait()
"""


@pytest.fixture
def make(store_uri):
    """Submit a search without an objective, and open it as often as asked."""
    opened = []

    def submit(**options):
        options = {"trials": 6, "startup": 2, "name": "asked", **options}
        opened.append(alignsearch.Search(SPACE).submit(store=store_uri, **options))
        return opened[-1]

    yield submit
    for each in opened:
        each.close()
    # A thread that went on would ask a closed store for ever.
    assert not [each for each in threading.enumerate() if "heartbeat of asked/" in each.name]


def objective(config):
    more = config["kind"]["y"] / 10 if isinstance(config["kind"], dict) else 0.0
    return config["x"] ** 2 + more


def test_repetitions_of_the_best_are_asked_for_on_seeds_of_their_own(make):
    search = make(confirm=True, top=2, seeds=2)
    asked = []
    while (trial := search.ask()) is not None:
        asked.append(trial)
        search.tell(trial, objective(trial.config) + trial.seed / 2**40)
    assert search.status == "completed"
    own, again = asked[:6], asked[6:]
    assert 2 <= len(again) <= 4
    assert {tuple(each.point.items()) for each in again} <= {
        tuple(each.point.items()) for each in own
    }
    assert len({each.seed for each in asked}) == len(asked)
    assert search.best().number in range(6)
    assert search.best().confirmed.repetitions == len(again)


def test_a_search_that_waits_for_a_program_is_sent_to_no_driver(make, capsys, store_uri):
    search = make()
    while (trial := search.ask()) is not None:
        search.tell(trial, objective(trial.config))
    for command in (
        ["confirm", search.name, "--top", "2"],
        ["extend", search.name, "--trials", "9"],
    ):
        app([*command, "--store", store_uri], standalone_mode=False)
        said = capsys.readouterr().out
        assert "once a program asks for its trials" in said
        assert "serve" not in said


def test_a_loop_of_ones_own_gets_each_trial_once_and_ends_the_search(make):
    search = make()
    numbers = []
    while (trial := search.ask()) is not None:
        numbers.append(trial.number)
        assert -1 <= trial.config["x"] <= 1
        assert trial.point["x"] == trial.config["x"]
        search.tell(trial, objective(trial.config))
    assert numbers == list(range(6))
    assert search.status == "completed"
    frame = search.trials()
    assert frame["loss"].tolist() == [
        objective({"x": x, "kind": {"y": y} if kind != "a" else kind})
        for x, kind, y in zip(
            frame["x"], frame["kind"].astype(str), frame["y"].fillna(0), strict=True
        )
    ]
    assert search.best().loss == frame["loss"].min()


def test_the_same_loop_gives_the_same_points_whatever_process_asks(make, store_uri):
    one, other = make(name="one"), make(name="other")
    for _ in range(6):
        trial = one.ask()
        one.tell(trial, objective(trial.config))
        with alignsearch.open_search("other", store=store_uri) as again:
            same = again.ask()
            again.tell(same, objective(same.config))
        assert same.point == trial.point
        assert same.seed == trial.seed
    assert other.status == "completed"


def test_several_processes_ask_at_once_and_no_trial_is_given_twice(make, store_uri):
    search = make(trials=12)
    code = """
import sys
import alignsearch
with alignsearch.open_search("asked", store=sys.argv[1]) as search:
    while (trial := search.ask()) is not None:
        print(trial.number, flush=True)
        search.tell(trial, trial.config["x"] ** 2)
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, store_uri], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [each.communicate(timeout=600)[0] for each in running]
    assert [each.returncode for each in running] == [0, 0, 0]
    given = sorted(int(line) for out in printed for line in out.split())
    assert given == list(range(12))
    assert search.status == "completed"
    assert search.trials()["attempts"].tolist() == [1] * 12


def test_a_killed_process_loses_its_trial_to_the_next_that_asks(make, store, store_uri):
    search = make(lease=600.0)
    command = [sys.executable, "-c", ASK_AND_WAIT, store_uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        number, x = process.stdout.readline().split()
        assert int(number) == 0
        assert search.ask().number == 1
        os.kill(process.pid, signal.SIGKILL)
    # Until its lease has expired, others are given.
    assert search.ask().number == 2
    passed = {"$set": {"lease.expires_at": store.now() - timedelta(seconds=1)}}
    assert store._db.update("trials", {"_id": "asked/0"}, passed)
    with alignsearch.open_search("asked", store=store_uri) as other:
        again = other.ask()
        assert (again.number, again.attempt) == (0, 2)
        assert again.config["x"] == float(x)
        other.tell(again, 0.5)
    assert search.trials()["loss"][0] == 0.5


def test_a_result_is_recorded_once_and_by_its_holder(make, store):
    search = make()
    first = search.ask()
    search.tell(first, 0.25)
    # A response may be lost, and is sent again.
    search.tell(first, 0.25)
    second = search.ask()
    store.attempts.release(second.id, "by somebody")
    with pytest.raises(StaleAttemptError, match="no longer holds trial 1"):
        search.tell(second, 0.1)
    assert search.trials()["loss"].dropna().tolist() == [0.25]
    again = search.ask()
    assert (again.number, again.attempt, again.point) == (1, 2, second.point)


def test_another_result_is_refused_and_the_first_one_kept(make):
    search = make()
    for first, same, others in (
        (0.25, {"loss": 0.25}, [0.5, float("nan"), {"loss": 0.25, "size": 3.0}]),
        (float("nan"), {"loss": float("nan")}, [0.5, {"status": "fail"}]),
        ({"loss": 1.0, "size": 3, "note": "a"}, {"size": 3.0, "loss": 1}, [1.0]),
    ):
        trial = search.ask()
        search.tell(trial, first)
        before = search.trials()
        search.tell(trial, same)
        for other in others:
            said = f"trial {trial.number} of search 'asked' was told another result before"
            with pytest.raises(StateConflictError, match=said):
                search.tell(trial, other)
        pd.testing.assert_frame_equal(search.trials(), before)


def test_what_is_no_loss_is_refused_and_a_failure_is_learnt_from(make):
    search = make()
    trial = search.ask()
    for wrong in (None, "0.5", True, {"accuracy": 1.0}):
        with pytest.raises(ConfigurationError, match="tell"):
            search.tell(trial, wrong)
    search.tell(trial, float("nan"))
    other = search.ask()
    search.tell(other, {"status": "fail", "reason": "it broke"})
    frame = search.trials()
    assert frame["state"].tolist() == ["completed", "completed"]
    assert frame["loss"].isna().all()
    assert "nan" in frame["reason"][0]
    assert frame["reason"][1] == "it broke"


def test_a_paused_or_stopped_search_gives_nothing(make):
    search = make()
    held = search.ask()
    search.pause()
    assert search.ask() is None
    search.resume()
    search.stop()
    assert search.ask() is None
    search.tell(held, 1.0)
    assert search.status == "completed"
    assert len(search.trials()) == 1


def test_closing_gives_back_what_is_held(make, store, store_uri):
    make()
    with alignsearch.open_search("asked", store=store_uri) as search:
        trial = search.ask()
    assert store.trials.get(trial.id).state is TrialState.QUEUED
    with alignsearch.open_search("asked", store=store_uri) as search:
        assert search.ask().number == trial.number


def test_a_search_with_an_objective_gives_no_trials(make_search, store_uri):
    make_search()
    with (
        alignsearch.open_search("a-search", store=store_uri) as search,
        pytest.raises(StateConflictError, match="has an objective, which workers evaluate"),
    ):
        search.ask()


def test_it_cannot_be_run(make):
    with pytest.raises(StateConflictError, match=r"asked for, by ask\(\)"):
        make().run(show=False)


def test_an_option_none_and_a_metric_named_as_a_column_keep_their_columns(store_uri):
    space = {
        "depth": hp.choice("depth", [None, 3, "all"]),
        "kind": hp.choice("kind", ["a", {"deep": hp.choice("deep", [None, True])}]),
    }
    submitted = alignsearch.Search(space, metric="state", direction="maximize").submit(
        store=store_uri, trials=12, startup=12, name="none"
    )
    with submitted as search:
        given = {}
        while (trial := search.ask()) is not None:
            given[trial.number] = trial.config
            search.tell(trial, trial.number)
        frame = search.trials()
    assert (frame["state"] == "completed").all()
    assert frame["metrics.state"].tolist() == list(range(12))
    for number, config in given.items():
        depth = config["depth"]
        assert frame["depth"][number] == ("None" if depth is None else depth)
        if config["kind"] == "a":
            assert pd.isna(frame["deep"][number])
        else:
            deep = config["kind"]["deep"]
            assert frame["deep"][number] == ("None" if deep is None else deep)
    assert {"None"} < set(frame["depth"])
    assert frame["deep"].isna().any()
    assert "None" in set(frame["deep"])


def test_the_name_of_no_objective_is_refused(store_uri):
    search = alignsearch.Search(SPACE, "somewhere:objective")
    with pytest.raises(ConfigurationError, match="no objective is named 'somewhere:objective'"):
        search.submit(store=store_uri, trials=2)


def test_a_trial_is_told_to_its_own_search_only(make):
    one, other = make(name="one"), make(name="other")
    asked = one.ask()
    other.ask()
    with pytest.raises(ForeignSearchError, match="none of search 'other'"):
        other.tell(asked, 0.5)
    one.tell(asked, 0.25)
    assert one.best().value == 0.25


def test_a_handle_keeps_to_its_search_when_another_one_has_got_the_name(make):
    first = make()
    asked = first.ask()
    first.tell(asked, 0.5)
    held = first.ask()
    first.cancel()
    first.delete()
    second = make()
    second.tell(second.ask(), 0.25)
    for verb in (first.ask, first.best, first.trials, first.summary, first.pause, first.delete):
        with pytest.raises(ForeignSearchError, match="deleted or renamed since it was opened"):
            verb()
    with pytest.raises(StaleAttemptError):
        first.tell(held, 0.0)
    assert [trial.value for trial in second.best_trials()] == [0.25]
    assert list(second.trials().state) == ["completed"]


@pytest.mark.parametrize("told", [0, "asked/0", None, {"number": 0}])
def test_what_is_no_trial_is_refused(make, told):
    search = make()
    search.ask()
    with pytest.raises(ConfigurationError, match=f"not {type(told).__name__}"):
        search.tell(told, 0.5)
