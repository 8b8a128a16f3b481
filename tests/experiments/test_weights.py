"""Reports of `weight-metrics` and `symmetry` on finished trainings."""

import pytest
from epoch_maker import an_epoch

from alignsearch.experiments.place import Trained
from alignsearch.experiments.run_statistics import Outcome
from alignsearch.experiments.symmetry import Symmetry
from alignsearch.experiments.weight_metrics import WeightMetrics
from alignsearch.search.documents import LayerRecord, Recipe, Search, WeightSample
from alignsearch.search.documents.states import TrialState

LAYERS = ("dense1", "dense2", "logits")
EPOCHS = 10
OPTIONS = {
    "rules": "sa,wm,ia",
    "models": "dense",
    "seeds": "3,5",
    "width": 8,
    "epochs": EPOCHS,
}


class Place:
    """Hands out trainings in which layer k of epoch e has 10 k + e degrees; WM ends early."""

    def __init__(self):
        self.asked = []

    def train(self, experiment, setting, runs, weight_samples=None):
        self.asked.append((experiment, runs, weight_samples))
        outcomes, epochs = [], {}
        for tid, run in enumerate(runs):
            lost = run.name == "WM"
            name = f"s/{tid}"
            outcomes.append(
                Outcome(run, name, TrialState.COMPLETED, 0.9, 0.1, diverged=lost, seconds=1.0)
            )
            done = 2 if lost else run.epochs
            epochs[name] = [self.epoch(name, each, weight_samples) for each in range(1, done + 1)]
        recipe = Recipe(dataset="digits", width=8, stem="small", epochs=EPOCHS)
        search = Search(
            name="weights-1",
            space="runs",
            space_hash="",
            recipe=recipe,
            trials=len(runs),
            parallel=1,
            seed=0,
            startup=0,
            created_by="a test",
        )
        return Trained(search, outcomes, epochs)

    def epoch(self, trial, number, samples):
        pairs = ()
        if number in samples.epochs:
            shown = {"forward": (0.1, -0.2, 0.3), "backward": (0.1 * number, 0.0, -1.0)}
            pairs = (WeightSample(layer=samples.layers[0], **shown),)
        layers = [
            LayerRecord(name=name, angle=10.0 * at + number, norm_ratio=1.0)
            for at, name in enumerate(LAYERS)
        ]
        return an_epoch(trial, number, epochs=EPOCHS, layers=layers, weight_samples=pairs)


def test_every_rule_has_its_course_and_its_own_drops():
    place = Place()
    report = WeightMetrics(**OPTIONS).report(place)
    panels = report.figures[0].panels
    titles = [panel.title for panel in panels[::2]]
    assert titles == [f"{rule}: angle" for rule in ("SA", "WM", "WM ref.", "IA")]
    # App. B.2: 30, 60, 80 of 90; Table 5: the same of 100, after the delay of WM (2) and IA (1).
    expected = ([30 / 9, 60 / 9, 80 / 9], [3.2, 6.2, 8.2], [3.2, 6.2, 8.2], [3.1, 6.1, 8.1])
    for panel, drops in zip(panels[::2], expected, strict=True):
        marked = [each.x[0] for each in panel.marks if each.label == "learning rate drops"]
        assert marked == pytest.approx(drops)
        assert [each.y[0] for each in panel.marks if not each.label] == [1.0, 11.0, 21.0]
    assert "WM: median angle 11° after the first epoch" in report.figures[0].caption
    assert "2 of 2 trainings diverged" in report.figures[0].caption
    assert report.numbers["WM"]["diverged"] == [3, 5]


def test_symmetry_shows_the_third_layer_of_the_first_seed_and_has_the_same_search():
    place = Place()
    WeightMetrics(**OPTIONS).report(place)
    report = Symmetry(**OPTIONS).report(place)
    # The same runs and samples under the same name: trained once for both.
    assert place.asked[0] == place.asked[1]
    experiment, runs, samples = place.asked[0]
    assert experiment == "weights"
    assert samples.layers == ("logits",)
    assert samples.epochs == (1, 3, 7, 10)
    assert {run.weights_order for run in runs if run.rule == "wm"} == {"paper", "reference"}
    panels = report.figures[0].panels
    assert [panel.title for panel in panels[:4]] == [
        f"SA, epoch {epoch}: {20 + epoch}°" for epoch in samples.epochs
    ]
    assert [panel.title for panel in panels[4:6]] == ["WM, epoch 1: 21°", "WM, epoch 3: diverged"]
    assert panels[1].marks[0].y.tolist() == pytest.approx([0.3, 0.0, -1.0])


def test_one_order_is_trained_where_one_is_asked_for():
    place = Place()
    WeightMetrics(**OPTIONS, weights_order="reference").report(place)
    assert [run.name for run in place.asked[0][1]] == ["SA", "SA", "WM", "WM", "IA", "IA"]
