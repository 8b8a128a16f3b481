"""The experiment `transfer` with a search as one of its rules."""

import pytest

from alignsearch.experiments.place import Trained
from alignsearch.experiments.run_statistics import Outcome
from alignsearch.experiments.transfer import Transfer
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.configuration import configuration


def test_a_searchs_best_configuration_is_transferred_as_it_is(moved):
    """To every network and seed, beside backpropagation, whose accuracy the gap is from."""
    _, _, uri = moved
    asked = []
    experiment = Transfer(
        rules="bp,tried", models="resnet18,resnet50", seeds="2,7", width=4, epochs=1
    )
    with Store.connect(uri) as store:
        search, best = store.searches.get("tried"), store.totals.best("tried")

        class Place:
            has_store = True

            def open_store(self):
                return store

            def train(self, experiment, setting, runs, weight_samples=None):
                asked.extend(runs)
                found = [
                    Outcome(
                        run,
                        f"s/{tid}",
                        TrialState.COMPLETED,
                        accuracy=0.9 if run.rule == "bp" else 0.7 + run.seed / 100,
                        chance=0.1,
                        diverged=False,
                        seconds=1.0,
                    )
                    for tid, run in enumerate(runs)
                ]
                return Trained(search, found, {})

        experiment.check()
        report = experiment.report(Place())
    searched = [run for run in asked if run.label == "tried"]
    assert [(run.model, run.seed) for run in searched] == [
        (model, seed) for model in ("resnet18", "resnet50") for seed in (2, 7)
    ]
    assert {run.searched for run in searched} == {configuration(best.config)}
    assert {run.rule for run in searched} == {"ia"}
    found = report.numbers["resnet50"]["tried"]
    assert found["seeds"] == [2, 7]
    assert (found["gap"], found["gap_sem"]) == pytest.approx((-0.155, 0.025))
    assert any(
        "best configuration of the search of that name, over ia" in s for s in report.setting
    )
