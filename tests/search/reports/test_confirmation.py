"""Statistics of a confirmation, against independent computations of its statistics."""

import numpy as np
import pytest
from scipy import stats

from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.repetition import Repetition
from alignsearch.search.reports.confirmation import confirmation_json, confirmed, in_words


def repetitions(losses):
    return [
        Repetition(tid=100 * tid + number, of=tid, repeat=number, loss=loss)
        for tid, each in losses.items()
        for number, loss in enumerate(each, start=1)
    ]


def test_mean_interval_and_flattery_of_two_trials_are_those_of_students_t():
    losses = {4: [0.31, 0.35, 0.33], 9: [0.36, 0.41, 0.38]}
    found = confirmed(9, repetitions(losses), {4: 0.30, 9: 0.25})
    pooled = (np.var(losses[4], ddof=1) * 2 + np.var(losses[9], ddof=1) * 2) / 4
    error = np.sqrt(pooled / 3)
    low, high = stats.t.interval(0.95, 4, loc=0.33, scale=error)
    winner = found.winner
    assert (winner.tid, winner.mean) == (4, pytest.approx(0.33))
    assert winner.error == pytest.approx(error)
    assert (winner.low, winner.high) == (pytest.approx(low), pytest.approx(high))
    # Welch's and Student's test agree on equal numbers but for the degrees of freedom: this is
    # Student's, one-sided, from SciPy's own implementation.
    chance = stats.ttest_ind(losses[9], losses[4], alternative="greater").pvalue
    assert found.others[0].chance == pytest.approx(chance)
    assert found.chance == pytest.approx(chance, abs=1e-3)
    assert found.lucky.tid == 9
    assert found.lucky.flattered == pytest.approx(np.mean(losses[9]) - 0.25)


def test_the_chance_that_any_other_is_better_is_that_of_a_simulation():
    losses = {
        1: [0.30, 0.34, 0.29],
        2: [0.33, 0.31, 0.35],
        3: [0.36, 0.31],
        4: [0.40, 0.42, 0.45],
        5: [0.32],
    }
    found = confirmed(1, repetitions(losses), {1: 0.2})
    rng = np.random.default_rng(0)
    draws = 400_000
    freedom = sum(len(each) - 1 for each in losses.values())
    squares = sum(np.var(each) * len(each) for each in losses.values())
    noise = np.sqrt(squares / rng.chisquare(freedom, draws))
    means = {
        tid: rng.normal(np.mean(each), noise / np.sqrt(len(each))) for tid, each in losses.items()
    }
    others = np.min([means[tid] for tid in (2, 3, 4, 5)], axis=0)
    assert found.winner.tid == 1
    assert found.chance == pytest.approx(np.mean(others < means[1]), abs=0.004)
    assert found.chance > max(each.chance for each in found.others)


@pytest.mark.parametrize(
    ("apart", "understated"),
    [
        # True means far apart, as the flat prior takes them: the chance is right.
        (0.12, 0.02),
        # As far apart as their standard errors: it is understated, as the module says.
        (0.02, 0.1),
    ],
)
def test_intervals_cover_and_chances_are_those_of_many_searches(apart, understated):
    rng = np.random.default_rng(1)
    covered, said, was = [], [], []
    for _ in range(1500):
        means = rng.normal(0.3, apart, 4)
        losses = {tid: list(rng.normal(means[tid], 0.03, 3)) for tid in range(4)}
        found = confirmed(0, repetitions(losses), {})
        at = next(each for each in (found.winner, *found.others) if each.tid == 2)
        covered.append(at.low <= means[2] <= at.high)
        said.append(found.chance)
        was.append(min(means) < means[found.winner.tid])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    assert -0.02 <= np.mean(was) - np.mean(said) <= understated


def test_equal_losses_on_every_seed_have_no_spread():
    found = confirmed(1, repetitions({1: [0.3, 0.3], 2: [0.4, 0.4]}), {1: 0.3})
    assert (found.winner.low, found.winner.high, found.winner.error) == (0.3, 0.3, 0.0)
    assert (found.chance, found.others[0].chance, found.lucky.flattered) == (0.0, 0.0, 0.0)
    assert found.ties == ()
    assert in_words(found, DEFAULT_METRIC)[-1] == (
        "its first result was 0.3000, and each repetition gave that again: no luck was in it"
    )
    tied = confirmed(2, repetitions({1: [0.3, 0.3], 2: [0.3, 0.3]}), {2: 0.3})
    assert (tied.winner.tid, tied.ties, tied.chance) == (1, (2,), 0.0)


def test_one_seed_each_names_a_trial_and_claims_no_more():
    found = confirmed(1, repetitions({1: [0.5], 2: [0.4]}), {1: 0.3})
    assert (found.winner.tid, found.winner.error, found.chance) == (2, None, None)
    assert found.close == ()
    assert found.lucky.flattered == pytest.approx(0.2)
    assert "one fresh seed" in in_words(found, DEFAULT_METRIC)[0]


def test_a_single_repeated_trial_has_a_mean():
    found = confirmed(3, repetitions({3: [0.4, 0.5, 0.6]}), {3: 0.35})
    assert (found.winner.mean, found.others, found.chance) == (pytest.approx(0.5), (), 0.0)


@pytest.mark.parametrize("made", [[], repetitions({2: [0.4]})])
def test_nothing_is_confirmed_while_no_two_are_compared(made):
    assert confirmed(1, made, {}) is None


def test_words_name_winner_interval_ties_and_flattery():
    losses = {
        4: [0.31, 0.35, 0.33],
        9: [0.32, 0.36, 0.34],
        6: [0.33, 0.31, 0.35],
        7: [0.8, 0.8, 0.8],
    }
    words = in_words(confirmed(9, repetitions(losses), {9: 0.25}), DEFAULT_METRIC)
    assert (
        words[0]
        == "confirmed: validation error 0.3300 ± 0.0100, the mean of 3 fresh seeds, trial 4"
    )
    assert words[1].startswith("interval of 95 %: 0.30")
    assert "tied with it, with the same mean: trial 6" in words
    assert "not told apart from it by these seeds: trial 9" in words
    assert words[-1] == (
        "trial 9, the luckiest, was 0.2500, and the mean is 0.3400: luck flattered it by 0.0900"
    )


def test_a_metric_to_maximize_is_shown_as_people_know_it():
    accuracy = ObjectiveMetric("accuracy", "accuracy", "maximize")
    found = confirmed(1, repetitions({1: [-0.9, -0.8], 2: [-0.5, -0.6]}), {1: -0.95})
    shown = confirmation_json(found, accuracy)["winner"]
    assert shown["values"] == [0.9, 0.8]
    assert shown["mean"] == pytest.approx(0.85)
    assert shown["low"] < 0.85 < shown["high"]
    assert (shown["first"], shown["flattered"]) == (0.95, pytest.approx(0.1))
    assert "accuracy 0.8500" in in_words(found, accuracy)[0]
