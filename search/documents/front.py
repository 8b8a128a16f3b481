"""The front of several losses: the trials than which no other one is better in every respect."""

from collections.abc import Sequence

Losses = tuple[float, ...]
"""All that a trial minimizes, in the order of its search's metrics."""


def front(losses: Sequence[Losses]) -> list[int]:
    """Return the places of those that no other one dominates, in ascending order.

    One dominates another if none of its losses is higher and one is lower (Deb et al. 2002,
    "A fast and elitist multiobjective genetic algorithm: NSGA-II"). Equal ones don't dominate each
    other. With one loss the front has the lowest ones. Two losses are compared in the time of a
    sort, and more at the cost of the number of trials times the length of the front.

        >>> front([(1.0, 5.0), (2.0, 2.0), (3.0, 3.0)])
        [0, 1]

    losses: of each trial, all of one length and without NaN.
    """
    found: list[Losses] = []
    # In ascending order, only an earlier one can dominate a later one.
    for each in sorted(set(losses)):
        # With one or two losses a trial, the one found last has the lowest second loss so far.
        rivals = found if len(each) > 2 else found[-1:]
        if not any(_is_no_worse(rival, each) for rival in rivals):
            found.append(each)
    best = set(found)
    return [at for at, each in enumerate(losses) if each in best]


def _is_no_worse(one: Losses, other: Losses) -> bool:
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
