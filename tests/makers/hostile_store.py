"""A store with one sound search, and one in which one document is damaged, lost or too new."""

from alignsearch.search.documents import Epoch, GivenPoint, LogLine, Result, Trial
from alignsearch.search.documents.states import SearchStatus

SOUND, HURT = "sound", "hurt"
TRIALS = 4
"""Trials of each search: the last one is the best, and all have ended."""


def fill(store, make_search, names=(SOUND, HURT)):
    """Make the searches, alike."""
    for name in names:
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


def an_event(name):
    """A damage: the first of the search's events is changed."""

    def damage(store):
        (event, *_) = store._db.find("events", {"search": name})
        assert store._db.update("events", {"_id": event["_id"]}, {"$set": {"who": 5}})

    return damage


def damages(name):
    """Each damage of one search, by what it is called."""
    return {
        "an unreadable search": changed("searches", name, trials="many"),
        "a search of a newer version": changed("searches", name, hyperdrive=1),
        "a search in a newer version's state": changed("searches", name, status="dreaming"),
        "a search over an unknown space": changed("searches", name, space="warp", space_hash="0"),
        "a lost counter": lost("counters", name),
        "an unreadable counter": changed("counters", name, seq="many"),
        "an unreadable tally": changed("counters", name, tally={"spent": 5}),
        "an unreadable trial": changed("trials", f"{name}/1", attempts="none"),
        "a trial in a newer version's state": changed("trials", f"{name}/1", state="dreaming"),
        "an unreadable best trial": changed("trials", f"{name}/{TRIALS - 1}", resources=5),
        "a lost best trial": lost("trials", f"{name}/{TRIALS - 1}"),
        "an unreadable epoch": changed("epochs", f"{name}/0/1/1", seconds="long"),
        "an epoch of a newer version": changed("epochs", f"{name}/0/1/1", dreams=5),
        "an unreadable event": an_event(name),
        "an unreadable log": changed("logs", f"{name}/0/1", lines=5),
        "an unreadable point": changed("points", f"{name}/0", point=5),
    }


DAMAGES = damages(HURT)
