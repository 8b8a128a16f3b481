"""Learning rates as functions of training time.

Times are epochs. A training of another length than the paper's scales all of them
(`RateSchedule.scaled`). Rates are computed on the host, a whole epoch at once, and are arguments of
the compiled step, so another schedule needs no compilation.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alignment_core.errors import ConfigurationError

WARMUP_EPOCHS = 6.0
"""Default epochs of linear warm-up (Kunin et al. 2020, App. B.1.2)."""

DROP_EPOCHS = (30.0, 60.0, 80.0)
"""Default epochs at which a rate drops by 90 % (Kunin et al. 2020, App. B.1.2)."""


@dataclass(frozen=True)
class RateSchedule:
    """A learning rate with delay, warm-up and drops (Kunin et al. 2020, App. B.1.2).

    Warm-up and drops are counted from the end of the delay.

        >>> schedule = RateSchedule(0.1, warmup_epochs=2.0, drop_epochs=(3.0,))
        >>> rate(schedule, [0.0, 1.0, 2.0, 3.0], step=1.0).round(3).tolist()
        [0.05, 0.1, 0.1, 0.01]

    Attributes:
        base: the learning rate between warm-up and first drop.
        warmup_epochs: epochs of linear warm-up.
        drop_epochs: epochs at which the rate is multiplied by `drop_factor`.
        drop_factor: factor of a drop.
        delay_epochs: epochs of the delay at the beginning.
        delayed: rate in the delay. "off" is zero: the categorization loss J waits. "full" is
            `base`: the alignment loss R is minimized alone, and has no warm-up afterwards.

    Raises:
        ConfigurationError: a rate or time is negative.
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
        """Return the schedule with all times multiplied by `factor`."""
        return replace(
            self,
            warmup_epochs=self.warmup_epochs * factor,
            drop_epochs=tuple(epoch * factor for epoch in self.drop_epochs),
            delay_epochs=self.delay_epochs * factor,
        )


def rate(schedule: RateSchedule, epoch: ArrayLike, step: float = 0.0) -> NDArray[np.float64]:
    """Return the learning rates, in `epoch`'s shape, of steps that start at the times `epoch`.

    In a warm-up of n steps, step s (from 0) has the rate base * (s + 1) / n, so no step has rate
    zero and the last one has the full rate. A drop applies from the first step that starts at or
    after it.

    Args:
        schedule: the schedule.
        epoch: start of each step in epochs, of any shape.
        step: duration of a step in epochs.
    """
    # Times are compared with a tolerance of half a step, because s / steps_per_epoch is rounded.
    clock = np.asarray(epoch, np.float64) - schedule.delay_epochs
    waiting = clock < -step / 2
    rates = np.full(clock.shape, schedule.base, np.float64)
    if schedule.warmup_epochs > 0 and not (schedule.delayed == "full" and schedule.delay_epochs):
        rates *= np.clip((clock + step) / schedule.warmup_epochs, 0.0, 1.0)
    for drop in schedule.drop_epochs:
        rates = np.where(clock >= drop - step / 2, rates * schedule.drop_factor, rates)
    return np.where(waiting, schedule.base if schedule.delayed == "full" else 0.0, rates)
