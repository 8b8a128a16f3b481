"""Results from elsewhere as finished trials: from CSV, or refused by row and column."""

import os

import numpy as np
import pytest
from driving import NEVER
from nested_search import SPACE, a_search
from suggestions import random_point

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.trials import _csv
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.reports.best import best_column
from alignsearch.search.reports.trial_table import columns_of, row_of
from alignsearch.search.use_cases import steering
from alignsearch.search.use_cases.importing import import_csv_text, import_file
from alignsearch.spaces.catalog import get_space

WM = get_space("wm")
HEAD = "sigma,alpha_over_beta,beta,loss\n"
PLAIN = HEAD + "0.5,15,1e-3,0.25\n0.25,1,1,\n0.125,2,1,0.75\n"


def csv_import(store, name, folder, text):
    file = folder / "results.csv"
    file.write_text(text)
    return import_file(store, name, file, "csv", "ann")


def test_a_plain_csv_of_losses_becomes_finished_trials(store, make_search, tmp_path):
    make_search()
    done = csv_import(store, "a-search", tmp_path, PLAIN)
    trials = store.trials.all("a-search")
    assert [trial.point for trial in trials] == [
        {"sigma": 0.5, "alpha_over_beta": 15.0, "beta": 0.001},
        {"sigma": 0.25, "alpha_over_beta": 1.0, "beta": 1.0},
        {"sigma": 0.125, "alpha_over_beta": 2.0, "beta": 1.0},
    ]
    assert [trial.config for trial in trials] == [WM.resolve(trial.point) for trial in trials]
    assert [(trial.state, trial.loss) for trial in trials] == [
        (TrialState.COMPLETED, 0.25),
        (TrialState.COMPLETED, None),
        (TrialState.COMPLETED, 0.75),
    ]
    assert trials[1].result.status == "fail"
    assert {trial.origin.kind for trial in trials} == {"imported"}
    assert trials[0].origin.note == "results.csv, row 2"
    assert (len(done.points), done.left_out, done.waits) == (3, (), False)
    assert store.totals.best("a-search").tid == 0
    # A table's note says where it was evaluated, and nothing of this search's recipe.
    note = best_column(store, "a-search").note
    assert note == "trial 0, validation error 0.2500; imported: results.csv, row 2."
    done = [(event.who, event.what, event.detail) for event in store.logs.events("a-search")]
    assert done[-1] == ("ann", "imported", "3 results of results.csv")


def test_importing_again_adds_only_what_is_new(store, make_search, tmp_path):
    make_search()
    csv_import(store, "a-search", tmp_path, PLAIN)
    again = csv_import(store, "a-search", tmp_path, PLAIN)
    assert again.points == []
    assert again.left_out == tuple(
        f"results.csv, row {row}: it was imported before" for row in (2, 3, 4)
    )
    more = csv_import(store, "a-search", tmp_path, PLAIN + "0.5,15,1e-3,0.5\n0.5,15,1e-3,0.5\n")
    # Another loss at the same point is another result; the very same one is not.
    assert [point.result.loss for point in more.points] == [0.5]
    assert more.left_out[-1] == "results.csv, row 6: it is the same as results.csv, row 5"
    assert len(store.trials.all("a-search")) == 4


def test_an_import_that_died_is_completed_by_its_repetition(store, make_search, tmp_path):
    make_search()
    csv_import(store, "a-search", tmp_path, PLAIN)
    # As if it had died after the points were counted, before any was a trial.
    store._db.delete("trials", {"search": "a-search"})
    again = csv_import(store, "a-search", tmp_path, PLAIN)
    assert again.points == []
    assert [trial.loss for trial in store.trials.all("a-search")] == [0.25, None, 0.75]
    assert [e.what for e in store.logs.events("a-search")].count("imported") == 1


def test_the_csv_that_trials_prints_is_imported_whatever_its_metric(store, tmp_path):
    """A search over a tree whose accuracy is maximized, with a diverged, a failed and a pruned
    trial: what has a result comes over, with the same metric and the same point."""
    source = store.searches.create(a_search("source"))
    rng = np.random.default_rng(5)
    points = [random_point(SPACE, rng) for _ in range(4)]
    rows = [("completed", -0.75), ("completed", None), ("pruned", -0.25), ("failed", None)]
    documents = [
        {"tid": tid, "point": point, "state": state, "loss": loss}
        for tid, (point, (state, loss)) in enumerate(zip(points, rows, strict=True))
    ]
    trials = [_trial(source, **each) for each in documents]
    columns = columns_of(source, trials)
    text = _csv(columns, [row_of(source, trial, columns) for trial in trials])
    store.searches.create(a_search("nested"))
    done = csv_import(store, "nested", tmp_path, text)
    found = store.trials.all("nested")
    assert [trial.point for trial in found] == points[:3]
    assert [(trial.state, trial.loss) for trial in found] == [
        (TrialState.COMPLETED, -0.75),
        (TrialState.COMPLETED, None),
        (TrialState.PRUNED, -0.25),
    ]
    assert found[1].result.reason == "its loss is nan"
    assert done.left_out == ("1 without a result: queued, running, failed or cancelled",)
    # Rows that are told apart by their number are all there, though two are alike.
    alike = text + text.splitlines()[1].replace("0,", "9,", 1) + "\n"
    assert len(csv_import(store, "nested", tmp_path, alike).points) == 1


def _trial(search, tid, point, state, loss):
    result = Result(status="ok", loss=loss) if loss is not None else None
    if state == "completed" and result is None:
        result = Result(status="fail", reason="its loss is nan")
    return Trial(
        id=f"{search.name}/{tid}",
        search=search.name,
        tid=tid,
        state=state,
        point=point,
        config=SPACE.resolve(point),
        result=result,
    )


def test_a_searchs_own_results_are_not_told_to_it_twice(store, make_search, make_driver, tmp_path):
    search = make_search(trials=3)
    make_driver().run(NEVER)
    trials = store.trials.all("a-search")
    columns = columns_of(search, trials)
    text = _csv(columns, [row_of(search, trial, columns) for trial in trials])
    done = csv_import(store, "a-search", tmp_path, text)
    assert done.points == []
    assert done.left_out[0].endswith("row 2: trial 0 has this point and this result")
    assert store.trials.all("a-search") == trials
    # A search that is over gets results, too, and stays over.
    assert len(csv_import(store, "a-search", tmp_path, PLAIN).points) == 3
    assert len(store.trials.all("a-search")) == 6
    assert store.searches.get("a-search").status is SearchStatus.COMPLETED


WRONG = {
    "no results": (
        "sigma,alpha_over_beta,beta\n0.5,15,1\n",
        r"row 1: it lacks the results' column",
    ),
    "NaN": (HEAD + "0.5,15,1,nan\n", r"row 2, column 'loss': nan is no result; leave the cell"),
    "infinity": (HEAD + "0.5,15,1,1\n0.5,15,1,-inf\n", r"row 3, column 'loss': -inf is no result"),
    "a digit's separator": (HEAD + "0.5,15,1,1_000\n", r"'loss': '1_000' is no number"),
    "and one of a value": (HEAD + "0.5,1_5,1,1\n", r"row 2: alpha_over_beta can't be 1_5: "),
    "words": (HEAD + "0.5,15,1,good\n", r"row 2, column 'loss': 'good' is no number"),
    "out of range": (HEAD + "0.5,15,1,1\n7,15,1,1\n", r"row 3: sigma can't be 7: it is uniform"),
    "another header": ("lr,score\n1,2\n", r"row 1, column 1: 'lr' is no dimension"),
    "a column missing": ("sigma,beta,loss\n1,2,3\n", r"row 1: it lacks the column alpha_over_beta"),
    "an odd state": (
        "tid,state,validation_error,sigma,alpha_over_beta,beta\n0,won,1,0.5,15,1\n",
        r"row 2, column 'state': 'won' is none of",
    ),
    "no row": (HEAD, "results.csv has no result"),
    "unfinished rows only": (
        "state,loss,sigma,alpha_over_beta,beta\nrunning,,0.5,15,1\n",
        "has no result; 1 without a result",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_csv_that_is_none_of_results_is_refused_by_row_and_column(
    store, make_search, tmp_path, case
):
    make_search()
    text, said = WRONG[case]
    with pytest.raises(ConfigurationError, match=said):
        csv_import(store, "a-search", tmp_path, text)
    assert store.points.all("a-search") == []
    assert store.trials.all("a-search") == []
    assert [event.what for event in store.logs.events("a-search")] == ["created"]


def test_searches_that_can_not_go_on_and_unknown_formats_are_refused(store, make_search, tmp_path):
    make_search()
    (tmp_path / "results.csv").write_text(PLAIN)
    with pytest.raises(UnknownNameError, match=r"import format.*did you mean csv"):
        import_file(store, "a-search", tmp_path / "results.csv", "cvs", "ann")
    with pytest.raises(ConfigurationError, match="--study names a study of Optuna's"):
        import_file(store, "a-search", tmp_path / "results.csv", "csv", "ann", "mirror")
    steering.cancel(store, "a-search", "bob")
    with pytest.raises(StateConflictError, match="was cancelled"):
        csv_import(store, "a-search", tmp_path, PLAIN)
    assert store.points.all("a-search") == []


def test_a_file_may_have_any_name(store, make_search, tmp_path):
    make_search()
    file = tmp_path / os.fsdecode(b"r\xffsults.csv")
    file.write_text(PLAIN)
    assert len(import_file(store, "a-search", file, "csv", "ann").points) == 3
    assert store.trials.get("a-search", 0).origin.note == "r?sults.csv, row 2"


def test_a_text_that_no_store_can_hold_is_refused(store, make_search):
    make_search()
    for text in (PLAIN + "\ud800", PLAIN + "\0"):
        with pytest.raises(ConfigurationError, match="the table can't be read: it is no"):
            import_csv_text(store, "a-search", text, "ann")
    assert store.points.all("a-search") == []
