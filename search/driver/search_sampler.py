"""The sampler of a stored search, and a sampler's point before a trial is made of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.driver.warm_start import sampler_seed
from alignsearch.search.samplers.sampler import PACKAGES, Sampler, make_sampler
from alignsearch.spaces.distributions import Choice, PChoice
from alignsearch.spaces.space import SearchSpace

_NOT_ITS_OWN = {"python", *PACKAGES}


def sampler_of(search: Search, space: SearchSpace) -> Sampler:
    """Return the sampler that a search names, without a result.

    Raises:
        StateConflictError: no such sampler is installed here, or it can't be made; the message
            names the package that is needed.
    """
    try:
        return make_sampler(
            search.algo,
            space,
            seed=sampler_seed(search),
            startup=search.startup,
            pending=search.pending,
            prior=search.prior,
        )
    except UnknownNameError as error:
        # Every other version that a search stores is its sampler's.
        own = {name: each for name, each in search.versions.items() if name not in _NOT_ITS_OWN}
        package = " and ".join(f"{name} {version}" for name, version in own.items())
        wanted = f"the package {package}" if package else "the package that adds it"
        raise StateConflictError(
            f"search {search.name!r} can't go on here: its sampler {search.algo!r} is not "
            f"installed; install {wanted} on the host that drives it"
        ) from error
    except ConfigurationError as error:
        raise StateConflictError(f"search {search.name!r} can't go on here: {error}") from error


def plain_point(space: SearchSpace, suggested: Any) -> dict[str, float | int]:
    """Return a sampler's point with Python's numbers, once it is found to be one of the space.

    Raises:
        ConfigurationError: it is none; the message names each dimension that is wrong.
    """
    if not isinstance(suggested, Mapping):
        raise ConfigurationError(f"it suggested {type(suggested).__name__}, no point")
    point = {
        str(label): value.item() if isinstance(value, np.generic) else value
        for label, value in suggested.items()
    }
    space.check_point(point)
    for each in space.sampled:
        if each.name in point and isinstance(each.distribution, Choice | PChoice):
            point[each.name] = int(point[each.name])
    return point
