"""The best trial of a confirmed search in each format of its export."""

import json
import math

import pytest
from confirmed_search import fill
from scipy import stats

from alignsearch.search.documents import Confirmation
from alignsearch.search.reports.best import best_column, best_of_search
from alignsearch.search.reports.export import export

REPEATED = {1: (0.41, 0.43), 2: (0.31, 0.33), 3: (0.32, 0.32)}
"""Trials 2 and 3 are tied at 0.32; trial 1 was the luckiest, with 0.20."""
NOISE = math.sqrt((2 * 0.01**2 + 2 * 0.01**2) / 3)
"""Pooled over the three trials: squared deviations over three degrees of freedom."""


@pytest.fixture
def tied(store, make_search):
    make_search(trials=4, confirm=Confirmation(top=3, seeds=2))
    firsts = {0: 0.5, 1: 0.2, 2: 0.3, 3: 0.32}
    fill(store, "a-search", firsts=firsts, repeated=REPEATED)
    return best_column(store, "a-search")


@pytest.mark.parametrize("format", ["markdown", "latex", "json"])
def test_an_export_says_how_sure_it_is_of_the_winner_and_its_ties(tied, format):
    error = NOISE / math.sqrt(2)
    half = error * stats.t.ppf(0.975, 3)
    text = export([tied], format).replace("\\%", "%").replace("$\\pm$", "±")
    assert f"0.3200 ± {error:.4f}, the mean of 2 fresh seeds" in text
    if format == "json":
        found = json.loads(text)["columns"][0]["confirmation"]
        assert (found["ties"], found["winner"]["tid"], found["lucky"]["tid"]) == ([3], 2, 1)
        assert found["winner"]["low"] == pytest.approx(0.32 - half)
        assert found["lucky"]["flattered"] == pytest.approx(0.22)
        return
    (line,) = [each for each in text.splitlines() if "a-search confirmed: " in each]
    assert f"interval of 95 %: {0.32 - half:.4f} to {0.32 + half:.4f}; " in line
    assert "chance that another repeated trial is better: 50 %; " in line
    assert "tied with it, with the same mean: trial 3; " in line
    assert "trial 1, the luckiest, was 0.2000, and the mean is 0.4200" in line


def test_an_unconfirmed_search_is_exported_without(store, make_search):
    make_search(trials=4)
    fill(store, "a-search", repeated={})
    column = best_of_search(store, "a-search").column("a-search")
    assert "confirmed" not in export([column], "markdown")
    assert json.loads(export([column], "json"))["columns"][0]["confirmation"] is None
