"""`enqueue`, `import`, `retry` and `cancel NAME TID` as people type them."""

import json

import pytest

from alignsearch.search.documents import Trial
from alignsearch.search.store import Store

POINT = ("sigma=0.5", "alpha_over_beta=15", "beta=1e-3")
CSV = "sigma,alpha_over_beta,beta,loss\n0.5,15,1e-3,0.25\n0.25,1,1,\n"


@pytest.fixture(scope="module")
def shell(shell_in, tmp_path_factory):
    """A shell in a folder with a store and a search that nobody drives."""
    here = shell_in(tmp_path_factory.mktemp("given"))
    here.submit("mine", "--trials", "5")
    yield here
    here.end_store()


def add_failed(shell, name, tid):
    with Store.connect(shell.json("store", "status")["uri"]) as store:
        point = {"sigma": 0.1, "alpha_over_beta": 2.0, "beta": 1.0}
        for at, state in enumerate(["failed", "queued"], start=tid):
            trial = Trial(id=f"{name}/{at}", search=name, tid=at, state=state, point=point)
            store.trials.add(trial)


def test_points_are_enqueued_and_said_which_are_left_out(shell):
    said = shell.ok("enqueue", "mine", "--point", *POINT)
    assert said == (
        "1 point of mine to be tried first; it waits for a driver (`alignsearch serve`)\n"
    )
    again = shell.run("enqueue", "mine", "--point", *POINT)
    assert (again.returncode, again.stdout) == (0, "0 points of mine to be tried first\n")
    assert again.stderr.startswith("left out: the point: it waits already, enqueued by ")
    assert shell.ok("enqueue", "mine", "--published").startswith("1 point of mine")
    (shell.folder / "points.jsonl").write_text(
        json.dumps({"sigma": 0.75, "alpha_over_beta": 1, "beta": 1}) + "\n"
    )
    assert shell.ok("enqueue", "mine", "--from", "points.jsonl").startswith("1 point of mine")
    events = [(e["what"], e["detail"]) for e in shell.json("events", "mine")]
    assert events.count(("enqueued", "1 point to be tried first")) == 3


def test_results_are_imported_and_marked(shell):
    shell.submit("filled", "--trials", "5")
    (shell.folder / "results.csv").write_text(CSV)
    said = shell.ok("import", "filled", "results.csv", "--format", "csv")
    assert said == "2 results of results.csv imported into filled\n"
    found = shell.json("trials", "filled")
    assert [(t["state"], t["origin"]["kind"]) for t in found] == [("completed", "imported")] * 2
    assert "0.25" in shell.ok("best", "filled")
    shown = shell.ok("trials", "filled")
    assert shown.count("imported: results.csv, row") == 2
    # The same points, best first, for another search.
    shell.submit("next", "--trials", "5")
    said = shell.ok("enqueue", "next", "--from-search", "filled", "--top", "1")
    assert said.startswith("1 point of next to be tried first")


def test_failed_trials_are_tried_again_and_one_is_cancelled(shell):
    shell.submit("broken", "--trials", "5")
    add_failed(shell, "broken", 0)
    assert shell.ok("retry", "broken") == "1 trial of broken to try again\n"
    again = shell.run("retry", "broken", "0")
    assert again.stderr.startswith("left out: trial 0: it waits to be tried again already")
    said = shell.ok("cancel", "broken", "1")
    assert said == "trial 1 of broken is cancelled; it spends nothing of the budget\n"
    assert shell.json("status", "broken")["status"] == "queued"
    assert "is cancelled" in shell.ok("cancel", "broken")


REFUSED = {
    "no point": (["enqueue", "mine"], ["--point", "--from FILE", "--published", "--from-search"]),
    "two sources": (["enqueue", "mine", "--published", "--point", *POINT], ["one of --point"]),
    "values of nothing": (["enqueue", "mine", "--published", "beta=1"], ["'beta=1'", "--point"]),
    "no sign": (["enqueue", "mine", "--point", "sigma"], ["--point sigma", "sigma=0.5 beta=1e-3"]),
    "twice": (["enqueue", "mine", "--point", *POINT, "beta=1"], ["beta twice", "--from FILE"]),
    "outside": (["enqueue", "mine", "--point", "sigma=7", *POINT[1:]], ["sigma can't be 7"]),
    "missing": (["enqueue", "mine", "--point", *POINT[:2]], ["the point: beta is missing"]),
    "no file": (["enqueue", "mine", "--from", "absent"], ["absent can't be read: it isn't there"]),
    "itself": (["enqueue", "mine", "--from-search", "mine"], ["its own best points"]),
    "nobody": (["enqueue", "absent", "--point", *POINT], ["no search is named 'absent'"]),
    "no results": (["import", "mine"], ["FILE, or --from-mongotrials URI"]),
    "unknown format": (["import", "mine", "x", "--format", "cvs"], ["'cvs'", "did you mean csv"]),
    "no jobs": (["import", "mine", "--from-mongotrials", "http://x"], ["mongo://HOST:PORT/DATAB"]),
    "nothing failed": (["retry", "mine"], ["no trial of search 'mine' has failed"]),
    "no such trial": (["retry", "mine", "99"], ["'99'"]),
    "no trial to cancel": (["cancel", "mine", "99"], ["'99'"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(shell, case):
    asked, named = REFUSED[case]
    before = shell.json("status", "mine"), shell.json("events", "mine")
    said = shell.refused(*asked)
    assert [word for word in named if word not in said] == [], said
    assert shell.json("status", "mine")["counts"] == before[0]["counts"]
    assert shell.json("events", "mine") == before[1]
