"""Means and standard errors against NumPy and SciPy; what diverged or is missing is counted."""

import numpy as np
import pytest
from scipy.stats import sem

from alignsearch.experiments.run_statistics import (
    Outcome,
    losses_in_words,
    mean_accuracy,
    mean_difference,
)
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.means import mean_of
from alignsearch.spaces.runs import Run


def outcome(seed, accuracy, *, diverged=False):
    return Outcome(
        run=Run(rule="sa", width=4, epochs=1, seed=seed),
        trial=f"s/{seed}",
        state=TrialState.COMPLETED if accuracy is not None or diverged else TrialState.FAILED,
        accuracy=accuracy,
        chance=0.1,
        diverged=diverged,
        seconds=1.0,
    )


def test_mean_and_standard_error_are_numpys_and_scipys():
    values = np.random.default_rng(0).normal(0.7, 0.1, 10).tolist()
    found = mean_of(values)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert found.sem == pytest.approx(sem(values), rel=1e-12)
    assert found.sem == pytest.approx(np.std(values, ddof=1) / np.sqrt(10), rel=1e-12)
    assert found.n == 10


def test_one_value_has_no_standard_error_and_none_no_mean():
    assert (mean_of([0.5]).mean, mean_of([0.5]).sem) == (0.5, None)
    assert (mean_of([]).mean, mean_of([]).sem, mean_of([]).n) == (None, None, 0)


def test_a_diverged_run_counts_as_guessing_and_a_missing_one_not_at_all():
    found = mean_accuracy([outcome(0, 0.9), outcome(2, None, diverged=True), outcome(1, None)])
    assert found.mean == pytest.approx(0.5)
    assert found.sem == pytest.approx(sem([0.9, 0.1]))
    assert (found.n, found.diverged, found.missing, found.seeds) == (2, 1, 1, (0, 1, 2))


def test_a_difference_is_between_runs_of_one_seed():
    ours = [outcome(0, 0.8), outcome(1, 0.6), outcome(2, 0.7)]
    theirs = [outcome(1, 0.7), outcome(0, 0.9), outcome(2, None)]
    found = mean_difference(ours, theirs)
    assert found.mean == pytest.approx(-0.1)
    assert found.sem == pytest.approx(0.0, abs=1e-12)
    assert found.n == 2


def test_words_count_what_was_lost():
    assert losses_in_words([outcome(0, 0.9)]) == "none of the 1 runs diverged or is missing"
    said = losses_in_words([outcome(0, 0.9), outcome(1, None, diverged=True), outcome(2, None)])
    assert "1 of 3 runs diverged" in said
    assert "1 of 3 runs have no result (failed" in said
