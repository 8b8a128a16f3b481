"""Points to be tried first: from values, files, Table 5 and other searches, or refused."""

import json

import numpy as np
import pytest
from nested_search import SPACE, a_search
from suggestions import random_point

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.use_cases import enqueueing, steering
from alignsearch.search.use_cases.enqueueing import Wanted, enqueue, of_file, of_search, of_table5
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.table5 import PUBLISHED

WM = get_space("wm")
WM_POINT = {"sigma": 0.5, "alpha_over_beta": 15.0, "beta": 1e-3}
FOREST = {"model": "forest", "trees": 20, "depth": None, "scale %": -1.5}


def finished(store, name, points, **fields):
    """Add a completed trial of each point, the first one the best."""
    space, search = fields.pop("space", WM), store.searches.get(name)
    store.trials.add_many(
        [
            Trial(
                id=Trial.key(name, tid),
                search=name,
                tid=tid,
                state=TrialState.COMPLETED,
                point=point,
                config=space.resolve(point),
                result=Result(status="ok", loss=float(tid)),
                resources=search.resources,
                **fields,
            )
            for tid, point in enumerate(points)
        ]
    )


def test_points_are_stored_with_who_and_an_event(store, make_search):
    make_search()
    given = enqueue(store, "a-search", [Wanted(WM_POINT, note="a hunch")], "ann")
    (point,) = given.points
    assert (point.number, point.kind, point.point) == (0, "enqueued", WM_POINT)
    assert (point.by, point.note, given.left_out) == ("ann", "a hunch", ())
    assert store.points.all("a-search") == [point]
    assert given.search.enqueued == 1
    done = [(event.who, event.what, event.detail) for event in store.logs.events("a-search")]
    assert done[-1] == ("ann", "enqueued", "1 point to be tried first")


def test_a_point_is_there_once_however_often_it_is_given(store, make_search):
    make_search()
    both = [Wanted(WM_POINT, "row 2"), Wanted({**WM_POINT, "alpha_over_beta": "15"}, "row 3")]
    given = enqueue(store, "a-search", both, "ann")
    assert len(given.points) == 1
    assert given.left_out == ("row 3: it is the same as row 2",)
    again = enqueue(store, "a-search", both[:1], "bob")
    assert again.points == []
    assert again.left_out == ("row 2: it waits already, enqueued by ann",)
    assert len(store.points.all("a-search")) == 1
    assert [e.who for e in store.logs.events("a-search") if e.what == "enqueued"] == ["ann"]


def test_a_point_that_was_tried_is_left_out_unless_it_failed(store, make_search):
    make_search()
    rng = np.random.default_rng(0)
    points = [random_point(WM, rng) for _ in range(3)]
    finished(store, "a-search", points[:2])
    failed = Trial(id="a-search/2", search="a-search", tid=2, state="failed", point=points[2])
    store.trials.add(failed)
    given = enqueue(store, "a-search", [Wanted(p, f"point {n}") for n, p in enumerate(points)], "a")
    assert [point.point for point in given.points] == points[2:]
    assert given.left_out == (
        "point 0: trial 0 (completed) has this point already",
        "point 1: trial 1 (completed) has this point already",
    )


def test_a_command_that_died_is_completed_by_its_repetition(store, make_search):
    make_search()
    wanted = [Wanted({**WM_POINT, "sigma": sigma}) for sigma in (0.1, 0.2, 0.3)]
    (first, *_) = enqueue(store, "a-search", wanted, "ann").points
    # As if it had died after its first insert: one point is there, and nobody knows.
    store._db.delete("points", {"_id": {"$in": ["a-search/1", "a-search/2"]}})
    store._db.update("searches", {"_id": "a-search"}, {"$set": {"enqueued": 0}})
    store._db.delete("events", {"what": "enqueued"})
    again = enqueue(store, "a-search", wanted, "ann")
    assert [point.point["sigma"] for point in again.points] == [0.1, 0.2, 0.3]
    assert again.points[0] == first
    assert again.search.enqueued == 3
    assert [e.detail for e in store.logs.events("a-search") if e.what == "enqueued"] == [
        "3 points to be tried first"
    ]
    # As if it had died before the points were counted: no second event.
    store._db.update("searches", {"_id": "a-search"}, {"$set": {"enqueued": 0}})
    assert len(enqueue(store, "a-search", wanted, "ann").points) == 3
    assert len([e for e in store.logs.events("a-search") if e.what == "enqueued"]) == 1


CSV = """\
model,trees,depth,C,kernel,gamma,$deepest,scale %
forest,20,None,,,,,-1.5
machine,,,1.0,rbf,2.0,,0
"""
JSON_LINES = """\
{"model": "forest", "trees": 20, "depth": null, "scale %": -1.5}

{"model": "machine", "svm.C": 1, "kernel": "rbf", "gamma": 2, "scale %": 0}
"""
ROWS = [FOREST, {"model": "machine", "svm.C": 1.0, "kernel": "rbf", "gamma": 2.0, "scale %": 0.0}]


@pytest.mark.parametrize("text", [CSV.replace(",C,", ",svm.C,"), "\ufeff" + JSON_LINES])
def test_points_come_from_a_file(store, tmp_path, text):
    store.searches.create(a_search())
    file = tmp_path / "points"
    file.write_text(text, encoding="utf-8")
    given = enqueue(store, "nested", of_file(store, "nested", file), "ann")
    assert [SPACE.values(point.point) for point in given.points] == ROWS
    assert given.points[0].note in ("points, row 2", "points, row 1")


HEAD = "sigma,alpha_over_beta,beta\n"
WRONG_FILES = {
    "nothing": ("", "is empty"),
    "a header alone": (HEAD, "has no point"),
    "another header": ("a,b,c\n1,2,3\n", r"row 1, column 1: 'a' is no dimension of space 'wm'"),
    "a misspelt column": ("sigmma,alpha_over_beta,beta\n1,2,3\n", "did you mean sigma"),
    "semicolons": ("sigma;alpha_over_beta;beta\n1;2;3\n", "separate columns by commas"),
    "a column missing": ("sigma,beta\n1,2\n", r"row 1: it lacks the column alpha_over_beta"),
    "a column twice": ("sigma,sigma,beta\n1,2,3\n", r"row 1, column 'sigma': it is there twice"),
    "out of range": (HEAD + "0.5,15,1\n0.5,1e9,1\n", r"row 3: alpha_over_beta can't be 1e9: it is"),
    "NaN": (HEAD + "nan,15,1\n", r"row 2: sigma can't be nan"),
    "a short row": (HEAD + "0.5,15\n", r"row 2 has 2 cells, and the header has 3"),
    "a missing value": (HEAD + "0.5,,1\n", r"row 2: alpha_over_beta is missing"),
    "no JSON": ('{"sigma": 0.5,\n', r"row 1 is no JSON object"),
    "a list": ('{"sigma": [0.5]}\n', r"row 1, 'sigma': a value is a number or a text"),
    "a key twice": ('{"sigma": 0.5, "sigma": 1}\n', r"row 1, 'sigma': it is there twice"),
    "another space's point": ('{"lr": 0.5}\n', r"row 1: no dimension of space 'wm' is named 'lr'"),
    "a NUL": (HEAD + "0.5\0,15,1\n", "NUL characters"),
    "an open quote": (HEAD + '"0.5,15,1\n', "is no CSV: line 2: "),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_is_none_of_points_is_refused_by_row_and_column(
    store, make_search, tmp_path, case
):
    make_search()
    text, said = WRONG_FILES[case]
    file = tmp_path / "points.csv"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as refused:
        enqueue(store, "a-search", of_file(store, "a-search", file), "ann")
    assert "\n" not in str(refused.value)
    assert store.points.all("a-search") == []
    assert store.searches.get("a-search").enqueued == 0
    assert [event.what for event in store.logs.events("a-search")] == ["created"]


def test_what_is_no_file_of_text_is_refused(store, make_search, tmp_path):
    make_search()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("absent", ".", "bytes"):
        with pytest.raises(ConfigurationError, match="can't be read"):
            of_file(store, "a-search", tmp_path / name)


def test_the_csv_that_trials_prints_is_read_back(store, make_search, make_driver, tmp_path):
    from alignsearch.cli.trials import _csv
    from alignsearch.search.reports.trial_table import columns_of, row_of

    search = make_search(name="b", trials=3)
    rng = np.random.default_rng(1)
    finished(store, "b", [random_point(WM, rng) for _ in range(3)])
    trials = store.trials.all("b")
    columns = columns_of(search, trials)
    file = tmp_path / "b.csv"
    file.write_text(_csv(columns, [row_of(search, trial, columns) for trial in trials]))
    make_search()
    given = enqueue(store, "a-search", of_file(store, "a-search", file), "ann")
    assert [point.point for point in given.points] == [trial.point for trial in trials]


@pytest.mark.parametrize(
    ("space", "columns"),
    [("wm", ["wm"]), ("wm_ad", ["wm_ad"]), ("wm_ad_ops", ["wm_ad", "wm_ad_ops"]), ("ia", ["ia"])],
)
def test_table_5s_columns_are_points_of_their_spaces(store, make_search, space, columns):
    make_search(space=space)
    given = enqueue(store, "a-search", of_table5(store, "a-search"), "ann")
    resolved = [configuration(get_space(space).resolve(point.point)) for point in given.points]
    assert resolved == [PUBLISHED[column] for column in columns]
    assert all(isinstance(each, Configuration) for each in resolved)
    assert [point.note for point in given.points] == [
        f"Kunin et al. 2020, Table 5, {column}" for column in columns
    ]


def test_a_narrowed_space_has_a_published_column_only_if_it_lies_inside(store):
    inside = get_space("wm").narrowed({}, {"sigma": (0.5, 0.8)})
    outside = get_space("wm").narrowed({"sigma": "0.5"}, {})
    for name, space in (("inside", inside), ("outside", outside)):
        store.searches.create(a_search(name, space=space))
    assert len(of_table5(store, "inside")) == 1
    with pytest.raises(ConfigurationError, match=r"sigma is 0\.6905, but fixed at 0\.5"):
        of_table5(store, "outside")


def test_other_spaces_have_no_published_column(store):
    store.searches.create(a_search())
    with pytest.raises(ConfigurationError, match="'nested' has no published column: wm, wm_ad"):
        of_table5(store, "nested")


def test_the_best_of_another_search_are_taken_where_they_lie_in_this_space(store, make_search):
    rng = np.random.default_rng(2)
    points = [random_point(WM, rng) for _ in range(4)]
    points[1]["sigma"], points[2]["sigma"], points[3]["sigma"] = 0.9, 0.2, 0.3
    points[0]["sigma"] = 0.1
    make_search(name="other", trials=4)
    finished(store, "other", points)
    store.searches.create(a_search("here", space=WM.narrowed({}, {"sigma": (0.05, 0.5)})))
    wanted, left_out = of_search(store, "here", "other", 3)
    given = enqueue(store, "here", wanted, "ann", left_out)
    assert [point.point for point in given.points] == [points[0], points[2]]
    assert [point.note for point in given.points] == ["trial 0 of other", "trial 2 of other"]
    (said,) = given.left_out
    assert said.startswith("trial 1 of other: sigma can't be 0.9: it is uniform in")


def test_a_dimension_that_is_fixed_in_one_search_is_matched_by_its_value(store, make_search):
    fixed = WM.narrowed({"sigma": "0.5"}, {})
    store.searches.create(a_search("fixed", space=fixed))
    make_search(name="free")
    finished(store, "free", [WM_POINT, {**WM_POINT, "sigma": 0.25}])
    finished(store, "fixed", [{"alpha_over_beta": 3.0, "beta": 1.0}], space=fixed)
    wanted, left_out = of_search(store, "fixed", "free", 5)
    assert [each.values for each in wanted] == [{"alpha_over_beta": 15.0, "beta": 1e-3}]
    assert left_out == ["trial 1 of free: sigma is 0.25 there, and fixed at 0.5"]
    wanted, left_out = of_search(store, "free", "fixed", 5)
    assert [each.values for each in wanted] == [{"alpha_over_beta": 3.0, "beta": 1.0, "sigma": 0.5}]


def test_a_search_of_another_space_gives_no_point(store, make_search):
    make_search()
    store.searches.create(a_search())
    with pytest.raises(StateConflictError, match="'nested' has no finished trial"):
        of_search(store, "a-search", "nested", 5)
    point = json.loads(json.dumps(random_point(SPACE, np.random.default_rng(0))))
    finished(store, "nested", [point], space=SPACE)
    with pytest.raises(ConfigurationError, match=r"no point of 'nested' lies in .*trial 0 of nest"):
        of_search(store, "a-search", "nested", 5)
    with pytest.raises(StateConflictError, match="its own best points"):
        of_search(store, "a-search", "a-search", 5)
    with pytest.raises(UnknownNameError, match="'absent'"):
        of_search(store, "a-search", "absent", 5)


def test_one_wrong_point_keeps_all_from_being_written(store, make_search):
    make_search()
    wrong = Wanted({"sigma": 0.5, "alpha_over_beta": 1.0}, "the second")
    with pytest.raises(ConfigurationError, match="the second: beta is missing"):
        enqueue(store, "a-search", [Wanted(WM_POINT), wrong], "ann")
    assert store.points.all("a-search") == []
    with pytest.raises(ConfigurationError, match="10001 points are too many"):
        enqueue(store, "a-search", [Wanted(WM_POINT)] * 10001, "ann")


def test_searches_that_can_not_go_on_or_have_no_points_get_none(store, make_search):
    make_search()
    steering.cancel(store, "a-search", "bob")
    with pytest.raises(StateConflictError, match="was cancelled, which is final"):
        enqueue(store, "a-search", [Wanted(WM_POINT)], "ann")
    make_search(name="other", space_hash="0" * 64)
    with pytest.raises(StateConflictError, match="another version of space 'wm'"):
        enqueue(store, "other", [Wanted(WM_POINT)], "ann")
    with pytest.raises(UnknownNameError):
        enqueue(store, "absent", [Wanted(WM_POINT)], "ann")
    assert issubclass(ConfigurationError, AlignSearchError)
    assert enqueueing.MOST_POINTS >= 1000
