"""Statistics that compare rules, against SciPy's and against integrals."""

import numpy as np
import pytest
from scipy import integrate, stats

from alignsearch.search.reports.comparison import (
    best_in_words,
    chances_of_best,
    compare,
    holm,
    interval,
    pairs,
)

DRAWN = np.random.default_rng(7)
SAMPLES = {
    "a": DRAWN.normal(0.10, 0.01, 10).tolist(),
    "b": DRAWN.normal(0.11, 0.03, 5).tolist(),
    "c": DRAWN.normal(0.30, 0.01, 7).tolist(),
}


def test_an_interval_is_students():
    for values in SAMPLES.values():
        expected = stats.t.interval(
            0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
        )
        assert interval(values) == pytest.approx(expected)
    assert interval([0.1]) is None


def test_pairs_are_welchs_after_holms_correction():
    found = {(pair.one, pair.other): pair for pair in pairs(SAMPLES)}
    plain = {
        key: stats.ttest_ind(SAMPLES[key[0]], SAMPLES[key[1]], equal_var=False).pvalue
        for key in found
    }
    # Holm by hand for three: the smallest times 3, the next times 2, the last as it is, ascending.
    first, second, third = sorted(plain, key=plain.get)
    one = 3 * plain[first]
    two = max(one, 2 * plain[second])
    three = max(two, plain[third])
    for key, p in ((first, one), (second, two), (third, three)):
        assert found[key].p == pytest.approx(min(1.0, p))
    assert [found[key].told_apart for key in (("a", "b"), ("a", "c"))] == [False, True]
    assert found["a", "c"].difference == pytest.approx(
        np.mean(SAMPLES["a"]) - np.mean(SAMPLES["c"])
    )


def test_holms_correction_of_a_printed_example():
    """Holm 1979, as it is usually shown: 0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_the_chance_of_two_is_the_integral_of_their_posteriors():
    two = {key: SAMPLES[key] for key in ("a", "b")}
    a, b = (
        stats.t(len(each) - 1, loc=np.mean(each), scale=stats.sem(each)) for each in two.values()
    )
    expected, _ = integrate.quad(lambda x: a.pdf(x) * b.sf(x), -1, 1, points=[np.mean(two["a"])])
    found = chances_of_best(two)
    assert found["a"] == pytest.approx(expected, abs=0.005)
    assert sum(found.values()) == pytest.approx(1)
    assert chances_of_best(SAMPLES)["c"] == pytest.approx(0, abs=0.001)


def test_without_noise_or_with_one_seed_nothing_is_made_up():
    equal = {"a": [0.2, 0.2], "b": [0.2, 0.2], "c": [0.3, 0.3]}
    assert chances_of_best(equal) == {"a": 0.5, "b": 0.5, "c": 0.0}
    told = {(pair.one, pair.other): pair.told_apart for pair in pairs(equal)}
    assert told == {("a", "b"): False, ("a", "c"): True, ("b", "c"): True}
    single = pairs({"a": [0.2], "b": [0.1, 0.3]})
    assert [(pair.p, pair.told_apart) for pair in single] == [(None, False)]


def test_the_best_rule_is_named_with_those_that_are_not_told_apart_from_it():
    compared = compare(SAMPLES)
    assert (compared.best, compared.close) == ("a", ("b",))
    assert compared.chances == chances_of_best(SAMPLES)
    names = {"a": "BP", "b": "WM", "c": "FA"}
    words = best_in_words(compared, 0.1, names)
    chance = f"{100 * compared.chances['a']:.0f} %"
    assert words == (
        f"BP has the lowest mean error, 10.00 %, and is the best with a chance of {chance}; "
        "not told apart from it: WM."
    )
    apart = compare({"a": SAMPLES["a"], "c": SAMPLES["c"]})
    assert best_in_words(apart, 0.1, names).endswith("not told apart from it: none.")
