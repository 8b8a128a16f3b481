"""Check on digits whether the paper's stochastic claims hold in direction.

    make check-claims [EXPERIMENTS="noise transfer"]

Each experiment is run by its command, with more seeds than at `--scale minutes`. For each claim the
difference is printed that it claims to be positive, with its standard error over the seeds. The
exit code is 0 whether claims hold or not: digits are not ImageNet. Trainings that an earlier call
has finished are not repeated.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("alignsearch")
FOLDER = Path("claims")

Numbers = dict[str, Any]
Measured = tuple[float, float]
"""Difference that a claim claims to be positive, and its standard error."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, the experiment that tests it, and the measure of its difference."""

    words: str
    experiment: str
    measure: Callable[[Numbers], Measured]


EXPERIMENTS = {
    "noise": ("--seeds", "5", "--variances", "0,0.1,1"),
    "kolen-pollack": ("--seeds", "5", "--models", "resnet18,resnet50v2", "--epochs", "12"),
    "transfer": ("--seeds", "5", "--rules", "bp,sa,wm,ia", "--epochs", "12"),
    "weight-metrics": ("--seeds", "3"),
}
"""Options of each experiment beside `--scale minutes`."""


def over_seeds(values: Sequence[float]) -> Measured:
    """Mean of the values and its standard error."""
    return statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5


def sturdier(rule: str, variance: float) -> Callable[[Numbers], Measured]:
    """Measure of the accuracy lost to noise: backpropagation's minus the rule's."""

    def lost(points: list[dict[str, float]]) -> Measured:
        by_variance = {each["variance"]: each for each in points}
        still, noisy = by_variance[0.0], by_variance[variance]
        return still["mean"] - noisy["mean"], math.hypot(still["sem"], noisy["sem"])

    def measure(numbers: Numbers) -> Measured:
        (theirs, their_sem), (ours, our_sem) = lost(numbers["bp"]), lost(numbers[rule])
        return theirs - ours, math.hypot(their_sem, our_sem)

    return measure


def closer(rule: str, other: str, model: str) -> Callable[[Numbers], Measured]:
    """Measure of the rule's gap to backpropagation minus the other rule's gap."""

    def measure(numbers: Numbers) -> Measured:
        ours, theirs = numbers[model][rule], numbers[model][other]
        return ours["gap"] - theirs["gap"], math.hypot(ours["gap_sem"], theirs["gap_sem"])

    return measure


def known(layers: Sequence[float | None]) -> list[float]:
    """The measured values among those of one training's layers."""
    return [each for each in layers if each is not None]


def better_aligned(rule: str, other: str) -> Callable[[Numbers], Measured]:
    """Measure of the other rule's median angle at the end minus the rule's, in degrees."""

    def measure(numbers: Numbers) -> Measured:
        ends = (numbers[each]["angle_after_last_epoch"] for each in (other, rule))
        pairs = zip(*ends, strict=True)
        return over_seeds(
            [statistics.median(known(a)) - statistics.median(known(b)) for a, b in pairs]
        )

    return measure


def within(rule: str, degrees: float) -> Callable[[Numbers], Measured]:
    """Measure of `degrees` minus the largest angle of the rule's layers at the end."""
    return lambda numbers: over_seeds(
        [degrees - max(known(each)) for each in numbers[rule]["angle_after_last_epoch"]]
    )


def steadier(rule: str, other: str) -> Callable[[Numbers], Measured]:
    """Measure of the decades over which norm ratios range: the other rule's minus the rule's."""

    def decades(numbers: Numbers, name: str) -> list[float]:
        ends = (numbers[name][f"{end}_norm_ratio"] for end in ("least", "largest"))
        return [
            math.log10(max(known(most)) / min(known(least)))
            for least, most in zip(*ends, strict=True)
        ]

    def measure(numbers: Numbers) -> Measured:
        both = zip(decades(numbers, other), decades(numbers, rule), strict=True)
        return over_seeds([theirs - ours for theirs, ours in both])

    return measure


CLAIMS = (
    *(
        Claim(
            f"{rule}{' (noise in R alone)' if key != rule else ''} loses less accuracy than bp to "
            f"noise of variance {variance:g} (Fig. S1)",
            "noise",
            sturdier(key, variance),
        )
        for variance in (0.1, 1.0)
        for rule, key in (
            ("sa", "sa"),
            ("aa", "aa"),
            ("kp", "kp"),
            ("sa", "sa_backward"),
            ("aa", "aa_backward"),
        )
    ),
    *(
        Claim(
            f"{rule} comes closer to bp than kp on resnet50v2 (Fig. S5)",
            "kolen-pollack",
            closer(rule, "kp", "resnet50v2"),
        )
        for rule in ("sa", "aa", "ia")
    ),
    *(
        Claim(
            f"{rule} comes closer to bp than wm on resnet50 (Fig. 3)",
            "transfer",
            closer(rule, "wm", "resnet50"),
        )
        for rule in ("sa", "ia")
    ),
    Claim(
        "ia ends better aligned than wm, degrees (Fig. S4)",
        "weight-metrics",
        better_aligned("IA", "WM"),
    ),
    Claim("all of ia's layers end within 5 degrees (Fig. S4)", "weight-metrics", within("IA", 5.0)),
    *(
        Claim(
            f"{rule.lower()}'s norm ratios range over fewer decades than wm's (Fig. S4)",
            "weight-metrics",
            steadier(rule, "WM"),
        )
        for rule in ("SA", "IA")
    ),
)


def verdict(difference: float, sem: float) -> str:
    """Return whether the claim holds: a difference within twice its standard error is undecided."""
    if abs(difference) <= 2 * sem:
        return "undecided"
    return "agrees" if difference > 0 else "disagrees"


def main() -> None:
    """Run the experiments and print each claim with its difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    asked = parser.parse_args().experiments or list(EXPERIMENTS)
    unknown = [name for name in asked if name not in EXPERIMENTS]
    if unknown:
        parser.error(f"no claims about {', '.join(unknown)}, but about {', '.join(EXPERIMENTS)}")
    FOLDER.mkdir(exist_ok=True)
    for name in asked:
        command = [COMMAND, "experiment", name, *EXPERIMENTS[name], "--out", name]
        subprocess.run(command, cwd=FOLDER, check=True)
        numbers = json.loads((FOLDER / name / "experiment.json").read_text())["numbers"]
        for claim in CLAIMS:
            if claim.experiment == name:
                difference, sem = claim.measure(numbers)
                said = f"{verdict(difference, sem):9} {name}: {claim.words}"
                sys.stdout.write(f"{said}: {difference:+.3f} ± {sem:.3f}\n")


if __name__ == "__main__":
    main()
