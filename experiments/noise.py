"""The experiment `noise`: learning rules under noisy updates (Kunin et al. 2020, App. B.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from alignment_core.errors import UnknownNameError
from alignsearch.experiments.options import Option, Scale
from alignsearch.experiments.place import Place, Trained
from alignsearch.experiments.run_statistics import mean_accuracy
from alignsearch.experiments.setting import Setting, split_names, split_variances
from alignsearch.experiments.training import TrainingExperiment
from alignsearch.spaces.presets import B3, NOISY_RULES
from alignsearch.spaces.runs import Run

if TYPE_CHECKING:
    from alignsearch.experiments.figures.noise import Curve
    from alignsearch.experiments.report import Report

PAPER = (
    "ResNet-18 on ImageNet, batches of 256, rates of 0.1 (J) and 0.001 (R, by Adam) with drops at "
    "30 and 60 epochs, 10 trials for each variance (App. B.3); the variances and the number of "
    "epochs are not printed: 90 epochs are App. B.2's, the variances ours."
)
TRIALS = tuple(range(10))
"""Seeds of the paper's 10 trials for each variance."""

VARIANCES: dict[Scale, tuple[float, ...]] = {
    "minutes": (0.0, 1e-2, 1e-1, 1.0),
    "hours": (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    "paper": (0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
}
"""Variances of the noise. They are smaller on ImageNet, because noise adds up over the steps and
ImageNet has thousands of times more steps than digits."""

OWN_OPTIMIZER = ("sa", "aa")
"""Rules whose regularizer R has an optimizer of its own; Kolen-Pollack's R is trained with J."""

WITH_BACKWARD_KERNELS = (*OWN_OPTIMIZER, "kp")
"""Rules that have backward kernels, whose updates alone can be noisy."""

BOTH, BACKWARD = "both", "backward"
READINGS = {
    BOTH: "to J's update and, under SA and AA, to R's",
    BACKWARD: "to the backward kernels' updates alone: under SA and AA to R's, under KP to its "
    "part of J's",
}
"""The updates that are noisy. App. B.3 can be read in two ways: "the update given by the respective
optimizers" are all of them, but its shift is by the learning rate of R's alone. The published code
disturbs the variables whose names have "backward" in them, so backward kernels alone."""


@dataclass(frozen=True, kw_only=True)
class Noise(TrainingExperiment):
    """Accuracy of learning rules by the variance of Gaussian noise in their updates."""

    SCALES: ClassVar[Mapping[Scale, Setting]] = {
        "minutes": Setting(
            rules=NOISY_RULES,
            models=("resnet18",),
            dataset="digits",
            width=4,
            epochs=4,
            seeds=TRIALS[:3],
        ),
        "hours": Setting(
            rules=NOISY_RULES,
            models=("resnet18",),
            dataset="digits",
            width=8,
            epochs=15,
            seeds=TRIALS,
        ),
        "paper": Setting(rules=NOISY_RULES, models=("resnet18",), dataset="imagenet", seeds=TRIALS),
    }
    LEAST_SEEDS: ClassVar[int] = 2

    variances: Annotated[
        str | None, Option("Variances of the noise, with commas; 0 is no noise.")
    ] = None
    noisy: Annotated[
        str,
        Option(
            "Which updates are noisy under SA, AA and KP, a curve for each: all (both), or the "
            "backward kernels' alone (backward)."
        ),
    ] = ",".join(READINGS)
    shift: Annotated[
        bool,
        Option(
            "Draw SA's and AA's curves at variances 10^4 times lower, as Fig. S1 (App. B.3).",
            names=("--shift",),
        ),
    ] = False

    def check(self) -> None:
        """Refuse other rules, several networks and unreadable variances, too."""
        setting = self.setting()
        self._variances()
        self._readings()
        for rule in setting.rules:
            if rule not in NOISY_RULES:
                raise UnknownNameError("rule of App. B.3", rule, NOISY_RULES)
        setting.check_one_model("noise is about")
        setting.check()

    def report(self, place: Place) -> "Report":
        """Train every rule at every variance, once a seed; SA and AA in each reading."""
        from alignsearch.experiments.figures.noise import make_report

        setting = self.setting()
        variances = self._variances()
        readings = self._readings()
        pairs = [
            (rule, reading)
            for rule in setting.rules
            for reading in (readings if rule in WITH_BACKWARD_KERNELS else (BOTH,))
        ]
        # Without noise both readings are the same run.
        runs = list(
            dict.fromkeys(
                _run(setting, *pair, variance, seed)
                for pair in pairs
                for variance in variances
                for seed in setting.seeds
            )
        )
        trained = place.train("noise", setting, runs)
        which = (
            "Gaussian noise of the variance shown, times the current learning rate, is added "
            + "; or ".join(READINGS[each] for each in readings)
            + "."
        )
        return make_report(
            [self._curve(setting, trained, *pair) for pair in pairs],
            [*setting.lines(PAPER), which, trained.line()],
            seeds=setting.seeds,
            chance=trained.chance,
        )

    def _curve(self, setting: Setting, trained: Trained, rule: str, reading: str) -> "Curve":
        from alignsearch.experiments.figures.noise import Curve

        found = {each.run: each for each in trained.outcomes}
        variances = self._variances()
        return Curve(
            rule,
            variances,
            [
                mean_accuracy(
                    found[_run(setting, rule, reading, variance, seed)] for seed in setting.seeds
                )
                for variance in variances
            ],
            alone=reading == BACKWARD,
            shifted=self.shift and rule in OWN_OPTIMIZER,
        )

    def _readings(self) -> tuple[str, ...]:
        readings = split_names("--noisy", self.noisy)
        for reading in readings:
            if reading not in READINGS:
                raise UnknownNameError("kind of --noisy", reading, READINGS)
        return readings

    def _variances(self) -> tuple[float, ...]:
        if self.variances is None:
            return VARIANCES[self.scale]
        return split_variances(self.variances)


def _run(setting: Setting, rule: str, reading: str, variance: float, seed: int) -> Run:
    own = rule in OWN_OPTIMIZER
    alone = reading == BACKWARD and not own and variance > 0
    return setting.run(
        rule,
        setting.models[0],
        seed,
        preset=B3,
        update_noise_variance=0.0 if reading == BACKWARD and own else variance,
        alignment_update_noise_variance=variance if own else 0.0,
        noisy_variables="backward" if alone else "all",
    )
