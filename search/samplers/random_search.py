"""Random search: points drawn from the space's own distributions, as HyperOpt draws them."""

from collections.abc import Sequence

import numpy as np

from alignsearch.search.documents import Pending
from alignsearch.search.samplers.dimensions import Dimension
from alignsearch.search.samplers.observations import Told
from alignsearch.spaces.space import SearchSpace


class RandomSampler(Told):
    """Suggests independent random points; results are counted, but change no point."""

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        """Start without a result."""
        super().__init__(space)
        self._seed = seed

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the random point of trial `tid`: HyperOpt's values by active dimension."""
        rng = np.random.default_rng(trial_seed(self._seed, tid))
        return random_point(self._dimensions, rng)


def trial_seed(seed: int, tid: int) -> int:
    """The random seed of trial `tid` in a search with the random seed `seed`."""
    return int(np.random.SeedSequence([seed, tid]).generate_state(1)[0])


def random_point(
    dimensions: Sequence[Dimension], rng: np.random.Generator
) -> dict[str, float | int]:
    """A point as `hyperopt.rand.suggest` draws it: HyperOpt's values by active dimension.

    Args:
        dimensions: dimensions in the order of drawing.
        rng: random generator that draws this point, and the next ones after it.
    """
    point: dict[str, float | int] = {}
    for dimension in dimensions:
        if dimension.is_active(point):
            point[dimension.label] = dimension.draw(rng)
    return point
