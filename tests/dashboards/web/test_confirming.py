"""The endpoints of a confirmation, and how pages hear of the named trial."""

import pytest
from confirmed_search import REPEATED, fill


@pytest.fixture(scope="module")
def filled(lab):
    """The lab's store with a confirmed search `twice` and one without repetitions, `once`."""
    for name, repeated in (("twice", REPEATED), ("once", {})):
        lab.search(name)
        fill(lab.store, name, repeated=repeated, over=False)
    return lab


def test_a_page_hears_which_trial_is_named_and_why(dashboard, filled):
    state = dashboard.json("/searches/twice/confirmation")
    assert not state["asked"]
    assert [(each["of"], each["repeat"]) for each in state["ended"]] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
    assert state["result"]["winner"]["tid"] == 2
    assert state["result"]["lucky"]["tid"] == 1
    assert state["words"][0].startswith("confirmed: validation error 0.3200")
    detail = dashboard.json("/searches/twice")
    best = detail["summary"]["best"]
    assert (best["tid"], best["value"], best["seeds"]) == (2, pytest.approx(0.32), 2)
    assert best["low"] < 0.32 < best["high"]
    assert detail["summary"]["counts"]["completed"] == 4
    assert detail["took"]["repetitions"] == 4
    assert detail["took"]["accelerator_hours"].keys() == {"TPU"}
    # Charts and ranks know the search's own trials only.
    history = dashboard.json("/searches/twice/history")
    assert history["values"]["tid"] == [0, 1, 2, 3]
    plain = dashboard.json("/searches/once/confirmation")
    assert (plain["ended"], plain["result"], plain["words"]) == ([], None, [])


def test_a_confirmation_is_asked_for_with_its_author(dashboard, filled):
    answer = dashboard.post("/searches/once/confirm", {"top": 3, "seeds": 2})
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"].startswith("once repeats its best trials")
    event = filled.store.logs.events("once")[-1]
    assert (event.who, event.what) == ("ann@lab (dashboard)", "to be confirmed")
    state = dashboard.json("/searches/once/confirmation")
    assert (state["asked"], state["top"], state["seeds"], state["share"]) == (True, 3, 2, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"top": 5}, 409),
        ({}, 409),
        ({"top": 0}, 422),
        ({"seeds": 0}, 422),
        ({"top": "many"}, 422),
        ({"share": 1}, 422),
    ],
)
def test_nonsense_is_refused(dashboard, filled, body, status):
    before = filled.store.searches.get("twice"), filled.store.logs.events("twice")
    assert dashboard.post("/searches/twice/confirm", body).status_code == status
    assert (filled.store.searches.get("twice"), filled.store.logs.events("twice")) == before
