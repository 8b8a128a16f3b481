"""Importance, held to closed forms, to Optuna's fANOVA, and to means worked out by hand."""

import math
from itertools import product

import numpy as np
import optuna
import pytest
from hyperopt import hp

from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.reports.importance import LEAST_SCORES, categorical_effects, importance
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.spaces.table5 import PUBLISHED

SEARCHED = PUBLISHED["ia"].model_dump()


def configurations(space, number, seed=0):
    """Random ones, each sampled metaparameter uniform or log-uniform, by plain formulas."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        values = dict(SEARCHED)
        for each in space.sampled:
            ends = each.distribution.to_json()
            if ends["kind"] == "choice":
                values[each.name] = ends["options"][rng.integers(len(ends["options"]))]
            elif ends["kind"] == "uniform":
                values[each.name] = rng.uniform(ends["low"], ends["high"])
            else:
                values[each.name] = 10 ** rng.uniform(
                    math.log10(ends["low"]), math.log10(ends["high"])
                )
        found.append(values)
    return found


def points(space, known):
    """HyperOpt's values of these configurations: a choice by its index."""
    found = []
    for values in known:
        point = {}
        for each in space.sampled:
            value, ends = values[each.name], each.distribution.to_json()
            point[each.name] = ends["options"].index(value) if "options" in ends else value
        found.append(point)
    return found


def importance_of(space, known, losses, **options):
    return importance(space, points(space, known), losses, **options)


def test_shares_are_those_of_an_additive_function():
    # Independent terms: their variances add up, and each is known in closed form. beta counts by
    # its logarithm, which spans 18 decades; the three delays differ by equal steps.
    known = configurations(SPACES["ia"], 1500)
    losses = [
        0.3 * each["fo_relu"]
        + 0.02 * math.log10(each["beta"])
        + 0.1 * each["delay_epochs"]
        + 0.4 * each["sigma"]
        for each in known
    ]
    variances = {
        "fo_relu": 0.3**2 / 4,
        "beta": (0.02 * 18) ** 2 / 12,
        "delay_epochs": 0.1**2 * 2 / 3,
        "sigma": 0.4**2 / 12,
    }
    found = importance_of(SPACES["ia"], known, losses)
    shares = {each.metaparameter: each.share for each in found.shares}
    assert shares.keys() == SPACES["ia"].sampled_names
    assert [each.metaparameter for each in found.shares[:4]] == [
        "fo_relu",
        "sigma",
        "beta",
        "delay_epochs",
    ]
    for name, share in shares.items():
        assert share == pytest.approx(variances.get(name, 0) / sum(variances.values()), abs=0.03)
    assert (found.trials, found.scored) == (1500, 1500)


def test_an_interaction_is_no_ones_share():
    known = configurations(SPACES["ia"], 800)
    losses = [0.2 * (each["fo_relu"] ^ each["bo_relu"]) for each in known]
    shares = importance_of(SPACES["ia"], known, losses).shares
    assert sum(each.share for each in shares) < 0.15


def test_shares_are_optunas_where_all_is_uniform():
    # In the order of names, in which Optuna takes columns: the same seed grows the same forest.
    by_name = sorted(SPACES["wm_ad"].sampled, key=lambda each: each.name)
    space = flat_space("by_name", "", "weight_mirror", "", by_name)
    known = configurations(space, 120)
    losses = [each["sigma"] ** 2 + 0.1 * math.log(each["beta"]) ** 2 / 50 for each in known]
    study = optuna.create_study()
    names = [each.name for each in space.sampled]
    for values, loss in zip(known, losses, strict=True):
        study.add_trial(
            optuna.trial.create_trial(
                params={
                    each.name: uniform(each.distribution, values[each.name])
                    for each in space.sampled
                },
                distributions=dict.fromkeys(names, optuna.distributions.FloatDistribution(0, 1)),
                value=1 - loss,
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=7)
    theirs = evaluator.evaluate(study, names)
    ours = importance_of(space, known, losses, seed=7)
    assert {each.metaparameter: each.share for each in ours.shares} == pytest.approx(theirs)


def uniform(distribution, value):
    ends = distribution.to_json()
    if ends["kind"] == "choice":
        return (ends["options"].index(value) + 0.5) / len(ends["options"])
    if ends["kind"] == "uniform":
        return (value - ends["low"]) / (ends["high"] - ends["low"])
    return math.log(value / ends["low"]) / math.log(ends["high"] / ends["low"])


def test_a_nested_dimension_explains_its_part_of_the_variance():
    # There are two equally likely branches: one has x, which is uniform on [0, 1], and one has z,
    # which makes no difference. So half of the trials have the variance of x, 1/12, and the others
    # none.
    space = from_hyperopt(
        {
            "branch": hp.choice(
                "branch", [{"x": hp.uniform("x", 0, 1)}, {"z": hp.normal("z", 3, 2)}]
            )
        },
        name="nested",
    )
    rng = np.random.default_rng(0)
    known = [
        {"branch": 0, "x": rng.random()} if rng.random() < 0.5 else {"branch": 1, "z": rng.normal()}
        for _ in range(2000)
    ]
    losses = [1 - point.get("x", 0.0) for point in known]
    # f = (1 - b) x: V = E f² - (E f)² = 1/6 - 1/16 = 5/48, which is all of b, (1/4)², and of x.
    whole = 1 / 6 - 1 / 16
    expected = {"branch": (1 / 4) ** 2 / whole, "x": 1 / 2 / 12 / whole, "z": 0.0}
    assert sum(expected.values()) == pytest.approx(1)
    found = importance(space, known, losses, metric=ObjectiveMetric("loss", "loss"))
    shares = {share.metaparameter: share.share for share in found.shares}
    assert shares.keys() == expected.keys()
    for label, share in shares.items():
        assert share == pytest.approx(expected[label], abs=0.03)


def test_trials_without_a_dimension_change_nothing_of_its_share():
    # Deep below two choices, one trial in eight has x, which decides all there: the other trials'
    # scores differ by a choice alone.
    space = from_hyperopt(
        hp.choice(
            "a",
            [
                {"b": hp.pchoice("b", [(0.25, {"x": hp.uniform("x", 0, 1)}), (0.75, 0)])},
                {"y": hp.uniform("y", 0, 1)},
            ],
        ),
        name="deep",
    )
    rng = np.random.default_rng(1)
    known = []
    for _ in range(3000):
        if rng.random() < 0.5:
            known.append({"a": 1, "y": rng.random()})
        elif rng.random() < 0.25:
            known.append({"a": 0, "b": 0, "x": rng.random()})
        else:
            known.append({"a": 0, "b": 1})
    losses = [1 - point.get("x", 0.5) for point in known]
    found = importance(space, known, losses, metric=ObjectiveMetric("loss", "loss"))
    shares = {share.metaparameter: share.share for share in found.shares}
    # All variance is that of x, where x is; a random place in the other trials would hide it.
    assert shares["x"] == pytest.approx(1, abs=0.05)
    assert max(shares["a"], shares["b"], shares["y"]) < 0.05


def test_a_dimension_that_was_never_active_has_no_share():
    space = from_hyperopt(
        hp.pchoice("p", [(0.25, hp.qlognormal("q", 0, 1, 1)), (0.75, hp.randint("n", 2, 9))]),
        name="nested",
    )
    known = [{"p": 1, "n": 2 + at % 7} for at in range(40)]
    found = importance(space, known, [point["n"] / 9 for point in known])
    assert {share.metaparameter for share in found.shares} == {"p", "n"}
    assert found.shares[0].metaparameter == "n"


def test_importance_is_repeatable_and_needs_no_full_history():
    known = configurations(SPACES["wm"], 60)
    losses = [each["sigma"] for each in known]
    losses[3], losses[4] = None, math.nan
    found = importance_of(SPACES["wm"], known, losses, seed=3)
    assert found == importance_of(SPACES["wm"], known, losses, seed=3)
    assert found.scored == 58
    equal = importance_of(SPACES["wm"], known, [0.5] * 60)
    assert [each.share for each in equal.shares] == [0.0] * 3


def test_of_a_long_history_as_many_as_said_are_taken(monkeypatch):
    monkeypatch.setattr("alignsearch.search.reports.importance.MOST_SCORES", 50)
    known = configurations(SPACES["wm"], 130)
    found = importance_of(SPACES["wm"], known, [each["sigma"] for each in known])
    assert (found.trials, found.scored) == (50, 130)
    assert found.shares[0].metaparameter == "sigma"


@pytest.mark.parametrize("view", [categorical_effects, lambda *a: importance_of(SPACES["wm"], *a)])
def test_too_few_scores_are_refused_with_their_number(view):
    known = configurations(SPACES["wm"], 30)
    losses = [0.5] * (LEAST_SCORES - 1) + [None] * 20 + [math.inf]
    with pytest.raises(StateConflictError, match=r"at least 10 trials .* there are 9"):
        view(known, losses)


def test_fig_s2_has_the_appendix_labels_means_and_sems_the_largest_difference_first():
    # A changes the score by 0.2, D by -0.3, C (delays of 1 and 2 alike) by 0.1.
    known = [
        SEARCHED | {"bo_fwl2n": a, "bo_relu": d, "delay_epochs": de, "fo_bias": f, "fo_relu": False}
        for a, d, de, f in product((False, True), (False, True), (0, 1, 2), (False, True))
    ]
    losses = [
        0.6 - 0.2 * each["bo_fwl2n"] + 0.3 * each["bo_relu"] - 0.1 * (each["delay_epochs"] > 0)
        for each in known
    ]
    effects = categorical_effects(known, losses)
    assert "".join(each.label for each in effects) == "DACFBEGHI"
    assert [each.metaparameter for each in sorted(effects, key=lambda each: each.label)] == [
        "bo_fwl2n",
        "sigma",
        "delay_epochs",
        "bo_relu",
        "fo_relu",
        "fo_bias",
        "bi_fwmc",
        "bi_fwl2n",
        "fo_fwl2n",
    ]
    by_label = {each.label: each for each in effects}
    assert by_label["D"].difference == pytest.approx(-0.3)
    assert by_label["A"].difference == pytest.approx(0.2)
    assert by_label["C"].difference == pytest.approx(0.1)
    assert by_label["F"].difference == pytest.approx(0)
    assert (by_label["C"].no.trials, by_label["C"].yes.trials) == (8, 16)
    # Without a delay: A and D on four pairs of values, twice each.
    scores = [0.4, 0.4, 0.1, 0.1, 0.6, 0.6, 0.3, 0.3]
    mean = sum(scores) / 8
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / 7)
    assert by_label["C"].no.mean == pytest.approx(mean)
    assert by_label["C"].no.sem == pytest.approx(deviation / math.sqrt(8))
    # Noise is always used: one answer, and nothing to compare.
    noise = by_label["B"]
    assert (noise.no.trials, noise.no.mean, noise.no.sem) == (0, None, None)
    assert (noise.yes.trials, noise.difference) == (24, None)


def test_one_trial_has_a_mean_and_no_error():
    known = [SEARCHED | {"fo_bias": at == 0} for at in range(LEAST_SCORES)]
    losses = [0.25] + [0.5] * (LEAST_SCORES - 1)
    bias = next(each for each in categorical_effects(known, losses) if each.label == "F")
    assert (bias.yes.trials, bias.yes.mean, bias.yes.sem) == (1, 0.75, None)
    assert (bias.no.mean, bias.no.sem) == (0.5, 0.0)
