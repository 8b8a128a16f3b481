"""Whether the paper's stochastic claims hold on digits, in direction: `make check-claims`.

Each experiment is run as people run it, with more seeds than at `--scale minutes`; what is printed
is the difference that the claim is about, with its standard error, agreeing or not. The code is 0
either way: digits are not ImageNet. Run again, it reads what is there.
"""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("alignsearch")
FOLDER = Path("claims")

Numbers = dict[str, Any]
Measured = tuple[float, float]
"""A difference that the claim has above 0, and its standard error."""


@dataclass(frozen=True)
class Claim:
    """What the paper says, where, and what to take the difference of."""

    words: str
    experiment: str
    measure: Callable[[Numbers], Measured]


EXPERIMENTS = {
    "noise": ("--seeds", "10", "--variances", "0,0.01,0.1,1"),
    "noise-backward": ("--seeds", "10", "--variances", "0,0.01,0.1,1", "--noisy", "backward"),
    "kolen-pollack": ("--seeds", "5", "--models", "resnet18,resnet50v2", "--epochs", "12"),
    "transfer": ("--seeds", "5", "--rules", "bp,sa,wm,ia", "--epochs", "12"),
}
"""By the folder of what they leave: the options beside the scale's."""


def sturdier(rule: str, variance: float) -> Callable[[Numbers], Measured]:
    """How much less than backpropagation the rule loses to noise of a variance."""

    def lost(points: list[dict[str, float]]) -> Measured:
        by_variance = {each["variance"]: each for each in points}
        still, noisy = by_variance[0.0], by_variance[variance]
        return still["mean"] - noisy["mean"], math.hypot(still["sem"], noisy["sem"])

    def measure(numbers: Numbers) -> Measured:
        (theirs, their_sem), (ours, our_sem) = lost(numbers["bp"]), lost(numbers[rule])
        return theirs - ours, math.hypot(their_sem, our_sem)

    return measure


def closer(rule: str, other: str, model: str) -> Callable[[Numbers], Measured]:
    """By how much the rule's gap to backpropagation lies above the other's."""

    def measure(numbers: Numbers) -> Measured:
        ours, theirs = numbers[model][rule], numbers[model][other]
        return ours["gap"] - theirs["gap"], math.hypot(ours["gap_sem"], theirs["gap_sem"])

    return measure


CLAIMS = (
    *(
        Claim(f"{rule} is sturdier than bp under noise of variance 0.1 (Fig. S1)", name, measure)
        for name in ("noise", "noise-backward")
        for rule in ("sa", "aa", "kp")
        for measure in (sturdier(rule, 0.1),)
    ),
    Claim(
        "sa comes closer to bp than kp on resnet50v2 (Fig. S5)",
        "kolen-pollack",
        closer("sa", "kp", "resnet50v2"),
    ),
    Claim(
        "ia comes closer to bp than kp on resnet50v2 (Fig. S5)",
        "kolen-pollack",
        closer("ia", "kp", "resnet50v2"),
    ),
    Claim(
        "ia comes closer to bp than wm on resnet50 (Fig. 3)",
        "transfer",
        closer("ia", "wm", "resnet50"),
    ),
    Claim(
        "sa comes closer to bp than wm on resnet50 (Fig. 3)",
        "transfer",
        closer("sa", "wm", "resnet50"),
    ),
)


def main() -> None:
    """Run what has to be run, and print each claim with what was found."""
    FOLDER.mkdir(exist_ok=True)
    for name, options in EXPERIMENTS.items():
        experiment = name.removesuffix("-backward")
        subprocess.run(
            [COMMAND, "experiment", experiment, *options, "--out", name], cwd=FOLDER, check=True
        )
    for claim in CLAIMS:
        left = json.loads((FOLDER / claim.experiment / "experiment.json").read_text())
        difference, sem = claim.measure(left["numbers"])
        verdict = "agrees" if difference > 2 * sem else "disagrees" if difference < 0 else "open"
        sys.stdout.write(
            f"{verdict:9} {claim.experiment}: {claim.words}: {difference:+.3f} ± {sem:.3f}\n"
        )


if __name__ == "__main__":
    main()
