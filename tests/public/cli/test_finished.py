"""The verbs on a search that has finished: their output, and which of them are refused."""

import csv
import io
import json
import re

import pandas as pd
import pytest
from numbers_shown import shows

from alignsearch.search.reports.export import read_csv, read_json
from alignsearch.spaces.catalog import SPACES

SUBMIT = ("submit", "wm", "--dataset", "rehearsal")


@pytest.fixture(scope="module")
def trials(finished):
    """The finished search's trials as data."""
    return finished.json("trials", "done")


@pytest.fixture(scope="module")
def best(trials):
    """The trial of the lowest loss, found without the store's help."""
    return min(trials, key=lambda trial: trial["result"]["loss"])


def test_a_search_that_was_waited_for_tells_its_outcome(finished, best):
    outcome = finished.outcome
    assert (outcome["status"], outcome["outcome"]) == ("completed", "finished")
    assert outcome["counts"]["completed"] == outcome["trials"] == 6
    loss = best["result"]["loss"]
    assert outcome["best"] == {"tid": best["tid"], "loss": loss, "value": loss}
    assert outcome["chance"] == 0.9
    one = finished.json("status", "done")
    (same,) = (each for each in finished.json("status") if each["name"] == "done")
    # A busy machine may hold an answer up.
    assert 0 < one.pop("store_seconds") < 300 > same.pop("store_seconds") > 0
    assert one == same == {key: outcome[key] for key in one}


def test_events_say_who_did_what(finished):
    steps = finished.json("events", "done")
    assert [each["what"] for each in steps] == ["created", "running", "completed"]
    lines = finished.ok("events", "done", "--follow").splitlines()
    assert [line.split("  ")[1:] for line in lines] == [
        [each["who"], ": ".join(filter(None, (each["what"], each["detail"])))] for each in steps
    ]
    assert steps[-1]["detail"] == "all 6 trials have a result"


def test_its_log_is_an_object_a_line_that_names_search_and_trial(finished):
    logged = [json.loads(line) for line in finished.logged.splitlines()]
    assert {each["level"] for each in logged} == {"info"}
    ended = [each for each in logged if each["message"].endswith(" is completed")]
    assert sorted(each["trial"] for each in ended) == list(range(6))
    assert {(each["search"], each["state"], each["attempt"]) for each in ended} == {
        ("done", "completed", 1)
    }
    assert min(each["loss"] for each in ended) == finished.outcome["best"]["loss"]
    assert [each["time"] for each in logged] == sorted(each["time"] for each in logged)


def test_status_is_readable_too(finished, best):
    one = finished.ok("status", "done")
    assert "6 of 6 trials" in one
    assert shows(one, best["result"]["loss"])
    assert f" (trial {best['tid']}, chance 0.9000)" in one
    row = next(line for line in finished.ok("status").splitlines() if line.startswith("done "))
    assert " completed " in row
    assert " 6/6 " in row
    watched = finished.ok("status", "done", "--watch").splitlines()
    assert [f"({number}/6)" in line for number, line in enumerate(watched[:6], 1)] == [True] * 6
    assert watched[6:] == ["done is completed"]


def test_trials_as_comma_separated_values_lose_nothing(finished, trials):
    printed = finished.ok("trials", "done", "--csv")
    frame = pd.read_csv(io.StringIO(printed))
    assert list(frame["tid"]) == list(range(6))
    assert list(frame["state"]) == ["completed"] * 6
    sampled = [parameter.name for parameter in SPACES["ia"].sampled]
    assert set(sampled) < set(frame.columns)
    for row, trial in zip(csv.DictReader(io.StringIO(printed)), trials, strict=True):
        assert float(row["validation_error"]) == trial["result"]["loss"]
        assert {key: json.loads(row[key].lower()) for key in sampled} == {
            key: trial["config"][key] for key in sampled
        }


def test_trials_are_listed_for_people(finished, trials):
    listed = finished.ok("trials", "done")
    for trial in trials:
        (row,) = re.findall(rf"^{trial['tid']} .*$", listed, re.MULTILINE)
        assert shows(row, trial["result"]["loss"])
    assert listed.count(" completed ") == 6


def test_one_trial_is_shown_with_its_epochs_and_attempts(finished, trials):
    shown = finished.json("show", "done", "3")
    assert shown["trial"] == trials[3]
    assert [epoch["epoch"] for epoch in shown["epochs"]] == [1, 2]
    assert shown["epochs"][-1]["validation_loss"] == trials[3]["result"]["loss"]
    text = finished.ok("show", "done", "3")
    assert "\nForward Path Output (FO) Bias  " in text
    assert "train accuracy" in text
    assert text.rstrip().endswith("(CPU: 1): completed")


def test_the_best_trial_is_the_one_of_lowest_loss(finished, best):
    document = finished.json("best", "done")
    assert document == {
        "tid": best["tid"],
        "metric": "validation_error",
        "direction": "minimize",
        "value": best["result"]["loss"],
        "loss": best["result"]["loss"],
        "chance": 0.9,
        "configuration": best["config"],
        "confirmation": None,
    }
    named = finished.ok("best", "done")
    assert shows(named, best["result"]["loss"], "best ")
    assert f" (trial {best['tid']}" in named


@pytest.mark.parametrize(("format", "read"), [("csv", read_csv), ("json", read_json)])
def test_an_export_is_read_back_exactly(finished, best, format, read):
    configurations = read(finished.ok("export", "done", "--format", format))
    assert {title: found.model_dump() for title, found in configurations.items()} == {
        "done": best["config"]
    }


def test_an_export_beside_the_published_columns(finished, best):
    markdown = finished.ok("export", "done", "--published", "--format", "markdown")
    head, _, *rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in head.split("|")][-2] == "done"
    assert len(rows) == 22
    assert {line.count("|") for line in rows} == {7}
    batch = next(line for line in rows if "Train Batch Size" in line)
    assert batch.split("|")[-2].strip() == str(best["config"]["train_batch_size"])
    latex = finished.ok("export", "done", "--published", "--format", "latex")
    assert latex.startswith("% \\usepackage")
    whole = finished.ok("export", "done", "--published", "--format", "latex", "--document")
    assert whole.startswith("\\documentclass")
    assert latex in whole
    assert latex.count(" \\\\\n") == 23


def test_doctor_says_where_the_store_answers(finished):
    uri = finished.json("store", "status")["uri"]
    said = " ".join(finished.ok("doctor").split())
    assert f"{uri} answers in" in said


def test_retain_says_first_what_it_would_drop(finished):
    assert finished.ok("retain") == "no search that ended 30 days ago has more than is kept\n"
    said = finished.ok("retain", "--days", "0", "--keep", "2")
    assert said.splitlines()[0] == "done: would drop 8 epochs of 4 trials"
    assert finished.json("retain", "--days", "0", "--keep", "2") == {
        "dropped": False,
        "searches": [{"search": "done", "trials": 4, "epochs": 8}],
    }


def test_a_name_is_given_once(finished):
    said = finished.refused(*SUBMIT, "--name", "done")
    assert "'done'" in said
    assert "--name" in said
    assert finished.json("status", "done")["space"] == "ia"


@pytest.mark.parametrize(
    "asked",
    [
        ["status", "dome"],
        ["trials", "dome"],
        ["show", "dome", "0"],
        ["best", "dome"],
        ["export", "dome"],
        ["pause", "dome"],
        ["resume", "dome"],
        ["stop", "dome"],
        ["cancel", "dome"],
        ["release", "dome", "0"],
        ["events", "dome"],
    ],
    ids=" ".join,
)
def test_an_unknown_search_is_answered_with_its_nearest(finished, asked):
    assert finished.refused(*asked) == "no search is named 'dome'; did you mean done?"


def test_an_unknown_trial_is_answered_with_the_known_ones(finished):
    said = finished.refused("show", "done", "6")
    assert "'6'" in said
    assert "0, 1, 2, 3, 4, 5" in said


def test_a_trial_that_nobody_holds_is_not_released(finished):
    said = finished.refused("release", "done", "0")
    assert said.startswith("trial 0 of search 'done' can't be released: no worker holds it")
    assert said.endswith("it is completed")


def test_a_search_that_is_over_is_not_steered(finished):
    before = standing(finished)
    for verb in ("pause", "resume", "stop", "cancel"):
        said = finished.refused(verb, "done")
        assert "'done'" in said
        assert "it is completed" in said
    assert standing(finished) == before


def standing(shell):
    """The output of `status` for the search, without the store's response time."""
    return {k: v for k, v in shell.json("status", "done").items() if k != "store_seconds"}


def test_a_waiting_search_has_no_best_and_cannot_be_resumed(finished):
    finished.submit("waiting")
    for verb in ("best", "export"):
        said = finished.refused(verb, "waiting")
        assert "no finished trial yet" in said
        assert "alignsearch status waiting" in said
    assert "it is queued" in finished.refused("resume", "waiting")
    finished.ok("pause", "waiting")
    assert "it is paused" in finished.refused("pause", "waiting")
    assert "alignsearch resume waiting" in finished.json("status", "waiting")["waits_for"]
    assert "none of its trials ran" in finished.ok("stop", "waiting")
    assert "it is completed" in finished.refused("resume", "waiting")
    said = finished.refused("best", "waiting")
    assert "no trial of it finished" in said
    assert "alignsearch trials waiting" in said
