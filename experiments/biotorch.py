"""The experiment `biotorch`: LeNet on Fashion-MNIST under the rules of BioTorch's table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alignment_core.errors import UnknownNameError
from alignsearch.experiments.options import Scale
from alignsearch.experiments.place import Place, Trained
from alignsearch.experiments.run_statistics import Outcome
from alignsearch.experiments.setting import Setting
from alignsearch.experiments.training import TrainingExperiment
from alignsearch.search.documents import Epoch
from alignsearch.search.reports.means import Mean, mean_of
from alignsearch.spaces.biotorch import BIOTORCH, BIOTORCH_RULES, OWN_RATES, RATE
from alignsearch.spaces.presets import RULES

if TYPE_CHECKING:
    from alignsearch.experiments.figures.biotorch import Row
    from alignsearch.experiments.report import Report

PRINTED = {"bp": 9.20, "fa": 13.06, "usf": 9.69, "brsf": 10.02, "frsf": 9.61, "dfa": 12.81}
"""Top-1 errors of BioTorch's Benchmarks.md in percent, of one seed each."""

SEEDS = (0, 1, 2, 3, 4)
"""BioTorch trained one seed; five are ours."""

SOURCE = "BioTorch (arXiv 2108.13446), Fashion-MNIST"
PAPER = (
    "LeNet on Fashion-MNIST resized to 32 x 32; SGD with momentum 0.9 and weight decay 1e-3, "
    "batches of 64, 100 epochs, the rate divided by 10 at epochs 50 and 75; scored by the best "
    "epoch on the 10,000 test images, one seed. The learning rates are not published."
)


@dataclass(frozen=True, kw_only=True)
class BioTorchTable(TrainingExperiment):
    """Error of LeNet on Fashion-MNIST rule by rule, beside BioTorch's table."""

    SCALES: ClassVar[Mapping[Scale, Setting]] = {
        "minutes": Setting(
            rules=("bp", "fa"),
            models=("lenet",),
            dataset="fashion_mnist_32",
            epochs=1,
            seeds=SEEDS[:2],
        ),
        "hours": Setting(
            rules=tuple(PRINTED),
            models=("lenet",),
            dataset="fashion_mnist_32",
            epochs=10,
            seeds=SEEDS[:3],
        ),
        "paper": Setting(
            rules=tuple(PRINTED), models=("lenet",), dataset="fashion_mnist_32", seeds=SEEDS
        ),
    }
    LEAST_SEEDS: ClassVar[int] = 2

    def check(self) -> None:
        """Refuse rules without a row in the table, and several networks, too."""
        setting = self.setting()
        for rule in setting.rules:
            if rule not in BIOTORCH_RULES:
                raise UnknownNameError("rule of BioTorch's table", rule, BIOTORCH_RULES)
        setting.check_one_model("biotorch is about")
        setting.check()

    def report(self, place: Place) -> "Report":
        """Train every rule, once a seed.

        Raises:
            AlignSearchError: as `Place.train`.
        """
        from alignsearch.experiments.figures.biotorch import make_report

        setting = self.setting()
        (model,) = setting.models
        # All rules of one seed before the next: a table that is broken off has every rule.
        runs = [
            setting.run(rule, model, seed, preset=BIOTORCH)
            for seed in setting.seeds
            for rule in setting.rules
        ]
        trained = place.train("biotorch", setting, runs)
        rate = f"The learning rate is {RATE:g}, found by backpropagation alone."
        others = [rule for rule in setting.rules if RULES[rule][0] in OWN_RATES]
        if others:
            own = ", ".join(f"{rule} {OWN_RATES[RULES[rule][0]]:g}" for rule in others)
            rate += f" Rules for which that is too large have their own: {own}."
        return make_report(
            [_row(rule, trained) for rule in setting.rules],
            source=SOURCE,
            setting=[*setting.lines(PAPER), rate, trained.line()],
            seeds=setting.seeds,
        )


def _row(rule: str, trained: Trained) -> "Row":
    from alignsearch.experiments.figures.biotorch import Row

    found = [each for each in trained.outcomes if each.run.rule == rule]
    best = [error for each in found if (error := best_error(each, trained.epochs)) is not None]
    last = [100 * (1 - each.accuracy) for each in found if each.accuracy is not None]
    return Row(rule, PRINTED.get(rule), _mean(best), _mean(last), len(found) - len(last))


def best_error(outcome: Outcome, epochs: Mapping[str, Sequence[Epoch]]) -> float | None:
    """Return a run's lowest validation error of all epochs in percent, as BioTorch scores.

    None if the run has no result.
    """
    measured = (epoch.validation_accuracy for epoch in epochs[outcome.trial])
    accuracies = [accuracy for accuracy in measured if accuracy is not None]
    if outcome.accuracy is None or not accuracies:
        return None
    return 100 * (1 - max(accuracies))


def _mean(values: Sequence[float]) -> Mean:
    return mean_of(list(values))
