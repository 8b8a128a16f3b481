"""A store with one sound search, and one in which one document is damaged, lost or too new."""

from alignsearch.search.documents import Epoch, GivenPoint, LogLine, Result, Trial
from alignsearch.search.documents.states import SearchStatus

SOUND, HURT = "sound", "hurt"
TRIALS = 4
"""Trials of each search: the last one is the best, and all have ended."""


def fill(store, make_search):
    """Make both searches, alike."""
    for name in (SOUND, HURT):
        make_search(name, trials=TRIALS, parallel=1)
        store.searches.change(name, SearchStatus.RUNNING, "me")
        for tid in range(TRIALS):
            whole_trial(store, name, tid)
        given = GivenPoint(
            id=f"{name}/0",
            search=name,
            number=0,
            kind="enqueued",
            point=at(0.5),
            token="a token",
            by="me",
        )
        store.points.add([given])
        store.points.publish(name)
        store.totals.update(name)
        store.searches.change(name, SearchStatus.COMPLETED, "me")


MORE = 2
"""Trials that are left to a driver that goes on with a search."""
NOT_DRIVEN = {
    *("an unreadable search", "a search of a newer version"),
    *("a search in a newer version's state", "a search over an unknown space"),
}
"""Damages after which nobody knows what is to be driven."""


def let_go_on(store, name):
    """Give a search that is over more trials."""
    changes = {"status": "running", "trials": TRIALS + MORE, "resources": {"CPU": 1.0}}
    assert store._db.update("searches", {"_id": name}, {"$set": changes})


def results(store, name):
    """The numbers of the search's trials that have a result, without unreadable ones."""
    return [trial.tid for trial in store.trials.all_readable(name) if trial.result is not None]


def at(sigma):
    """A point of weight mirroring."""
    return {"sigma": sigma, "alpha_over_beta": 15.0, "beta": 1e-3}


def whole_trial(store, name, tid):
    config = at(0.1 + tid)
    store.trials.add(Trial(id=f"{name}/{tid}", search=name, tid=tid, config=config, point=config))
    trial = store.attempts.begin(
        f"{name}/{tid}", "worker", ttl=60.0, host="node", accelerator="cpu", versions={}, slot=0
    )
    held = trial.id, trial.lease.attempt, trial.lease.token
    for number in (1, 2):
        epoch = Epoch(
            trial=trial.id,
            attempt=1,
            epoch=number,
            epochs=2,
            loss=1.0,
            validation_accuracy=0.5,
            seconds=1.0,
        )
        store.attempts.record_epoch(*held, epoch)
    line = LogLine(at=store.now(), level="WARNING", text=f"a line of {trial.id}")
    store.logs.record_lines(trial.id, 1, [line])
    store.attempts.finish(*held, Result(status="ok", loss=0.5 - 0.1 * tid), 2)


def changed(collection, key, **fields):
    """A damage: these fields of a document become others."""

    def damage(store):
        assert store._db.update(collection, {"_id": key}, {"$set": fields})

    return damage


def lost(collection, key):
    """A damage: a document is gone."""

    def damage(store):
        assert store._db.delete(collection, {"_id": key})

    return damage


def hurt_event(store):
    (event, *_) = store._db.find("events", {"search": HURT})
    assert store._db.update("events", {"_id": event["_id"]}, {"$set": {"who": 5}})


DAMAGES = {
    "an unreadable search": changed("searches", HURT, trials="many"),
    "a search of a newer version": changed("searches", HURT, hyperdrive=1),
    "a search in a newer version's state": changed("searches", HURT, status="dreaming"),
    "a search over an unknown space": changed("searches", HURT, space="warp", space_hash="0"),
    "a lost counter": lost("counters", HURT),
    "an unreadable counter": changed("counters", HURT, seq="many"),
    "an unreadable tally": changed("counters", HURT, tally={"spent": 5}),
    "an unreadable trial": changed("trials", f"{HURT}/1", attempts="none"),
    "a trial in a newer version's state": changed("trials", f"{HURT}/1", state="dreaming"),
    "an unreadable best trial": changed("trials", f"{HURT}/{TRIALS - 1}", resources=5),
    "a lost best trial": lost("trials", f"{HURT}/{TRIALS - 1}"),
    "an unreadable epoch": changed("epochs", f"{HURT}/0/1/1", seconds="long"),
    "an epoch of a newer version": changed("epochs", f"{HURT}/0/1/1", dreams=5),
    "an unreadable event": hurt_event,
    "an unreadable log": changed("logs", f"{HURT}/0/1", lines=5),
    "an unreadable point": changed("points", f"{HURT}/0", point=5),
}
