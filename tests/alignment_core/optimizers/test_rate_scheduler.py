"""Learning rates against numbers computed by hand from App. B.1.2."""

import numpy as np
import pytest

from alignment_core.errors import ConfigurationError
from alignment_core.optimizers.rate_scheduler import RateSchedule, rate


def test_the_rate_warms_up_linearly_and_drops_by_ninety_percent():
    schedule = RateSchedule(2.0)
    times = [0, 3, 6, 29.99, 30, 59.99, 60, 79.99, 80, 100]
    expected = [0, 1, 2, 2, 0.2, 0.2, 0.02, 0.02, 0.002, 0.002]
    np.testing.assert_allclose(rate(schedule, times), expected)
    assert float(rate(schedule, 3.0)) == 1.0


def test_the_steps_of_a_warm_up_end_at_the_full_rate_and_none_is_zero():
    starts = np.arange(20) / 10
    found = rate(RateSchedule(1.0, warmup_epochs=1.0, drop_epochs=(1.5,)), starts, 1 / 10)
    expected = [*(np.arange(1, 11) / 10), 1, 1, 1, 1, 1, *[0.1] * 5]
    np.testing.assert_allclose(found, expected)


def test_a_delay_turns_j_off_and_shifts_its_warm_up_and_drops():
    schedule = RateSchedule(1.0, delay_epochs=2.0, delayed="off")
    times = [0, 1.99, 2, 5, 8, 31.99, 32, 62, 82]
    np.testing.assert_allclose(
        rate(schedule, times), [0, 0, 0, 0.5, 1, 1, 0.1, 0.01, 0.001], atol=1e-15
    )


def test_a_delay_takes_the_place_of_rs_warm_up_and_shifts_its_drops():
    schedule = RateSchedule(1.0, delay_epochs=2.0, delayed="full")
    np.testing.assert_allclose(
        rate(schedule, [0, 1.99, 2, 5, 31.99, 32, 62, 82]), [1, 1, 1, 1, 1, 0.1, 0.01, 0.001]
    )


def test_without_a_delay_r_warms_up_like_j():
    times = np.linspace(0, 100, 301)
    np.testing.assert_array_equal(
        rate(RateSchedule(0.01, delayed="full"), times), rate(RateSchedule(0.01), times)
    )


@pytest.mark.parametrize("delayed", ["off", "full"])
@pytest.mark.parametrize("delay", [0.0, 1.0, 2.0])
def test_a_scaled_schedule_is_the_same_one_on_another_clock(delay, delayed):
    schedule = RateSchedule(0.5, delay_epochs=delay, delayed=delayed)
    times = np.linspace(0, 100, 333)
    np.testing.assert_allclose(
        rate(schedule.scaled(20 / 45), times * 20 / 45, 0.01), rate(schedule, times, 0.01 * 45 / 20)
    )


@pytest.mark.parametrize("steps", [7, 11, 44, 179])
def test_every_boundary_falls_on_the_right_step(steps):
    """Times are quotients: rounding must not move a boundary by a step."""
    schedule = RateSchedule(1.0, delay_epochs=1.0).scaled(10 / 45)
    epochs = np.concatenate([epoch + np.arange(steps) / steps for epoch in range(10)])
    off = int(np.sum(rate(schedule, epochs, 1 / steps) == 0))
    dropped = int(np.sum(rate(schedule, epochs, 1 / steps) == 0.1))
    assert off == round(1 * 10 / 45 * steps)
    assert dropped == 10 * steps - round(31 * 10 / 45 * steps)


def test_no_warm_up_is_the_full_rate_at_once():
    assert float(rate(RateSchedule(0.3, warmup_epochs=0.0), 0.0)) == 0.3


def test_negative_rates_and_times_are_refused():
    for values in ({"base": -1.0}, {"delay_epochs": -1.0}, {"drop_epochs": (30.0, -1.0)}):
        with pytest.raises(ConfigurationError, match="negative"):
            RateSchedule(**{"base": 1.0, **values})
    with pytest.raises(ConfigurationError):
        RateSchedule(float("nan"))
