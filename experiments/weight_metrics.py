"""The experiment `weight-metrics`: alignment of every layer during training (App. C, Fig. S4)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alignsearch.experiments.place import Place
from alignsearch.experiments.weights import (
    PAPER,
    WeightsExperiment,
    layers_of,
    sampled_epochs,
    sampling,
    third,
    train_rules,
)

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report


@dataclass(frozen=True, kw_only=True)
class WeightMetrics(WeightsExperiment):
    """Angle and norm ratio of forward and backward weights of every layer, rule by rule."""

    def report(self, place: Place) -> "Report":
        """Train every rule, once a seed, and show all of its layers."""
        setting = self.setting()
        # The same samples as `symmetry` takes by default, so that both share one search.
        samples = sampling(third(layers_of(setting)), sampled_epochs(setting))
        courses, line = train_rules(setting, place, samples)
        from alignsearch.experiments.figures.weight_metrics import layers_over_time, make_report

        return make_report(
            [
                layers_over_time(
                    each.label,
                    [
                        (outcome.run.seed, outcome.diverged, epochs)
                        for outcome, epochs in zip(each.outcomes, each.epochs, strict=True)
                    ],
                    each.outcomes[0].run.epochs,
                    each.drops,
                )
                for each in courses
            ],
            [*setting.lines(PAPER), line],
            seeds=setting.seeds,
        )
