"""Priors over HTTP: the form's field, submission, the facts of a search, and what is refused."""

import pytest

from alignsearch.dashboards.client import Client

ASKED = {"space": "wm_ad", "dataset": "rehearsal", "trials": 4}


def test_the_prior_of_another_search_is_copied_and_shown(dashboard, lab):
    (field,) = (each for each in dashboard.json("/submit")["fields"] if each["name"] == "prior")
    assert "search:NAME" in field["help"]
    made = dashboard.post("/submit", {**ASKED, "name": "after", "prior": "search:done"})
    assert made.status_code == 201, made.text
    stored = lab.store.searches.get("after").prior
    assert stored.told == "the best of 9 trials of done, trial 7"
    assert stored.points[0]["sigma"] == pytest.approx(0.17)
    # The option's index, as HyperOpt's points have it.
    assert stored.points[0]["train_batch_size"] == 3
    shown = f"search:done: {stored.told}"
    assert dashboard.json("/searches/after")["summary"]["prior"] == shown
    assert dashboard.json("/searches/done")["summary"]["prior"] is None
    with Client(dashboard.url) as client:
        assert client.search("after")["summary"]["prior"] == shown


def test_table_5_is_a_prior_of_the_papers_own_space(dashboard, lab):
    made = dashboard.post("/submit", {**ASKED, "name": "published", "prior": "table5"})
    assert made.status_code == 201, made.text
    prior = lab.store.searches.get("published").prior
    assert prior.told == "Kunin et al. 2020, Table 5, wm_ad"
    assert prior.points[0]["sigma"] == 0.95


REFUSED = {
    "another space": ({"space": "dfa", "prior": "table5"}, "has no published column"),
    "outside": (
        {"range": "sigma=0.1:0.5", "prior": "table5"},
        "sigma is 0.95, not uniform in",
    ),
    "outside of all": (
        {"range": "sigma=0.9:1", "prior": "search:done"},
        "no mass in the space that is searched",
    ),
    "unknown": ({"prior": "search:dne"}, "no search is named 'dne'"),
    "no form": ({"prior": "best"}, "'best' is no prior"),
    "no use of it": ({"prior": "table5", "algo": "random"}, "algo random can't use a prior"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_prior_that_cannot_be_is_refused_at_its_field(dashboard, case):
    fields, said = REFUSED[case]
    refused = dashboard.post("/submit", {**ASKED, **fields})
    assert refused.status_code in (404, 409, 422)
    assert said in refused.json()["error"]["message"]
