"""Contenders that are timed side by side: they take turns, so that other load falls on all."""

import os
import platform
import statistics

import numpy as np


def timed(clock, call, *arguments):
    """Return the seconds that a call takes by a clock, and what it returns."""
    start = clock()
    made = call(*arguments)
    return clock() - start, made


def take_turns(contenders, repeats, step, check=lambda made: None):
    """Return the seconds of each repetition but the first, which warms up, by contender.

    Args:
        contenders: by name.
        repeats: number of repetitions.
        step: from a contender and the number of the repetition to seconds and what was made.
        check: called with what all have made in a repetition, in their order.
    """
    seconds = {name: [] for name in contenders}
    for repeat in range(repeats + 1):
        steps = {name: step(each, repeat) for name, each in contenders.items()}
        for name, (taken, _) in steps.items():
            seconds[name].append(taken)
        check([made for _, made in steps.values()])
    return {name: taken[1:] for name, taken in seconds.items()}


def print_table(measure, trials, repeats, *, setting, column, reference, digits):
    """Measure after each number of trials, and print medians as a Markdown table.

    Args:
        measure: from a number of finished trials and of repetitions to seconds by contender.
        trials: the numbers of finished trials.
        repeats: number of repetitions.
        setting: the setting of all contenders, for the headline.
        column: heading of the contenders' column.
        reference: heading of the last column, which has each median over the first contender's.
        digits: decimals of the last column.
    """
    print(
        f"Milliseconds a suggestion, median (lowest) of {repeats}; {setting}; {os.cpu_count()} "
        f"cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}\n"
    )
    print(f"| finished trials | {column} | ms | {reference} |")
    print("|---|---|---|---|")
    for number in trials:
        medians = []
        for name, seconds in measure(number, repeats).items():
            medians.append(statistics.median(seconds))
            print(
                f"| {number} | {name} | {1e3 * medians[-1]:.1f} ({1e3 * min(seconds):.1f}) "
                f"| {medians[-1] / medians[0]:.{digits}f} |",
                flush=True,
            )
