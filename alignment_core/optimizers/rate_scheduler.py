"""Learning rates as functions of training time.

Times are epochs of the paper's schedule; a run of another length compresses every
one of them alike (`RateSchedule.scaled`). Rates are worked out on the host, a whole
epoch at once, and enter the compiled step as arguments: another schedule never
compiles anything again.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alignment_core.errors import ConfigurationError

WARMUP_EPOCHS = 6.0
"""Linear warm-up (Kunin et al. 2020, App. B.1.2)."""

DROP_EPOCHS = (30.0, 60.0, 80.0)
"""Where a rate decays by 90 % (Kunin et al. 2020, App. B.1.2)."""


@dataclass(frozen=True)
class RateSchedule:
    """A rate that waits, warms up, and drops (Kunin et al. 2020, App. B.1.2).

    While epoch < delay_epochs the rate is zero (`delayed="off"`: the categorization
    loss J waits) or the full `base` (`delayed="full"`: the alignment loss R is
    optimized alone). The clock of warm-up and drops starts when the delay ends. With
    `delayed="full"` a delay takes the warm-up's place: R's rate warms up only if
    there is no delay.

    Raises ConfigurationError for a negative rate or time.
    """

    base: float
    warmup_epochs: float = WARMUP_EPOCHS
    drop_epochs: tuple[float, ...] = DROP_EPOCHS
    drop_factor: float = 0.1
    delay_epochs: float = 0.0
    delayed: Literal["off", "full"] = "off"

    def __post_init__(self) -> None:
        values = (self.base, self.warmup_epochs, self.delay_epochs, *self.drop_epochs)
        if not all(value >= 0 for value in values):
            raise ConfigurationError(f"a schedule's rate and times can't be negative: {self}")

    def scaled(self, factor: float) -> "RateSchedule":
        """The same schedule with every time multiplied by `factor`."""
        return replace(
            self,
            warmup_epochs=self.warmup_epochs * factor,
            drop_epochs=tuple(epoch * factor for epoch in self.drop_epochs),
            delay_epochs=self.delay_epochs * factor,
        )


def rate(schedule: RateSchedule, epoch: ArrayLike, step: float = 0.0) -> NDArray[np.float64]:
    """The rate of steps that start at `epoch` (any shape) and last `step` epochs.

    A warm-up of n steps gives step s, counted from 0, base * (s + 1) / n: no step is
    lost to a rate of zero, and the last one has the full rate. A drop takes hold with
    the first step that starts at or after it.
    """
    # Half a step of tolerance: s / steps_per_epoch is rounded, a boundary may not be.
    clock = np.asarray(epoch, np.float64) - schedule.delay_epochs
    waiting = clock < -step / 2
    rates = np.full(clock.shape, schedule.base, np.float64)
    if schedule.warmup_epochs > 0 and not (schedule.delayed == "full" and schedule.delay_epochs):
        rates *= np.clip((clock + step) / schedule.warmup_epochs, 0.0, 1.0)
    for drop in schedule.drop_epochs:
        rates = np.where(clock >= drop - step / 2, rates * schedule.drop_factor, rates)
    return np.where(waiting, schedule.base if schedule.delayed == "full" else 0.0, rates)
