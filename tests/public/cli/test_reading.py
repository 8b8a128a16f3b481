"""The output of the reading verbs about spaces, a finished search and the installation."""

import io
import json
import threading

import pandas as pd
import pytest
from numbers_shown import shows

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.export import read_json
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.fair import COMPARED, fair_name

VERBS = {
    ("spaces",): ["--json"],
    ("submit",): ["--trials", "--parallel", "--dataset", "--epochs", "--resources", "--wait"],
    ("serve",): ["--store", "--ray", "ALIGNSEARCH_STORE", "ALIGNSEARCH_RAY"],
    ("status",): ["--watch", "--json"],
    ("trials",): ["--csv", "--json"],
    ("show",): ["--json", "tid"],
    ("best",): ["--json"],
    ("pause",): ["running trials finish"],
    ("resume",): ["Resume"],
    ("stop",): ["for good"],
    ("cancel",): ["running trials end now"],
    ("dump",): [".gz"],
    ("load",): ["alignsearch dump"],
    ("release",): ["stuck", "tid"],
    ("events",): ["--follow", "--json"],
    ("export",): ["--published", "text, markdown, latex, csv or json", "--document", "--output"],
    ("doctor",): ["--cluster", "--ray", "--json"],
    ("hand-back",): ["--patience", "preempted"],
    ("store",): ["status", "stop"],
    ("store", "status"): ["--json"],
    ("store", "stop"): ["starts it again"],
}


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


def test_a_space_of_ones_own_is_printed_with_its_conditions(shell):
    (shell.folder / "mine.py").write_text(
        "from hyperopt import hp\n"
        'SPACE = [hp.choice("model", ["svm", {"kind": "mlp", "lr": hp.uniform("lr", 0, 1)}])]\n'
    )
    printed = shell.ok("spaces", "mine.py:SPACE")
    assert "SPACE (mine.py:SPACE)" in printed
    assert "one of svm, mlp" in printed
    assert " model = mlp " in printed
    data = shell.json("spaces", "mine.py:SPACE")
    assert data["definition"]["kind"] == "file"
    assert [each["name"] for each in data["sampled"]] == ["model", "lr"]


def test_spaces_as_data_name_all_22_rows(shell):
    spaces = shell.json("spaces")
    feedback = {"dfa", "usf", "brsf", "frsf", "pfa"}
    compared = {fair_name(rule) for rule in COMPARED}
    shipped = {"wm", "wm_ad", "wm_ad_ops", "ia", *feedback, *compared}
    assert {space["name"] for space in spaces} == shipped
    one = shell.json("spaces", "wm")
    assert one in spaces
    sampled, fixed, derived = (
        {row["name"] for row in one[kind]} for kind in ("sampled", "fixed", "derived")
    )
    assert sampled == {"sigma", "alpha_over_beta", "beta"}
    assert derived == {"sgdm_learning_rate"}
    assert len(sampled | fixed | derived) == len(sampled) + len(fixed) + len(derived) == 22


def test_the_published_columns_need_no_store(shell):
    columns = read_json(shell.ok("export", "--published", "--format", "json"))
    assert len(columns) == 4
    assert "2.8109e-8" in shell.ok("export", "--published")
    assert list(shell.folder.iterdir()) == []


def test_doctor_looks_without_a_trace(shell):
    found = {finding["what"]: finding for finding in shell.json("doctor")}
    assert {"python", "alignsearch", "tensorflow", "ray", "store"} <= found.keys()
    assert all(each["ok"] for what, each in found.items() if not what.startswith("data set"))
    assert found["data set digits"]["found"] == "1437 + 360 images"
    assert any(what.startswith("ray (on this machine)") for what in found)
    assert list(shell.folder.iterdir()) == []


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


@pytest.fixture
def pruned(store, make_search, make_driver):
    """A search of two completed trials and one that was pruned while it was ahead of both."""
    make_search(trials=2, epochs=3)
    make_driver().run(threading.Event())
    first = store.trials.get("a-search", 0)
    trial = store.trials.add(
        Trial(id="a-search/2", search="a-search", tid=2, config=first.config, point=first.point)
    )
    begun = store.attempts.begin(trial, "w", ttl=60, host="a-host", accelerator="cpu", versions={})
    held = (trial.id, 1, begun.lease.token)
    store.attempts.record_epoch(
        *held, store.logs.epochs(first.id)[0].model_copy(update={"trial": trial.id})
    )
    reason = "asha: not among the best third at epoch 1"
    store.attempts.prune(
        *held, Result(status="ok", loss=0.0, metrics={"epochs": 1.0}, reason=reason)
    )
    return reason


def test_a_search_over_a_space_that_nobody_knows_can_be_read(shell, store, store_uri, pruned):
    # Written by another version, or with a definition that is gone.
    store._db.update("searches", {"_id": "a-search"}, {"$set": {"space": "gone"}})
    here = ("--store", store_uri)
    trial = store.trials.get("a-search", 0)
    listed = pd.read_csv(io.StringIO(shell.ok("trials", "a-search", "--csv", *here)))
    assert listed["sigma"][0] == trial.config["sigma"]
    assert "completed" in shell.ok("trials", "a-search", *here)
    assert "gone on rehearsal" in shell.ok("status", "a-search", *here)
    assert "gone" in shell.ok("status", *here)
    best = store.totals.best("a-search")
    assert shows(shell.ok("show", "a-search", str(best.tid), *here), best.loss)
    assert shell.json("best", "a-search", *here)["configuration"] == best.config
    exported = read_json(shell.ok("export", "a-search", "--format", "json", *here))
    assert exported["a-search"].model_dump() == best.config
    assert "no definition is named 'gone'" in shell.refused("submit", "gone", *here)


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
    best = min((store.trials.get("a-search", tid) for tid in (0, 1)), key=lambda each: each.loss)
    exported = json.loads(shell.ok("export", "a-search", "--format", "json", *here))
    assert exported["columns"][0]["note"].startswith(f"trial {best.tid}, ")
