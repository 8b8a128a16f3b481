"""Samplers that packages add by entry points: found by name, and faults told in one line."""

import sys

import numpy as np
import pytest
from document_code import shown_files
from expressions import Expressions
from suggestions import random_trials

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Observation
from alignsearch.search.samplers.sampler import (
    SAMPLERS,
    check_serves,
    known_samplers,
    make_sampler,
    package_versions,
    problem_of,
)
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.hyperopt_space import from_hyperopt

WM = get_space("wm")
SOURCE = """
class Fixed:
    def __init__(self, space, *, seed, startup, pending):
        self.space, self.seed, self.startup, self.seen = space, seed, startup, 0
    def tell(self, observation):
        self.seen += 1
    def suggest(self, tid, pending):
        return {"seed": self.seed, "tid": tid}

def broken(space, **options):
    raise RuntimeError("no license for\\n3 dimensions")

def nothing(space, **options):
    return {}

number = 3
"""


def test_a_packages_sampler_is_known_made_and_listed_like_the_programs_own(install_samplers):
    install_samplers(SOURCE, fixed="oddpack:Fixed", tpe="oddpack:broken")
    assert known_samplers() == (*SAMPLERS, "fixed")
    sampler = make_sampler("fixed", WM, seed=4, startup=2)
    assert (sampler.space, sampler.startup) == (WM, 2)
    assert sampler.suggest(7, []) == {"seed": 4, "tid": 7}
    assert package_versions("fixed") == {"oddpack": "1.2"}
    assert problem_of("fixed") is None
    assert Submission(space="wm", algo="fixed").algo == "fixed"
    # The program's own samplers keep their names.
    assert make_sampler("tpe", WM, seed=4, startup=2).seen == 0
    with pytest.raises(UnknownNameError, match="did you mean fixed"):
        make_sampler("fixd", WM, seed=0, startup=1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("oddpack:Gone", "can't be imported: AttributeError: module 'oddpack' has no attribute"),
        ("oddpack.inner:Gone", "can't be imported: ModuleNotFoundError: No module named"),
        ("oddpack:number", "can't be made here: TypeError: 'int' object is not callable"),
        ("oddpack:broken", "can't be made here: RuntimeError: no license for 3 dimensions"),
        ("oddpack:nothing", "is no sampler: it makes dict, without tell, suggest"),
    ],
)
def test_a_package_at_fault_is_named_in_one_line(install_samplers, value, said):
    install_samplers(SOURCE, odd=value)
    with pytest.raises(ConfigurationError) as refused:
        check_serves("odd", WM, seed=0, startup=1)
    assert str(refused.value).startswith(f"the sampler odd, {value} of the package oddpack, {said}")
    assert "\n" not in str(refused.value)


def test_a_module_that_raises_or_ends_the_program_is_named(install_samplers):
    install_samplers("raise SystemExit(3)", odd="oddpack:Odd")
    with pytest.raises(ConfigurationError, match="of the package oddpack, can't be imported: Sys"):
        make_sampler("odd", WM, seed=0, startup=1)


def test_a_sampler_whose_package_is_missing_names_it(monkeypatch):
    for missing, algo, said in (
        ("optuna", "optuna:tpe", "needs optuna, not installed here: pip install 'alignsearch[opt"),
        ("cmaes", "optuna:cmaes", "needs cmaes, not installed here: pip install 'alignsearch[opt"),
        ("torch", "optuna:gp", "needs torch, not installed here: pip install torch"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, missing, None)
            with pytest.raises(ConfigurationError) as refused:
                check_serves(algo, WM, seed=0, startup=1)
            assert f"the sampler {algo} {said}" in str(refused.value)


def test_the_versions_that_a_samplers_points_depend_on_are_known():
    assert package_versions("tpe") == {}
    assert package_versions("sobol").keys() == {"scipy"}
    assert package_versions("optuna:cmaes").keys() == {"optuna", "cmaes"}


def test_hyperopts_name_of_random_search_is_understood_and_stored_as_ours():
    assert Submission(space="wm", algo="rand").algo == "random"


def test_the_documents_sampler_keeps_the_contract_and_learns(install_samplers):
    install_samplers(
        shown_files()["neighbours.py"], module="neighbours", neighbours="neighbours:Neighbours"
    )
    expressions, rng = Expressions(seed=41), np.random.default_rng(1)
    for _ in range(8):
        space = from_hyperopt(expressions.make())
        observations, pending = random_trials(space, 20, 3, rng)
        samplers = [make_sampler("neighbours", space, seed=2, startup=1) for _ in range(2)]
        for at in range(20):
            samplers[0].tell(observations[at])
            samplers[1].tell(observations[-1 - at])
        for tid in range(100, 104):
            point = samplers[0].suggest(tid, pending)
            space.check_point(point)
            assert samplers[1].suggest(tid, pending) == point
    beside, alone = ([], [])
    for losses, algo in ((beside, "neighbours"), (alone, "random")):
        sampler = make_sampler(algo, WM, seed=0, startup=1)
        for tid in range(200):
            point = sampler.suggest(tid, [])
            losses.append((point["sigma"] - 0.3) ** 2 + (point["beta"] - 0.7) ** 2)
            sampler.tell(Observation(tid, point, losses[-1]))
    assert np.mean(beside[101::2]) < np.mean(alone[101::2]) / 2
