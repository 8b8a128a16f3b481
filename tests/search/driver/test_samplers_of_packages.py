"""Samplers that fail in the middle of a search, are not installed, or have no point left."""

import pytest
from driving import NEVER
from hyperopt import hp
from nested_search import a_rehearsal

import alignsearch
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.use_cases import enqueueing
from alignsearch.search.use_cases.enqueueing import Wanted
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.workers.objectives.rehearsal import rehearse

WM = get_space("wm")
FAULTY = """
import math
import numpy as np
from alignsearch.search.documents.errors import ForeignSearchError, StoreUnavailableError
from alignsearch.search.samplers.random_search import RandomSampler

class Odd(RandomSampler):
    def __init__(self, space, *, seed, startup, pending):
        super().__init__(space, seed=seed)
    def suggest(self, tid, pending):
        point = super().suggest(tid, pending)
        return self.broken(point) if tid >= 2 else point

class Raises(Odd):
    def broken(self, point):
        raise RuntimeError("the model is singular")
class NoPoint(Odd):
    def broken(self, point):
        return None
class TooFar(Odd):
    def broken(self, point):
        return {**point, "sigma": 1e9}
class NotANumber(Odd):
    def broken(self, point):
        return {**point, "sigma": math.nan}
class Text(Odd):
    def broken(self, point):
        return {**point, "sigma": "0.5"}
class Lacks(Odd):
    def broken(self, point):
        return {label: value for label, value in point.items() if label != "sigma"}
class Strange(Odd):
    def broken(self, point):
        return {**point, "speed": 1.0}
class NumPys(Odd):
    def broken(self, point):
        return {label: np.float64(value) for label, value in point.items()}
class Leaves(Odd):
    def broken(self, point):
        raise SystemExit(2)
class Panics(Odd):
    def broken(self, point):
        # Panics of Rust's libraries are errors of this kind.
        raise type("PanicException", (BaseException,), {})("index out of bounds")
class Foreign(Odd):
    def broken(self, point):
        raise ForeignSearchError("another store's search was deleted")
class Away(Odd):
    def broken(self, point):
        raise StoreUnavailableError("another store doesn't answer")
class Scribbles(Odd):
    def tell(self, observation):
        super().tell(observation)
        observation.point["sigma"] = 0.25
    def suggest(self, tid, pending):
        for each in pending:
            each.point["sigma"] = 0.125
        return super().suggest(tid, pending)
    def broken(self, point):
        return point
class Deaf(Odd):
    seen = None
    def tell(self, observation):
        raise OSError("no space left")
    def broken(self, point):
        return point
"""
"""Samplers that fail from their third trial on."""

SAID = {
    "Raises": "trial 2 is a random point instead: RuntimeError: the model is singular",
    "NoPoint": "trial 2 is a random point instead: ConfigurationError: it suggested NoneType",
    "TooFar": "ConfigurationError: not a point of space 'wm': sigma is 1000000000.0, not ",
    "NotANumber": "not a point of space 'wm': sigma is nan, not ",
    "Text": "not a point of space 'wm': sigma is 0.5, not ",
    "Lacks": "not a point of space 'wm': sigma is missing",
    "Strange": "not a point of space 'wm': it doesn't sample speed",
    "Leaves": "trial 2 is a random point instead: SystemExit: 2",
    "Panics": "trial 2 is a random point instead: PanicException: index out of bounds",
    "Foreign": "random point instead: ForeignSearchError: another store's search was deleted",
    "Away": "random point instead: StoreUnavailableError: another store doesn't answer",
    "Deaf": "the result of trial 0 is left out: OSError: no space left",
}


def failures(store):
    events = store.logs.events("a-search")
    return [event.detail for event in events if event.what == "suggestion failed"]


@pytest.mark.parametrize("name", SAID)
def test_a_sampler_that_fails_is_noted_and_the_search_goes_on(
    store, make_search, make_driver, install_samplers, name
):
    install_samplers(FAULTY, odd=f"oddpack:{name}")
    make_search(algo="odd", trials=6, parallel=1, epochs=0)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    trials = store.trials.all("a-search")
    assert len(trials) == 6
    for trial in trials:
        WM.check_point(trial.point)
        assert trial.result.loss is not None
    assert len({trial.point["sigma"] for trial in trials}) == 6
    first = failures(store)[0]
    assert SAID[name] in first
    assert "\n" not in first
    assert read_summary(store, "a-search").sampler_failure == failures(store)[-1]


def test_where_an_expression_has_no_value_another_random_point_is_in_its_place(store_uri):
    # A third of all points, random ones too, divide by zero.
    space = {"x": 1.0 / hp.quniform("d", 0, 2, 1), "y": hp.uniform("y", 0, 1)}
    with alignsearch.Search(space).submit(name="a-search", trials=20, store=store_uri) as found:
        while (trial := found.ask()) is not None:
            found.tell(trial, trial.config["x"] + trial.config["y"])
        assert found.search.status == SearchStatus.COMPLETED
        frame = found.trials()
        assert len(frame) == frame["y"].nunique() == 20
        assert set(frame["d"]) <= {1.0, 2.0}


def test_failures_without_an_end_fill_no_log(store, make_search, make_driver, install_samplers):
    install_samplers(FAULTY, odd="oddpack:Raises")
    make_search(algo="odd", trials=18, parallel=1, epochs=0)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    said = failures(store)
    # The first of sixteen, the second, the fourth, and so on.
    assert len(said) == 5
    assert said[-1].endswith("(failure 16 of the sampler)")


def test_a_sampler_that_writes_into_its_arguments_changes_no_trial(
    store, make_search, make_driver, install_samplers
):
    install_samplers(FAULTY, odd="oddpack:Scribbles")
    make_search(algo="odd", trials=12, parallel=4, epochs=0)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    trials = store.trials.all("a-search")
    assert [trial.config["sigma"] for trial in trials] == [each.point["sigma"] for each in trials]
    assert len({trial.point["sigma"] for trial in trials}) == 12


def test_numbers_of_numpy_are_stored_as_pythons(store, make_search, make_driver, install_samplers):
    install_samplers(FAULTY, odd="oddpack:NumPys")
    make_search(algo="odd", trials=4, parallel=1, epochs=0)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert failures(store) == []


def test_a_search_whose_sampler_is_not_installed_waits_for_the_package(
    store, make_search, make_driver, install_samplers
):
    remove = install_samplers(FAULTY, odd="oddpack:Raises")
    make_search(algo="odd", trials=4, versions={"numpy": "2.0", "oddpack": "1.2"})
    make_search(name="another", trials=2)
    assert "odd" not in read_summary(store, "a-search").waits_for
    remove()
    with pytest.raises(StateConflictError) as refused:
        make_driver()
    assert str(refused.value) == (
        "search 'a-search' can't go on here: its sampler 'odd' is not installed; install the "
        "package oddpack 1.2 on the host that drives it"
    )
    assert "its sampler odd is not installed here" in read_summary(store, "a-search").waits_for
    assert [search.name for search in store.searches.all()] == ["a-search", "another"]
    assert make_driver("another").run(NEVER) == Outcome.FINISHED


SMALL = from_hyperopt({"a": hp.choice("a", [0, 1, 2]), "b": hp.quniform("b", 0, 3, 1)})


@pytest.mark.parametrize("parallel", [1, 4, 30])
def test_a_search_ends_with_the_last_point_of_its_grid(store, make_driver, parallel):
    search = a_rehearsal("a-search", SMALL, 1, algo="grid", trials=100, parallel=parallel)
    store.searches.create(search)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    search = store.searches.get("a-search")
    assert search.status is SearchStatus.COMPLETED
    assert search.ending == "each of the 12 points of its grid is tried (--algo grid)"
    points = {(trial.point["a"], trial.point["b"]) for trial in store.trials.all("a-search")}
    assert len(points) == 12 == len(store.trials.all("a-search"))


def test_given_points_and_failed_trials_are_points_of_the_grid(store, make_driver):
    """One point is given and on the grid; another one's trial fails, and is replaced by none."""
    search = a_rehearsal("a-search", SMALL, 1, algo="grid", trials=100, parallel=3)
    store.searches.create(search)
    given = [{"a": 1, "b": 2.0}, {"a": 0, "b": 3.0}]
    enqueueing.enqueue(store, "a-search", [Wanted(point) for point in given], "ann")

    def objective(search, trial, link):
        if dict(trial.point) == {"a": 2, "b": 0.0}:
            raise StateConflictError("it can't be evaluated")
        return rehearse(search, trial, link)

    assert make_driver(objective=objective).run(NEVER) == Outcome.FINISHED
    trials = store.trials.all("a-search")
    assert [dict(trial.point) for trial in trials[:2]] == given
    assert len(trials) == 12 == len({tuple(sorted(trial.point.items())) for trial in trials})
    assert [trial.state for trial in trials].count(TrialState.FAILED) == 1
    search = store.searches.get("a-search")
    assert (search.status, "(--algo grid)" in search.ending) == (SearchStatus.COMPLETED, True)


def test_trials_that_programs_ask_for_end_with_the_grid(store_uri):
    space = {"a": hp.choice("a", [0, 1, 2]), "b": hp.quniform("b", 0, 3, 1)}
    options = {"trials": 100, "name": "asked", "algo": "grid", "store": store_uri}
    with alignsearch.Search(space).submit(**options) as search:
        given = []
        while (trial := search.ask()) is not None:
            given.append((trial.config["a"], trial.config["b"]))
            if len(given) % 2:
                search.tell(trial, 1.0 * len(given))
            else:
                search.tell(trial, float("nan"))
        assert len(set(given)) == 12 == len(given)
        assert search.status == "completed"
