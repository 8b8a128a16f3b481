"""The endpoints that give points to a search, and steer single trials of it."""

import re

import pytest

from alignsearch.dashboards.client import Client
from alignsearch.search.documents.states import TrialState

POINT = {
    "sigma": 0.5,
    "alpha_over_beta": 15.0,
    "beta": 1e-3,
    "alternating_minimization": True,
    "delay_epochs": 2,
    "train_batch_size": 2048,
    "alignment_learning_rate": 1e-4,
}
HEAD = ",".join([*POINT, "loss"])
ROW = ",".join(map(str, [*POINT.values(), 0.25]))


@pytest.fixture
def search(lab, request):
    """A search of the test's own, with a queued, a failed and a completed trial."""
    name = f"given-{request.node.name}"[:60].replace("[", "-").replace("]", "").replace(" ", "-")
    lab.search(name)
    lab.queue(name, 0)
    lab.queue(name, 1)
    held = lab.held(lab.begin(name, 1))
    lab.store.attempts.crash(*held, "no luck", retry=False, max_attempts=1)
    lab.whole(name, 2, loss=0.5)
    return name


def events(lab, name, what):
    return [(e.who, e.detail) for e in lab.store.logs.events(name) if e.what == what]


def test_points_are_enqueued_by_the_one_who_asks(dashboard, lab, search):
    answer = dashboard.post(f"/searches/{search}/points", {"points": [POINT, POINT]})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["numbers"] == [0]
    waits = "; it waits for a driver (`alignsearch serve`)"
    assert said["message"] == f"1 point to be tried first{waits}"
    assert said["left_out"] == ["point 2: it is the same as point 1"]
    assert said["summary"]["name"] == search
    assert events(lab, search, "enqueued") == [("ann@lab (dashboard)", "1 point to be tried first")]
    table = f"{HEAD}\n{ROW.replace('0.5', '0.75', 1)}\n"
    assert dashboard.post(f"/searches/{search}/points", {"table": table}).json()["numbers"] == [1]
    published = dashboard.post(f"/searches/{search}/points", {"published": True}).json()
    assert published["numbers"] == [2]
    assert len(lab.store.points.all(search)) == 3


def test_trials_are_tried_again_and_cancelled(dashboard, lab, search):
    answer = dashboard.post(f"/searches/{search}/retry", {})
    assert (answer.status_code, answer.json()["message"]) == (200, "1 trial to try again")
    assert [point.of for point in lab.store.points.all(search)] == [1]
    again = dashboard.post(f"/searches/{search}/retry", {"tids": [1]}).json()
    assert again["left_out"][0].startswith("trial 1: it waits to be tried again already")
    answer = dashboard.post(f"/searches/{search}/trials/0/cancel")
    assert answer.json()["message"] == "trial 0 is cancelled; it spends nothing of the budget"
    assert lab.store.trials.get(search, 0).state is TrialState.CANCELLED
    assert events(lab, search, "trial cancelled") == [("ann@lab (dashboard)", "trial 0")]


def test_results_are_imported_from_a_table(dashboard, lab, search):
    answer = dashboard.post(f"/searches/{search}/results", {"table": f"{HEAD}\n{ROW}\n"})
    assert (answer.status_code, answer.json()["message"]) == (200, "1 result imported")
    trial = lab.store.trials.get(search, 3)
    assert (trial.loss, trial.origin.kind) == (0.25, "imported")
    shown = dashboard.json(f"/searches/{search}/trials/3")
    assert (shown["state"], shown["value"]) == ("completed", 0.25)
    assert shown["note"] == "imported: the table, row 2"


REFUSED = {
    "nothing": ("points", {}, 422, "exactly one of points, table, published and from_search"),
    "two": ("points", {"points": [POINT], "published": True}, 422, "exactly one of points"),
    "outside": ("points", {"points": [{**POINT, "sigma": 7}]}, 422, "point 1: sigma can't be 7"),
    "no such search": ("points", {"from_search": "nobody"}, 404, "'nobody'"),
    "no table": ("results", {"table": "a,b\n1,2\n"}, 422, "row 1, column 1: 'a' is no dimension"),
    "NaN": ("results", {"table": f"{HEAD}\n{ROW[:-4]}nan\n"}, 422, "row 2, column 'loss'"),
    "a short row": ("points", {"table": f"{HEAD}\n{'9' * 400},1\n"}, 422, "row 2 has 2 cells"),
    "a result": ("retry", {"tids": [2]}, 409, "trial 2 of search .* it is completed"),
    "no such trial": ("retry", {"tids": [99]}, 404, "'99'"),
    "ended": ("trials/2/cancel", {}, 409, "can't be cancelled: it is completed already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_words(dashboard, lab, search, case):
    path, body, status, said = REFUSED[case]
    answer = dashboard.post(f"/searches/{search}/{path}", body)
    assert answer.status_code == status, answer.text
    assert re.search(said, answer.json()["error"]["message"]), answer.text
    assert lab.store.points.all(search) == []


def test_without_the_page_s_token_nobody_gives_points(dashboard, lab, search):
    answer = dashboard.http.post(f"/api/searches/{search}/points", json={"points": [POINT]})
    assert answer.status_code == 403
    assert lab.store.points.all(search) == []


def test_a_program_gives_points_by_the_client(dashboard, lab, search):
    with Client(dashboard.url) as client:
        assert client.enqueue(search, [POINT]).startswith("1 point to be tried first; it waits")
        assert client.retry(search, 1) == "1 trial to try again"
        assert client.import_csv(search, f"{HEAD}\n{ROW}\n") == "1 result imported"
        assert client.cancel_trial(search, 0).startswith("trial 0 is cancelled")
