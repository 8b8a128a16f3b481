"""The API of a search of several metrics: its front, its columns, importance by metric, export."""

import time

import pytest
import several_metrics as several

from alignsearch.dashboards.client import Client
from alignsearch.search.reports.export import read_json


@pytest.fixture(scope="module", autouse=True)
def search(lab):
    return several.seed_several(lab.store)


def test_all_trials_come_with_their_metrics_the_front_and_what_breaks_the_constraint(dashboard):
    found = dashboard.get("/searches/several/history").json()
    assert set(found["front"]) == several.front()
    roles = {column["name"]: column["role"] for column in found["columns"]}
    assert (roles["accuracy"], roles["step_ms"], roles["violation"]) == (
        "score",
        "metric",
        "violation",
    )
    values = found["values"]
    for tid, step, violation in zip(
        values["tid"], values["step_ms"], values["violation"], strict=True
    ):
        assert step == pytest.approx(several.measured(tid)[1], rel=1e-4)
        assert (violation > 0) == (several.measured(tid)[1] > several.LIMIT.bound)
    # Each trial that was the best one when it finished keeps the constraint.
    assert all(several.measured(tid)[1] <= several.LIMIT.bound for tid in found["best"]["tid"])


def test_the_summary_names_all_metrics_and_the_constraint(dashboard):
    summary = dashboard.get("/searches/several").json()["summary"]
    assert [each["name"] for each in summary["metrics"]] == ["accuracy", "step_ms"]
    assert summary["constraints"] == ["step_ms <= 80"]
    assert summary["best"]["tid"] == max(several.front(), key=lambda tid: several.measured(tid)[0])
    assert summary["nearest"] is None


def test_the_table_filters_by_a_metric_and_says_which_constraint_a_trial_breaks(dashboard):
    found = dashboard.get("/searches/several/trials?where=step_ms:80.0001:&page_size=50").json()
    rows = {row["tid"]: row for row in found["rows"]}
    assert rows.keys() == {tid for tid in range(24) if several.measured(tid)[1] > 80}
    assert {row["note"] for row in rows.values()} == {"breaks step_ms <= 80"}
    assert all(
        row["metrics"]["step_ms"] == pytest.approx(several.measured(tid)[1])
        for tid, row in rows.items()
    )


def test_importance_is_by_the_metric_that_is_asked_for(dashboard):
    with Client(dashboard.url) as client:
        found = {}
        for metric in ("accuracy", "step_ms"):
            until = time.monotonic() + 300
            while (answer := client.importance("several", metric))["state"] == "computing":
                assert time.monotonic() < until
                time.sleep(0.05)
            shares = {each["name"]: each["importance"] for each in answer["importance"]}
            found[metric] = (answer["score_label"], shares["x"] / (shares["x"] + shares["y"]))
        assert found["accuracy"][0] == "accuracy"
        assert found["step_ms"][0] == "step ms"
        # x explains 25 parts of the accuracy to 4 of y, and 25 of the time to 1.
        assert found["step_ms"][1] > found["accuracy"][1] > 0.6
        assert client.front("several") == sorted(
            several.front(), key=lambda tid: -several.measured(tid)[0]
        )
    refused = dashboard.get("/searches/several/importance?metric=memory")
    assert refused.status_code == 404
    assert "no metric is named 'memory'" in refused.text


def test_the_export_has_a_column_for_each_trial_of_the_front(dashboard):
    text = dashboard.get("/searches/several/export?format=json").text
    assert read_json(text).keys() == {f"several {tid}" for tid in several.front()}


def test_only_searches_that_measure_several_numbers_have_the_panel_of_metrics(dashboard):
    assert 'id="front"' in dashboard.http.get("/searches/several").text
    assert 'id="front"' not in dashboard.http.get("/searches/done").text
