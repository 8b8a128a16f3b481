"""The cost of a search: slots, hours of each accelerator, and trials by how they ended.

The duration with another number of slots is that of the search's trials on so many slots, the next
trial going to the first slot that becomes free. The trials are taken to last as long as the latest
ones did, and suggestions to cost nothing.
"""

import heapq
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from alignsearch.search.documents import Search
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import Standing

NO_ACCELERATOR = "process"
"""A worker that was given no resource, as a program that asks for trials: its hours are its own."""
MOST_SCHEDULED = 10_000
"""Trials that are scheduled one by one; more of them last as long as their mean says."""

_RESOURCE = re.compile(r"([^:,]+): *([0-9.e+-]+)")


@dataclass(frozen=True)
class Took:
    """The cost of a search so far.

    Attributes:
        slots: trials that it may run at once.
        hours: hours of each accelerator by its name, for all ended attempts: two hours on `TPU: 8`
            are 16 hours of TPU.
        ends: number of trials by how they ended; diverged ones apart from completed ones.
        repetitions: number of repetitions of the best trials, which are not among these.
        seconds: estimated duration of the whole search by number of slots: half as many, as many,
            and twice as many. Empty without a finished trial.
    """

    slots: int
    hours: Mapping[str, float]
    ends: Mapping[str, int]
    repetitions: int
    seconds: Mapping[int, float]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON types, for programs."""
        return {
            "slots": self.slots,
            "accelerator_hours": dict(self.hours),
            "ends": dict(self.ends),
            "repetitions": self.repetitions,
            "estimated_seconds": {str(slots): each for slots, each in self.seconds.items()},
        }


def took(search: Search, standing: Standing) -> Took:
    """Return the cost of a search from the sums of its trials."""
    ends = {
        state.value: standing.counts[state]
        for state in TrialState
        if state in TERMINAL_TRIAL_STATES and standing.counts[state]
    }
    if standing.diverged:
        ends["diverged"] = standing.diverged
        ends["completed"] -= standing.diverged
        ends = {end: number for end, number in ends.items() if number}
    slots = search.parallel
    numbers = sorted({max(1, slots // 2), slots, 2 * slots})
    return Took(
        slots=slots,
        hours=hours_by_kind(standing.spent),
        ends=ends,
        repetitions=len(standing.repetitions),
        seconds={
            number: duration_with(standing.seconds, search.trials, number)
            for number in numbers
            if standing.seconds
        },
    )


def hours_by_kind(spent: Mapping[str, float]) -> dict[str, float]:
    """Return hours of each resource from seconds by the resources of a worker, like `TPU: 8`."""
    hours: dict[str, float] = {}
    for accelerator, seconds in sorted(spent.items()):
        found = _RESOURCE.findall(accelerator)
        amounts = [(kind.strip(), float(amount)) for kind, amount in found]
        for kind, amount in amounts or [(NO_ACCELERATOR, 1.0)]:
            hours[kind] = hours.get(kind, 0.0) + amount * seconds / 3600
    return hours


def duration_with(seconds: Sequence[float], trials: int, slots: int) -> float:
    """Return how long so many trials take on so many slots.

    seconds: durations of some trials, at least one. They are repeated in a random order that
    follows from them alone: long trials rarely come all at the end, or all at the beginning.
    """
    if trials > MOST_SCHEDULED:
        return fmean(seconds) * trials / min(slots, trials)
    mixed = random.Random(0).sample(sorted(seconds), len(seconds))
    free = [0.0] * min(slots, trials)
    for number in range(trials):
        heapq.heapreplace(free, free[0] + mixed[number % len(mixed)])
    return max(free)


def in_words(cost: Took) -> list[tuple[str, str]]:
    """Return the cost as rows of a name and a text."""
    hours = ", ".join(f"{_amount(each)} of {kind}" for kind, each in cost.hours.items())
    ends = ", ".join(f"{number} {end}" for end, number in cost.ends.items())
    again = f", and {cost.repetitions} repetitions" if cost.repetitions else ""
    rows = [("spent", hours or "nothing yet"), ("ends", f"{ends or 'none yet'}{again}")]
    if cost.seconds:
        known = [f"{_duration(each)} with {slots}" for slots, each in cost.seconds.items()]
        rows.append(("whole search", f"{', '.join(known)} slots"))
    return rows


def in_a_sentence(cost: Took) -> str:
    """Return the cost in a line below a table."""
    said = "; ".join(f"{name} {text}" for name, text in in_words(cost))
    return f"{'1 slot' if cost.slots == 1 else f'{cost.slots} slots'}; {said}."


def _amount(hours: float) -> str:
    """Return hours of a resource in a fitting unit: 0.217 s, 12.5 min, 3.5 h, 2400 h."""
    for unit, size in (("h", 1.0), ("min", 1 / 60)):
        if hours >= size:
            amount = hours / size
            return f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:.0f} {unit}"
    return f"{hours * 3600:.3g} s"


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
