"""Densities around trials as they are defined, one trial and one dimension at a time."""

import math
from statistics import NormalDist

import numpy as np

from alignsearch.search.samplers.axes import OptionsAxis


def widths_of(column):
    """The bandwidths of a sorted column by neighbours; of equal positions only the outer ones'."""
    ends = [0.0, *column, 1.0]
    narrowest = 1 / (1 + min(len(column), 100))
    return [
        min(max(here - before, after - here, narrowest), 1.0)
        for before, here, after in zip(ends, ends[1:], ends[2:], strict=False)
    ]


def wide(column):
    """The bandwidth of the joint density."""
    return 0.25 * len(column) ** -0.2


def around(axis, number, centre, position, width, is_joint):
    """The density at a position around one of `number` trials, as it is defined."""
    if isinstance(axis, OptionsAxis):
        stray = min(0.9, number**-0.4)
        own = axis.likely[int(position) - axis.first]
        return stray + (position == centre) * (1 - stray) / own
    width = max(width, 0.35 * axis.step)
    normal = NormalDist(centre, width)
    inside = normal.cdf(1) - normal.cdf(0)
    if is_joint:
        spread = NormalDist(centre, math.sqrt(width**2 + axis.step**2 / 12))
        return spread.pdf(position) / inside
    if axis.q is None:
        return normal.pdf(position) / inside
    (low,), (high,) = axis.cells(np.array([position]))
    return (normal.cdf(high) - normal.cdf(low)) / (high - low) / inside


def score_of(axes, trials, point, scales):
    """The logarithms of independent and joint density of one point."""
    columns = [column[~np.isnan(column)] for column in trials.T]
    score = 0.0
    for axis, column, position in zip(axes, columns, point, strict=True):
        if not np.isnan(position):
            centres = sorted(column)
            total = sum(
                around(axis, len(column), centre, position, width * scale, False) / len(scales)
                for centre, width in zip(centres, widths_of(centres), strict=True)
                for scale in scales
            )
            score += math.log((total + 1) / (len(column) + 1))
    joint = 1.0
    for trial in trials:
        products = []
        for scale in scales:
            factors = [
                around(axis, len(column), centre, position, wide(column) * scale, True)
                for axis, column, centre, position in zip(axes, columns, trial, point, strict=True)
                if not np.isnan(centre) and not np.isnan(position)
            ]
            products.append(math.prod(factors))
        joint += np.mean(products)
    return score + math.log(joint / (len(trials) + 1))
