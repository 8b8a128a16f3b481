"""A trial that some other process's worker has begun."""

from suggestions import suggest

from alignsearch.search.documents import Trial
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.hyperopt_space import to_point


def add_running_trial(store, search, ttl):
    """Add trial 0 to the search and begin it elsewhere, with a lease of `ttl` seconds."""
    space = get_space(search.space)
    point = suggest(space, [], [], tid=0, seed=0, algo="random", startup=0)
    trial = store.trials.add(
        Trial(
            id=f"{search.name}/0",
            search=search.name,
            tid=0,
            config=derive(space, to_point(space, point)).model_dump(),
            point=point,
        )
    )
    return store.attempts.begin(
        trial.id, "elsewhere", ttl=ttl, host="elsewhere", accelerator="thread", versions={}, slot=0
    )
