"""Measures of `make check-claims` against differences and errors computed by hand."""

import importlib.util
import sys
from pathlib import Path

import pytest

SPECIFICATION = importlib.util.spec_from_file_location(
    "check", Path(__file__).with_name("check.py")
)


@pytest.fixture(scope="module")
def check():
    found = importlib.util.module_from_spec(SPECIFICATION)
    # Dataclasses look their module up.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "check", found)
        SPECIFICATION.loader.exec_module(found)
    return found


def points(*means):
    return [{"variance": at / 10, "mean": each, "sem": 0.03} for at, each in enumerate(means)]


def test_a_sturdier_rule_loses_less_of_its_own_accuracy(check):
    numbers = {"bp": points(0.9, 0.6), "sa": points(0.8, 0.7)}
    assert check.sturdier("sa", 0.1)(numbers) == pytest.approx((0.2, 0.06))


def test_gaps_weights_and_norms_are_compared_seed_by_seed(check):
    gaps = {
        "resnet50": {"sa": {"gap": -0.1, "gap_sem": 0.03}, "wm": {"gap": -0.5, "gap_sem": 0.04}}
    }
    assert check.closer("sa", "wm", "resnet50")(gaps) == pytest.approx((0.4, 0.05))
    metrics = {
        "IA": {
            "angle_after_last_epoch": [[1.0, 3.0, 8.0], [2.0, 4.0, None]],
            "least_norm_ratio": [[0.1, 1.0], [0.1, 1.0]],
            "largest_norm_ratio": [[1.0, 10.0], [1.0, 1.0]],
        },
        "WM": {
            "angle_after_last_epoch": [[10.0, 13.0, 18.0], [20.0, 25.0, 30.0]],
            "least_norm_ratio": [[0.001, 1.0], [0.1, 1.0]],
            "largest_norm_ratio": [[1.0, 1.0], [1.0, 1000.0]],
        },
    }
    assert check.better_aligned("IA", "WM")(metrics) == pytest.approx((16.0, 6.0))
    assert check.within("IA", 5.0)(metrics) == pytest.approx((-1.0, 2.0))
    assert check.steadier("IA", "WM")(metrics) == pytest.approx((2.0, 1.0))


def test_a_verdict_needs_twice_the_error(check):
    found = [check.verdict(each, 1.0) for each in (2.1, 1.9, -1.9, -2.1)]
    assert found == ["agrees", "undecided", "undecided", "disagrees"]


def test_every_claim_is_about_an_experiment_that_is_run(check):
    assert {claim.experiment for claim in check.CLAIMS} == set(check.EXPERIMENTS)
