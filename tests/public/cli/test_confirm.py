"""`confirm` as people type it, and every view of a confirmed search."""

import json

import pytest
from confirmed_search import REPEATED, fill

import alignsearch
from alignsearch.search.store import Store


@pytest.fixture(scope="module")
def shell(shell_in, tmp_path_factory):
    """A shell in a folder with a confirmed search, one that isn't, and one that nobody drives."""
    here = shell_in(tmp_path_factory.mktemp("confirmed"))
    for name in ("confirmed", "plain", "new"):
        here.submit(name, "--trials", "4", "--parallel", "2")
    with Store.connect(here.json("store", "status")["uri"]) as store:
        fill(store, "confirmed")
        fill(store, "plain", repeated={})
    yield here
    here.end_store()


def test_every_view_names_the_best_mean(shell):
    best = shell.json("best", "confirmed")
    assert (best["tid"], best["value"]) == (2, pytest.approx(0.32))
    found = best["confirmation"]
    assert found["winner"]["values"] == list(REPEATED[2])
    assert found["winner"]["low"] < 0.32 < found["winner"]["high"]
    assert found["lucky"]["flattered"] == pytest.approx(0.22)
    said = shell.ok("best", "confirmed")
    assert said.startswith("best 0.3200 (trial 2, mean of 2 fresh seeds)\n")
    assert "trial 1, the luckiest, was 0.2000, and the mean is 0.4200: luck flattered it by" in said
    status = shell.json("status", "confirmed")
    assert (status["best"]["tid"], status["best"]["value"]) == (2, pytest.approx(0.32))
    assert status["counts"]["completed"] == 4
    note = json.loads(shell.ok("export", "confirmed", "--format", "json"))["columns"][0]["note"]
    assert note.startswith("trial 2, validation error 0.3200 ± 0.0100, the mean of 2 fresh seeds")
    assert shell.ok("trials", "confirmed").count("confirmation of trial") == 4
    assert json.loads(shell.ok("export", "plain", "--format", "json"))["columns"][0][
        "note"
    ].startswith("trial 1, validation error 0.2000 of a rehearsal")


def test_python_names_the_best_mean(shell, monkeypatch):
    monkeypatch.chdir(shell.folder)
    with alignsearch.open_search("confirmed") as search:
        best = search.best()
        assert (best.number, best.value) == (2, pytest.approx(0.32))
        assert best.confirmed.winner.losses == REPEATED[2]
        assert best.confirmed.chance < 0.1
    with alignsearch.open_search("plain") as search:
        assert (search.best().number, search.best().confirmed) == (1, None)


def test_the_cost_is_said(shell):
    took = shell.json("status", "confirmed")["took"]
    assert took["slots"] == 2
    assert took["accelerator_hours"].keys() == {"TPU"}
    assert (took["ends"], took["repetitions"]) == ({"completed": 4}, 4)
    assert took["estimated_seconds"].keys() == {"1", "2", "4"}
    said = shell.ok("status", "confirmed")
    assert " of TPU" in said
    assert "4 completed, and 4 repetitions" in said
    assert "confirmed took: 2 slots;" in shell.ok("export", "confirmed")


def test_a_completed_search_is_queued_again_for_its_repetitions(shell):
    said = shell.ok("confirm", "plain", "--top", "3", "--seeds", "2")
    assert said == (
        "plain is queued for its repetitions; "
        "it goes on where a driver runs (`alignsearch serve`)\n"
    )
    status = shell.json("status", "plain")
    assert status["status"] == "queued"
    assert shell.json("events", "plain")[-1]["what"] == "to be confirmed"
    # Asked again, it is as it was.
    shell.ok("confirm", "plain", "--top", "3", "--seeds", "2")
    assert shell.json("status", "plain")["status"] == "queued"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "has 4 trials with a result, fewer than the 12 to confirm: --top 4"),
        (("--top", "5"), "fewer than the 5 to confirm"),
        (("--top", "0"), "--top must be from 1 to 1000, not 0"),
        (("--top", "2", "--seeds", "-1"), "--seeds must be from 1 to 1000, not -1"),
        (("--top", "2", "--seeds", "1001"), "--seeds must be from 1 to 1000"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_written(shell, options, why):
    before = shell.json("events", "confirmed"), shell.json("status", "confirmed")["status"]
    assert why in shell.refused("confirm", "confirmed", *options)
    assert (
        shell.json("events", "confirmed"),
        shell.json("status", "confirmed")["status"],
    ) == before


def test_what_has_no_result_is_refused(shell):
    assert "wait for its first results" in shell.refused("confirm", "new", "--top", "1")
    assert "no search is named 'nobody'" in shell.refused("confirm", "nobody")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--top", "3"), "--top has no use without --confirm"),
        (("--seeds", "3"), "--seeds has no use without --confirm"),
        (("--confirm", "--top", "5"), "--top must be at most 4, the number of trials, not 5"),
        (("--confirm", "--seeds", "0"), "--seeds must be at least 1, not 0"),
    ],
)
def test_submit_refuses_what_can_not_be_confirmed(shell, options, why):
    refused = shell.refused(
        "submit", "wm", "--dataset", "rehearsal", "--name", "no", "--trials", "4", *options
    )
    assert why in refused


def test_a_search_is_confirmed_from_submit_to_its_table(shell):
    """Over a real Ray: its objective is deterministic, so that each is repeated once."""
    said = shell.ok(
        *("submit", "wm", "--dataset", "rehearsal", "--epochs", "1", "--name", "whole"),
        *("--trials", "6", "--parallel", "2", "--resources", "CPU=0.1"),
        *("--confirm", "--top", "3", "--seeds", "2", "--wait"),
    )
    assert "(repeats trial " in said
    assert "confirmed: validation error" in said
    found = [t for t in shell.json("trials", "whole") if t["origin"]]
    assert sorted(t["origin"]["repeat"] for t in found) == [1, 1, 1]
    assert shell.json("status", "whole")["status"] == "completed"
