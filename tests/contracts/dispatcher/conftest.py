"""Each dispatcher of the table over a real store; Ray over a real cluster on this machine."""

import pytest
from suggestions import suggest

from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.hyperopt_space import to_point
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers import DISPATCHERS

NAME = "a-search"
SPACE = get_space("wm")


@pytest.fixture(scope="module", params=DISPATCHERS)
def kind(request):
    """A dispatcher's entry in the table, with whatever it needs to run."""
    if request.param == "ray":
        cluster.connect(None)
    yield DISPATCHERS[request.param]
    if request.param == "ray":
        cluster.disconnect()


@pytest.fixture
def search(store):
    """A search whose trials run until they are stopped: for more than an hour otherwise."""
    return make_search(store, epochs=20_000, epoch_seconds=0.2)


def make_search(store, epochs, epoch_seconds, name=NAME):
    recipe = Recipe(
        dataset="rehearsal", width=1, stem="none", epochs=epochs, epoch_seconds=epoch_seconds
    )
    return store.searches.create(
        Search(
            name=name,
            space=SPACE.name,
            space_hash=SPACE.space_hash,
            recipe=recipe,
            trials=8,
            parallel=2,
            seed=0,
            startup=2,
            resources={"CPU": 0.5},
            lease_seconds=600.0,
            created_by="a test",
        )
    )


@pytest.fixture
def brief(store):
    """A search whose trials end at once."""
    return make_search(store, epochs=3, epoch_seconds=0.0, name="a-brief-search")


@pytest.fixture
def add(store):
    """Add a trial to a search, queued and placed."""

    def add_trial(search, tid):
        point = suggest(SPACE, [], [], tid=tid, seed=0, algo="random", startup=0)
        trial = Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=derive(SPACE, to_point(SPACE, point)).model_dump(),
            point=point,
            resources=search.resources,
        )
        (added,) = store.trials.add_many([trial], placed=True)
        return added

    return add_trial


@pytest.fixture
def dispatch(kind, store, store_uri):
    """Make dispatchers of the kind, which are closed in the end.

    Each has the lease of its search's driver, as workers demand; the driver before has released it.
    """
    made = []
    tokens = {}

    def make(search):
        if search.name in tokens:
            store.searches.release_driver(search.name, tokens[search.name])
        tokens[search.name] = store.searches.acquire_driver(search.name, "a test", 600.0)
        assert tokens[search.name]
        made.append(kind.load()(store.searches.get(search.name), store_uri))
        return made[-1]

    yield make
    for each in made:
        each.close()
