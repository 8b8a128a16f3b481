"""The experiment `transfer` with a search as one of its rules."""

import pytest
from digits_search import finished_training

from alignsearch.experiments.place import Trained
from alignsearch.experiments.run_statistics import Outcome
from alignsearch.experiments.transfer import Transfer
from alignsearch.search.documents import Origin, Result
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.configuration import configuration


class Listing:
    """A place that lists the runs it is asked for, and makes results up."""

    has_store = True

    def __init__(self, store, search):
        self.store, self.search, self.asked = store, search, []

    def open_store(self):
        return self.store

    def train(self, experiment, setting, runs, weight_samples=None):
        self.asked.extend(runs)
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
        return Trained(self.search, found, {})


def test_a_searchs_best_configuration_is_transferred_as_it_is(moved):
    """To every network and seed, beside backpropagation, whose accuracy the gap is from."""
    _, _, uri = moved
    experiment = Transfer(
        rules="bp,tried", models="resnet18,resnet50", seeds="2,7", width=4, epochs=1
    )
    with Store.connect(uri) as store:
        search, best = store.searches.get("tried"), store.totals.best("tried")

        place = Listing(store, search)
        experiment.check()
        report = experiment.report(place)
    searched = [run for run in place.asked if run.label == "tried"]
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


def test_of_a_confirmed_search_the_best_mean_is_transferred_and_its_ties_are_said(store):
    """And not the luckiest trial, which an unconfirmed search would name."""
    search = finished_training(store, "tried", (0.5, 0.2, 0.3, 0.32))
    trials = store.trials.all("tried")
    tid = len(trials)
    for of, losses in {1: (0.41, 0.43), 2: (0.31, 0.33), 3: (0.32, 0.32)}.items():
        for repeat, loss in enumerate(losses, start=1):
            again = trials[of].model_copy(
                update={
                    "id": f"tried/{tid}",
                    "tid": tid,
                    "state": TrialState.COMPLETED,
                    "result": Result(status="ok", loss=loss),
                    "origin": Origin(kind="confirmation", of=of, repeat=repeat),
                }
            )
            store.trials.add(again)
            tid += 1
    assert store.totals.best("tried").tid == 1
    place = Listing(store, search)
    experiment = Transfer(rules="bp,tried", models="resnet18", seeds="2", width=4, epochs=1)
    report = experiment.report(place)
    searched = {run.searched for run in place.asked if run.label == "tried"}
    assert searched == {configuration(trials[2].config)}
    (line,) = [line for line in report.setting if line.startswith("tried: ")]
    assert (
        "by validation error 0.3200 ± 0.0082, the mean of 2 fresh seeds, tied with trial 3" in line
    )
