"""Random search: points drawn from the space's own distributions by HyperOpt."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import hyperopt
import numpy as np
from hyperopt import rand

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.observations import check_observation
from alignsearch.spaces.hyperopt_space import to_hyperopt
from alignsearch.spaces.space import SearchSpace


class RandomSampler:
    """Suggests independent random points; results are counted, but change no point."""

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        """Start without a result."""
        self._space = space
        self._seed = seed
        self._told: set[int] = set()

    @property
    def seen(self) -> int:
        """Number of results told so far."""
        return len(self._told)

    def tell(self, observation: Observation) -> None:
        """Count the result of a finished trial.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        check_observation(observation, self._told, self._space.sampled_names)
        self._told.add(observation.tid)

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the random point of trial `tid`: HyperOpt's values by metaparameter."""
        return random_point(self._space, trial_seed(self._seed, tid))


def trial_seed(seed: int, tid: int) -> int:
    """The random seed of trial `tid` in a search with the random seed `seed`."""
    return int(np.random.SeedSequence([seed, tid]).generate_state(1)[0])


def random_point(space: SearchSpace, seed: int) -> dict[str, float | int]:
    """A point as `hyperopt.rand.suggest` draws it: HyperOpt's values by metaparameter."""
    documents = rand.suggest([0], _domain(space), hyperopt.Trials(), seed)
    return {label: value[0].item() for label, value in documents[0]["misc"]["vals"].items()}


# Building HyperOpt's graph of a space takes as long as several random points.
@lru_cache(maxsize=16)
def _domain(space: SearchSpace) -> Any:
    return hyperopt.base.Domain(lambda point: None, to_hyperopt(space))
