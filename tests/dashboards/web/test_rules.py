"""The table of learning rules: live while the experiment `rules` runs, and after its end."""

import threading
import time

import pytest
from compared_rules import GUESSING, compare_three, some_diverge
from experiment_output import Output

from alignsearch.dashboards.client import Client
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

LONGEST_SECONDS = 300.0


def row_of(tables, space):
    """Return a rule's row in the one table that there is; None before there is one."""
    return next((row for table in tables for row in table["rules"] if row["space"] == space), None)


class Watched:
    """An objective that looks at the table while a trial of WM runs, until it shows a state."""

    def __init__(self, dashboard):
        self._dashboard = dashboard
        self._lock = threading.Lock()
        self.seen = {}

    def __call__(self, search, trial, link):
        if search.name.startswith("rules-wm-"):
            if "-final-" in search.name and trial.tid == 2:
                self._wait("training", lambda row: len(row["errors"]) == 2)
            elif search.space == "fair_wm" and trial.is_confirmation:
                self._wait("repeating", lambda row: row["finished"] == 4)
            elif search.space == "fair_wm" and trial.tid == 3:
                self._wait("searching", lambda row: row["best"] is not None)
        return some_diverge(search, trial, link)

    def _wait(self, state, shows):
        with self._lock:
            if state in self.seen:
                return
            deadline = time.monotonic() + LONGEST_SECONDS
            while time.monotonic() < deadline:
                tables = self._dashboard.json("/rules")["tables"]
                row = row_of(tables, "fair_wm")
                if row is not None and row["state"] == state and shows(row):
                    self.seen[state] = tables
                    return
                time.sleep(0.1)
            raise AssertionError(f"the table never showed WM {state}: {row}")


@pytest.fixture(scope="module")
def watched(module_uri, serve, make_driver_in, tmp_path_factory):
    """The dashboard after the experiment, and the tables that it showed before and meanwhile."""
    with Store.connect(module_uri) as store, serve(module_uri) as dashboard:
        watching = Watched(dashboard)
        watching.seen["before"] = dashboard.json("/rules")["tables"]
        watching.links_before = "/rules" in dashboard.http.get("/").text
        folder = tmp_path_factory.mktemp("rules") / "out"
        compare_three(store, module_uri, make_driver_in, folder, watching)
        deadline = time.monotonic() + LONGEST_SECONDS
        while (row_of(dashboard.json("/rules")["tables"], "fair_wm") or {})["state"] != "done":
            assert time.monotonic() < deadline
        watching.report = Output(folder)
        yield dashboard, watching, store


def test_a_store_without_compared_rules_has_no_table_and_no_link(watched):
    _, watching, _ = watched
    assert watching.seen["before"] == []
    assert not watching.links_before


def test_a_rule_is_shown_while_it_is_searched_repeated_and_trained(watched):
    _, watching, _ = watched
    for state, seeds in (("searching", None), ("repeating", None), ("training", 3)):
        (table,) = watching.seen[state]
        rows = {row["name"]: row for row in table["rules"]}
        assert next(iter(rows)) == "BP", "the rule with a mean comes first"
        assert (rows["BP"]["state"], len(rows["BP"]["errors"])) == ("done", 3)
        assert rows["FA"]["state"] == "diverged"
        assert (rows["WM"]["seeds"], rows["WM"]["driven"]) == (seeds, True)
        assert table["words"][-1] == "Not over yet: 1 of 3 rules; this is how they stand now."
    searched = row_of(watching.seen["searching"], "fair_wm")
    assert searched["finished"] < 4
    assert searched["mean"] is None
    assert watching.seen["searching"][0]["words"][0].startswith("Rules are compared once two")
    assert row_of(watching.seen["training"], "fair_wm")["chance_best"] is not None


def test_at_the_end_the_numbers_are_the_reports(watched):
    dashboard, watching, _ = watched
    reported = watching.report.run["numbers"]["digits-dense"]["rules"]
    for row in dashboard.json("/rules")["tables"][0]["rules"]:
        known = reported[row["space"].removeprefix("fair_")]
        assert row["errors"] == known["errors"]
        assert (row["mean"], row["chance_best"]) == (
            known["error"]["mean"],
            known["chance_of_best"],
        )
        ends = None if row["low"] is None else [row["low"], row["high"]]
        assert ends == known["interval"]
        assert row["dimensions"] == known["dimensions"]


def test_at_the_end_a_diverged_seed_counts_as_guessing(watched):
    dashboard, _, _ = watched
    (table,) = dashboard.json("/rules")["tables"]
    assert (table["dataset"], table["model"], table["width"]) == ("digits", "dense", 4)
    assert (table["trials"], table["epochs"], table["generation"]) == (4, 2, 8)
    bp, wm, fa = table["rules"]
    assert [row["name"] for row in (bp, wm, fa)] == ["BP", "WM", "FA"]
    assert bp["errors"] == [0.1, 0.1, 0.1]
    assert (bp["low"], bp["high"]) == pytest.approx((0.1, 0.1))
    assert wm["errors"] == [0.1, GUESSING, 0.1]
    assert wm["mean"] == pytest.approx((0.1 + GUESSING + 0.1) / 3)
    assert (wm["seeds_diverged"], wm["seeds_missing"]) == (1, 0)
    assert bp["chance_best"] + wm["chance_best"] == pytest.approx(1)
    assert bp["chance_best"] > 0.5
    assert (bp["told_apart"], wm["told_apart"]) == (None, False)
    assert (bp["dimensions"], wm["dimensions"]) == (3, 6)
    assert table["words"][0].startswith("BP has the lowest mean error, 10.00 %")
    assert table["words"][0].endswith("not told apart from it: WM.")
    assert "Seeds that diverged, and count as guessing: WM 1." in table["words"]


def test_a_rule_that_diverged_everywhere_comes_last_and_says_so(watched):
    dashboard, _, _ = watched
    (table,) = dashboard.json("/rules")["tables"]
    fa = table["rules"][-1]
    assert (fa["state"], fa["diverged"], fa["finished"]) == ("diverged", 4, 4)
    assert (fa["best"], fa["mean"], fa["seeds"], fa["runs"]) == (None, None, None, [])
    assert "Diverged with every configuration: FA." in table["words"]


def test_its_searches_and_runs_can_be_opened(watched):
    dashboard, _, _ = watched
    (table,) = dashboard.json("/rules")["tables"]
    for row in table["rules"]:
        names = [row["search"], *(run["name"] for run in row["runs"])]
        for name in names:
            assert dashboard.http.get(f"/searches/{name}").status_code == 200
    kinds = [run["kind"] for run in table["rules"][0]["runs"]]
    assert kinds == ["seeds", "noise", "noise", "noise"]
    assert 'href="/rules"' in dashboard.http.get("/").text


def test_the_client_has_the_rules_as_a_frame(watched):
    dashboard, _, _ = watched
    with Client(dashboard.url) as client:
        rules = client.rules()
    assert list(rules["name"]) == ["BP", "WM", "FA"]
    assert list(rules["state"]) == ["done", "done", "diverged"]
    assert rules["mean"].iloc[0] == pytest.approx(0.1)
    assert set(rules["dataset"]) == {"digits"}


def test_searches_with_another_budget_are_a_table_of_their_own(watched):
    dashboard, _, store = watched
    search = store.searches.get(dashboard.json("/rules")["tables"][0]["rules"][0]["search"])
    other = search.model_copy(
        update={"name": "rules-bp-longer", "trials": 40, "status": SearchStatus.QUEUED}
    )
    store.searches.create(other)
    deadline = time.monotonic() + LONGEST_SECONDS
    while len(tables := dashboard.json("/rules")["tables"]) < 2:
        assert time.monotonic() < deadline
    assert [table["trials"] for table in tables] == [40, 4]
    (row,) = tables[0]["rules"]
    assert (row["state"], row["driven"], row["seeds"]) == ("queued", False, None)
    store.searches.change("rules-bp-longer", SearchStatus.CANCELLED, "ann@lab")
    while row_of(dashboard.json("/rules")["tables"], "fair_bp")["state"] != "stopped":
        assert time.monotonic() < deadline
