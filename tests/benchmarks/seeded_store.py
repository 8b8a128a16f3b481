"""A store with one large search in it, written at once: what thousands of trials leave behind.

    python tests/benchmarks/seeded_store.py FOLDER [--trials 10000] [--epochs 45]

The points are random ones of the `ia` space. A trial's loss is a rehearsal's, of a function of its
metaparameters; a hundredth of the trials have diverged and a hundredth have failed. The best
hundred have per-layer metrics in each epoch, as a training would write them.
"""

import argparse
import math
import platform
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pymongo
from pymongo import IndexModel

from alignsearch.search.documents import Attempt, Epoch, Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.distributions import Choice, LogUniform
from alignsearch.workers.objectives.rehearsal import final_loss

NAME = "large"
SPACE = get_space("ia")
LAYERS = 21
WITH_LAYERS = 100
SLOTS = 60
HOSTS = 8
BATCH = 10_000
EPOCH_SECONDS = 12.0
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def random_value(distribution, rng):
    if isinstance(distribution, Choice):
        return distribution.options[rng.integers(len(distribution.options))]
    low, high = distribution.low, distribution.high
    if isinstance(distribution, LogUniform):
        return math.exp(rng.uniform(math.log(low), math.log(high)))
    return float(rng.uniform(low, high))


def index_of(distribution, value):
    return distribution.options.index(value) if isinstance(distribution, Choice) else value


def a_trial(search, tid, epochs, rng):
    """A finished trial of `search`, as a worker leaves it."""
    sampled = {each.name: random_value(each.distribution, rng) for each in SPACE.sampled}
    point = {each.name: index_of(each.distribution, sampled[each.name]) for each in SPACE.sampled}
    host = f"node-{tid % HOSTS}"
    started = BEGUN + timedelta(seconds=tid // SLOTS * epochs * EPOCH_SECONDS)
    finished = started + timedelta(seconds=epochs * EPOCH_SECONDS * rng.uniform(0.9, 1.1))
    loss = final_loss(SPACE, point)
    failed, diverged = tid % 100 == 50, tid % 100 == 75
    result = None
    if diverged:
        result = Result(status="fail", reason="the loss is NaN in epoch 3")
    elif not failed:
        result = Result(status="ok", loss=loss, metrics={"chance_error": 0.9})
    error = "Traceback (most recent call last):\n  …\nMemoryError: out of memory"
    attempt = Attempt(
        number=1,
        owner=f"worker@{host}",
        token="0" * 16,
        host=host,
        accelerator="cpu",
        versions={"python": platform.python_version(), "tensorflow": "2.21.0", "numpy": "2.4.0"},
        slot=tid % SLOTS,
        started_at=started,
        ended_at=finished,
        outcome="crashed" if failed else "completed",
        error=error if failed else None,
    )
    return Trial(
        id=f"{search}/{tid}",
        search=search,
        tid=tid,
        seq=tid + 1,
        state=TrialState.FAILED if failed else TrialState.COMPLETED,
        config=derive(SPACE, sampled).model_dump(),
        point=point,
        seen=max(0, tid - SLOTS),
        attempt=1,
        attempts={"1": attempt},
        progress={"epoch": epochs, "epochs": epochs, "loss": loss, "validation_error": loss},
        result=result,
        best_epoch=epochs,
        resources={"CPU": 1.0},
        timings={
            "queued": started,
            "placed": started,
            "started": started,
            "finished": finished,
        },
        error=error if failed else None,
    ), loss


def epochs_of(trial, loss, epochs, layers):
    """The documents of a trial's epochs: errors that fall from 0.9 to `loss`."""
    for number in range(1, epochs + 1):
        error = loss + (0.9 - loss) * math.exp(-5 * number / epochs)
        angle = 90 * math.exp(-3 * number / epochs)
        yield {
            "_id": f"{trial}/1/{number}",
            "trial": trial,
            "attempt": 1,
            "epoch": number,
            "epochs": epochs,
            "loss": error * 2.3,
            "train_accuracy": 1 - error,
            "validation_loss": error * 2.5,
            "validation_accuracy": 1 - error,
            "learning_rate": 0.125 if number < 30 else 0.0125,
            "alignment_learning_rate": 1e-3,
            "alignment_loss": -1.0 / number,
            "layers": [
                {
                    "name": f"layer_{layer:02}",
                    "angle": angle + layer / 2,
                    "norm_ratio": 1 + layer / 20,
                    "gradient_angle": None,
                }
                for layer in range(layers)
            ],
            "seconds": EPOCH_SECONDS,
        }


@contextmanager
def without_indexes(collection):
    """Keep the store's indexes off the collection while much is written, and make them after."""
    indexes = {
        name: IndexModel(index["key"], name=name, unique=index.get("unique", False))
        for name, index in collection.index_information().items()
        if name != "_id_"
    }
    for name in indexes:
        collection.drop_index(name)
    yield
    collection.create_indexes(list(indexes.values()))


def seed(uri, trials=10_000, epochs=45, *, name=NAME, status=SearchStatus.RUNNING):
    """Write the search and all that belongs to it; return its trials."""
    rng = np.random.default_rng(0)
    search = Search(
        name=name,
        space=SPACE.name,
        space_hash=SPACE.space_hash,
        recipe=Recipe(dataset="digits", width=16, stem="small", epochs=epochs),
        trials=trials + 1000,
        parallel=SLOTS,
        seed=0,
        startup=20,
        resources={"CPU": 1.0},
        created_by="seed@benchmark",
        versions={"alignsearch": "0.1.0"},
    )
    made = [a_trial(name, tid, epochs, rng) for tid in range(trials)]
    rich = {tid for _, tid in sorted((loss, t.tid) for t, loss in made)[:WITH_LAYERS]}
    with Store.connect(uri) as store, pymongo.MongoClient(uri) as client:
        store.searches.create(search)
        store.searches.change(name, status, "seed@benchmark")
        database = client.get_default_database("alignsearch")
        for at in range(0, trials, 1000):
            database.trials.insert_many([t.to_bson() for t, _ in made[at : at + 1000]])
        database.searches.update_one({"_id": name}, {"$set": {"created_at": BEGUN}})
        database.counters.update_one({"_id": name}, {"$set": {"seq": trials}})
        with without_indexes(database.epochs):
            batch = []
            for trial, loss in made:
                batch += epochs_of(trial.id, loss, epochs, LAYERS if trial.tid in rich else 0)
                if len(batch) >= BATCH:
                    database.epochs.insert_many(batch, ordered=False)
                    batch = []
            if batch:
                database.epochs.insert_many(batch, ordered=False)
    # The documents are what the store's own models read.
    Epoch.from_bson(next(epochs_of(made[0][0].id, 0.1, 1, 1)))
    return [trial for trial, _ in made]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=45)
    arguments = parser.parse_args()
    begun = time.monotonic()
    store = EmbeddedStore(arguments.folder / ".alignsearch")
    seed(store.ensure(), arguments.trials, arguments.epochs)
    print(
        f"{arguments.trials} trials and {arguments.trials * arguments.epochs} epochs in "
        f"{time.monotonic() - begun:.0f} s at {store.ensure()}"
    )


if __name__ == "__main__":
    main()
