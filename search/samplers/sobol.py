"""Sobol's points: a sequence that fills the space evenly, however long it is.

Each dimension of the space is one of the sequence's, also where it is inactive, and a position is
the share of the dimension's distribution below. The sequence is scrambled by the search's seed
(Owen 1998, "Scrambling Sobol' and Niederreiter-Xing points"; `scipy.stats.qmc.Sobol`), and a
trial's number is its index, so that results and running trials change no point.
"""

from collections.abc import Sequence

from scipy.stats import qmc

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Pending, PendingPolicy
from alignsearch.search.samplers.axes import axis_of
from alignsearch.search.samplers.observations import Told
from alignsearch.spaces.space import SearchSpace


class Sobol(Told):
    """Suggests the points of a scrambled Sobol sequence; results are counted, but change none."""

    def __init__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
    ) -> None:
        """Start without a result; `startup` and `pending` change nothing.

        Raises:
            ConfigurationError: the space has more dimensions than such a sequence can have.
        """
        super().__init__(space)
        if len(self._dimensions) > qmc.Sobol.MAXDIM:
            raise ConfigurationError(
                f"the sampler sobol serves up to {qmc.Sobol.MAXDIM} dimensions, and space "
                f"{space.name!r} has {len(self._dimensions)}: choose random"
            )
        distributions = {each.name: each.distribution for each in space.sampled}
        self._axes = [axis_of(distributions[each.label]) for each in self._dimensions]
        self._sequence = qmc.Sobol(len(self._axes), rng=seed) if self._axes else None

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the point of trial `tid`: HyperOpt's values by active dimension."""
        point: dict[str, float | int] = {}
        if self._sequence is None:
            return point
        # The same trial's point may be asked for again, and an earlier one's.
        self._sequence.reset()
        if tid:
            self._sequence.fast_forward(tid)
        shares = self._sequence.random(1)[0]
        for dimension, axis, share in zip(self._dimensions, self._axes, shares, strict=True):
            if dimension.is_active(point):
                point[dimension.label] = axis.value_at(float(share))
        return point
