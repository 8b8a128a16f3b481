"""What the reading verbs print about spaces, a finished search and the installation."""

import csv
import io
import json
import threading

import pandas as pd
import pytest

from search.documents import Result, Trial
from search.export import read_csv, read_json
from search.states import TrialState
from search.summary import read_summary
from spaces.catalog import SPACES

VERBS = {
    ("spaces",): ["--json"],
    ("submit",): ["--trials", "--parallel", "--dataset", "--epochs", "--resources", "--wait"],
    ("serve",): ["--store", "--ray", "ALIGNSEARCH_STORE", "ALIGNSEARCH_RAY"],
    ("status",): ["--watch", "--json"],
    ("trials",): ["--csv", "--json"],
    ("show",): ["--json", "tid"],
    ("best",): ["--json"],
    ("pause",): ["running ones finish"],
    ("resume",): ["go on"],
    ("stop",): ["for good"],
    ("cancel",): ["running trials now"],
    ("dump",): [".gz"],
    ("load",): ["alignsearch dump"],
    ("release",): ["stuck", "tid"],
    ("events",): ["--follow", "--json"],
    ("export",): ["--format", "--published", "markdown, latex, csv or json"],
    ("doctor",): ["--cluster", "--ray", "--json"],
    ("hand-back",): ["--patience", "preempted"],
    ("store",): ["status", "stop"],
    ("store", "status"): ["--json"],
    ("store", "stop"): ["starts it again"],
}


@pytest.fixture(scope="module")
def trials(finished):
    """The finished search's trials as data."""
    return finished.json("trials", "done")


@pytest.fixture(scope="module")
def best(trials):
    """The trial of the lowest loss, found without the store's help."""
    return min(trials, key=lambda trial: trial["result"]["loss"])


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_says_what_it_takes(shell, verb):
    helped = " ".join(shell.ok(*verb, "--help").split())
    assert f"Usage: alignsearch {' '.join(verb)}" in helped
    assert [word for word in VERBS[verb] if word not in helped] == []
    assert list(shell.folder.iterdir()) == []


def test_help_lists_every_verb(shell):
    helped = shell.ok("--help")
    assert [verb for verb, *_ in VERBS if f"│ {verb} " not in helped] == []


def test_spaces_are_printed_with_each_range_and_its_source(shell):
    printed = shell.ok("spaces")
    for name, space in SPACES.items():
        assert f"{name} (Kunin et al. 2020, App. B.1" in printed
        assert [p.name for p in space.sampled if f" {p.name} " not in printed] == []
    one = shell.ok("spaces", "ia")
    assert "log-uniform in [1e-11, 1e7]" in one
    assert "wm_ad" not in one
    assert list(shell.folder.iterdir()) == []


def test_spaces_as_data_name_all_22_rows(shell):
    spaces = shell.json("spaces")
    assert {space["name"] for space in spaces} == {"wm", "wm_ad", "wm_ad_ops", "ia"}
    one = shell.json("spaces", "wm")
    assert one in spaces
    sampled, fixed, derived = (
        {row["name"] for row in one[kind]} for kind in ("sampled", "fixed", "derived")
    )
    assert sampled == {"sigma", "alpha_over_beta", "beta"}
    assert derived == {"sgdm_learning_rate"}
    assert len(sampled | fixed | derived) == len(sampled) + len(fixed) + len(derived) == 22


def test_a_search_that_was_waited_for_tells_its_outcome(finished, best):
    outcome = finished.outcome
    assert (outcome["status"], outcome["outcome"]) == ("completed", "finished")
    assert outcome["counts"]["completed"] == outcome["trials"] == 6
    assert outcome["best"] == {"tid": best["tid"], "loss": best["result"]["loss"]}
    assert outcome["chance"] == 0.9
    one = finished.json("status", "done")
    (same,) = (each for each in finished.json("status") if each["name"] == "done")
    assert 0 < one.pop("store_seconds") < 20 > same.pop("store_seconds") > 0
    assert one == same == {key: outcome[key] for key in one}


def test_events_say_who_did_what(finished):
    steps = finished.json("events", "done")
    assert [each["what"] for each in steps] == ["created", "running", "completed"]
    lines = finished.ok("events", "done", "--follow").splitlines()
    assert [line.split("  ")[1:] for line in lines] == [[e["who"], e["what"]] for e in steps]


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
    assert f"{best['result']['loss']:.4f} (trial {best['tid']}, chance 0.9000)" in one
    row = next(line for line in finished.ok("status").splitlines() if " done " in line)
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
        assert f" {trial['result']['loss']:.4g} " in listed
    assert listed.count(" completed ") == 6


def test_one_trial_is_shown_with_its_epochs_and_attempts(finished, trials):
    shown = finished.json("show", "done", "3")
    assert shown["trial"] == trials[3]
    assert [epoch["epoch"] for epoch in shown["epochs"]] == [1, 2]
    assert shown["epochs"][-1]["validation_loss"] == trials[3]["result"]["loss"]
    text = finished.ok("show", "done", "3")
    assert "| Forward Path Output (FO) Bias" in text
    assert "train accuracy" in text
    assert text.rstrip().endswith("(CPU: 1): completed")


def test_the_best_trial_is_the_one_of_lowest_loss(finished, best):
    document = finished.json("best", "done")
    assert document == {
        "tid": best["tid"],
        "loss": best["result"]["loss"],
        "chance": 0.9,
        "configuration": best["config"],
    }
    assert f"best {best['result']['loss']:.4f} (trial {best['tid']}" in finished.ok("best", "done")


@pytest.mark.parametrize(("format", "read"), [("csv", read_csv), ("json", read_json)])
def test_an_export_is_read_back_exactly(finished, best, format, read):
    configurations = read(finished.ok("export", "done", "--format", format))
    assert {title: found.model_dump() for title, found in configurations.items()} == {
        "done": best["config"]
    }


def test_an_export_beside_the_published_columns(finished, best):
    markdown = finished.ok("export", "done", "--published")
    head, _, *rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in head.split("|")][-2] == "done"
    assert len(rows) == 22
    assert {line.count("|") for line in rows} == {7}
    batch = next(line for line in rows if "Train Batch Size" in line)
    assert batch.split("|")[-2].strip() == str(best["config"]["train_batch_size"])
    latex = finished.ok("export", "done", "--published", "--format", "latex")
    assert latex.startswith("\\documentclass")
    assert latex.count(" \\\\\n") == 23


def test_the_published_columns_need_no_store(shell):
    columns = read_json(shell.ok("export", "--published", "--format", "json"))
    assert len(columns) == 4
    assert "2.8109×10^{-8}" in shell.ok("export", "--published")
    assert list(shell.folder.iterdir()) == []


def test_doctor_looks_without_a_trace(shell):
    found = {finding["what"]: finding for finding in shell.json("doctor")}
    assert {"python", "alignsearch", "tensorflow", "ray", "store"} <= found.keys()
    assert all(each["ok"] for what, each in found.items() if not what.startswith("data set"))
    assert found["data set digits"]["found"] == "1437 + 360 images"
    assert any(what.startswith("ray (on this machine)") for what in found)
    assert list(shell.folder.iterdir()) == []


def test_doctor_says_where_the_store_answers(finished):
    uri = finished.json("store", "status")["uri"]
    said = " ".join(finished.ok("doctor").split())
    assert f"{uri} answers in" in said


def test_the_store_of_a_folder_stops_and_starts_again(shell):
    assert "no store" in shell.ok("store", "status")
    assert shell.json("status") == []
    assert list(shell.folder.iterdir()) == []
    shell.submit("kept")
    running = shell.json("store", "status")
    assert running["running"] is True
    assert running["data_bytes"] > 0
    shell.ok("store", "stop")
    assert "no embedded store runs" in shell.ok("store", "stop")
    stopped = shell.json("store", "status")
    assert (stopped["running"], stopped["uri"], stopped["pid"]) == (False, None, None)
    assert [search["name"] for search in shell.json("status")] == ["kept"]


def test_retain_says_first_what_it_would_drop(finished):
    assert finished.ok("retain") == "no search that ended 30 days ago has more than is kept\n"
    said = finished.ok("retain", "--days", "0", "--keep", "2")
    assert said.splitlines()[0] == "done: would drop 8 epochs of 4 trials"
    assert finished.json("retain", "--days", "0", "--keep", "2") == {
        "dropped": False,
        "searches": [{"search": "done", "trials": 4, "epochs": 8}],
    }


@pytest.fixture
def pruned(store, make_search, make_driver):
    """A search of two completed trials and one that was pruned while it was ahead of both."""
    make_search(trials=2, epochs=3)
    make_driver().run(threading.Event())
    first = store.get_trial("a-search", 0)
    trial = store.add_trial(
        Trial(id="a-search/2", search="a-search", tid=2, config=first.config, point=first.point)
    )
    begun = store.begin_attempt(trial, "w", ttl=60, host="a-host", accelerator="cpu", versions={})
    held = (trial.id, 1, begun.lease.token)
    store.record_epoch(*held, store.epochs(first.id)[0].model_copy(update={"trial": trial.id}))
    reason = "asha: not among the best third at epoch 1"
    store.prune(*held, Result(status="ok", loss=0.0, metrics={"epochs": 1.0}, reason=reason))
    return reason


def test_a_pruned_trial_is_listed_with_its_reason_and_never_exported(
    shell, store, store_uri, pruned
):
    here = ("--store", store_uri)
    listed = pd.read_csv(io.StringIO(shell.ok("trials", "a-search", "--csv", *here)))
    row = listed[listed["tid"] == 2].iloc[0]
    assert (row["state"], row["validation_error"], row["epoch"]) == ("pruned", 0.0, "1/3")
    assert (row["host"], row["note"]) == ("a-host", pruned)
    assert sorted(listed["state"]) == ["completed", "completed", "pruned"]
    assert read_summary(store, "a-search").counts[TrialState.PRUNED] == 1
    best = min((store.get_trial("a-search", tid) for tid in (0, 1)), key=lambda each: each.loss)
    exported = json.loads(shell.ok("export", "a-search", "--format", "json", *here))
    assert exported["columns"][0]["note"].startswith(f"trial {best.tid}, ")
