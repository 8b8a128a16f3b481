"""A grid over a space, which becomes finer as long as the budget lasts.

The first grid has 3 levels of each range, its ends among them; the next ones have 5, 9, 17 and so
on, of which each has the levels before. Levels lie evenly in the space's own distribution. A
distribution without ends has 3, 7, 15 levels. A range of steps or of whole numbers has all of its
values once there are as many levels, and a choice has all of its options from the start. A
dimension counts only with the options that lead to it.

Each grid's points come in an order that follows from the seed, so that a part of a grid is spread
over the space. A point that has a trial is not suggested again, whoever gave it.
"""

from collections.abc import Iterator, Sequence
from hashlib import shake_256

from alignsearch.search.documents import Observation, Pending, PendingPolicy, Point
from alignsearch.search.samplers.grid_points import GridPoints
from alignsearch.search.samplers.observations import Told
from alignsearch.search.samplers.sampler import ExhaustedError
from alignsearch.spaces.space import SearchSpace

GRIDS = 14
"""Grids of a space that has ever finer ones: ranges have 16,385 levels each in the last."""

Key = tuple[float | None, ...]
"""A point's values by dimension, by which two points are the same; None where one is inactive."""


class Grid(Told):
    """Suggests the grid's points that have no trial, in an order that follows from the seed.

    A suggestion leaves out as many points as there are trials of lower numbers that are neither
    told nor pending: those points are theirs.
    """

    def __init__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
    ) -> None:
        """Start without a result; `startup` and `pending` change nothing.

        Raises:
            ConfigurationError: the space has too many dimensions or conditions to count its points.
        """
        super().__init__(space)
        self._seed = seed
        self._points = GridPoints(space)
        self._keys: set[Key] = set()
        # The first of the grid's points that no told trial has, as far as they were needed.
        self._ahead: dict[Key, dict[str, float | int]] = {}
        self._rest = self._in_order()

    def tell(self, observation: Observation) -> None:
        """Note that a point has a trial; its loss changes nothing.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        super().tell(observation)
        key = self._key(observation.point)
        self._keys.add(key)
        self._ahead.pop(key, None)

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the point of trial `tid`: HyperOpt's values by active dimension.

        Raises:
            ExhaustedError: each point of the grid has a trial.
        """
        running = {each.tid for each in pending}
        known = sum(0 <= each < tid for each in {*self._told, *running})
        others = max(0, tid - known)
        taken = {self._key(each.point) for each in pending}
        free: list[dict[str, float | int]] = []
        for key, point in self._without_trial():
            if key not in taken:
                free.append(point)
            if len(free) > others:
                return dict(point)
        if not free:
            raise ExhaustedError(f"each of the {self._points.counted} points of its grid is tried")
        return dict(free[others % len(free)])

    def _without_trial(self) -> Iterator[tuple[Key, dict[str, float | int]]]:
        """The grid's points that no told trial has, in order."""
        yield from list(self._ahead.items())
        for point in self._rest:
            key = self._key(point)
            if key not in self._keys:
                self._ahead[key] = point
                yield key, point

    def _in_order(self) -> Iterator[dict[str, float | int]]:
        """All points of all grids, each once."""
        for grid in range(GRIDS):
            new = self._points.new_in(grid)
            for at in _shuffled(new, f"{self._seed}/{grid}"):
                yield self._points.point(grid, at)
            if self._points.is_whole(grid):
                return

    def _key(self, point: Point) -> Key:
        return tuple(
            float(point[each.label]) if each.is_active(point) else None for each in self._dimensions
        )


def _shuffled(size: int, seed: str) -> Iterator[int]:
    """The numbers below `size`, which may be beyond all memory, in an order by the seed.

    A cipher of four rounds permutes the numbers of an even number of bits (Luby and Rackoff 1988,
    "How to construct pseudorandom permutations"); those that are too large are left out.
    """
    half = (size.bit_length() + 1) // 2
    mask = (1 << half) - 1
    for number in range(1 << 2 * half):
        left, right = number >> half, number & mask
        for step in range(4):
            drawn = shake_256(f"{seed}/{step}/{right}".encode()).digest(half // 8 + 1)
            left, right = right, left ^ (int.from_bytes(drawn, "big") & mask)
        shuffled = left << half | right
        if shuffled < size:
            yield shuffled
