"""How soon a change in the store is noticed: with change streams, and by polling.

    PYTHONPATH=tests/makers python tests/benchmarks/bench_news.py

It prints, for the embedded server and for one MongoDB with and without its streams, the median and
the longest of 30 times in ms: from a submit to its driver's lease, from a note on a running search
to its driver, and from a trial's change to a dashboard's mirror.
"""

import statistics
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import mongod
from driving import CountingDispatcher, Held, driving

from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.search.driver.driver import Driver
from alignsearch.search.driver.service import Service
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.news import feeds, news
from alignsearch.spaces.catalog import get_space

TIMES = 30


def made(store, name):
    return store.searches.create(
        Search(
            name=name,
            space="wm",
            recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=1),
            trials=1,
            parallel=1,
            seed=0,
            startup=1,
            created_by="a benchmark",
            space_hash=get_space("wm").space_hash,
            resources={"CPU": 1.0},
        )
    )


def timed(change, noticed):
    """Seconds from a change's acknowledgement until it was noticed; the pauses are uneven."""
    took = []
    for number in range(TIMES):
        threading.Event().wait(0.4 + number * 0.017)
        change(number)
        began = time.monotonic()
        while not noticed(number):
            time.sleep(0.001)
        took.append(time.monotonic() - began)
    return took


def submits(uri):
    def make(name, slots):
        return Driver(store, name, lambda search: CountingDispatcher(search, uri), owner="it")

    interrupt = threading.Event()
    with Store.connect(uri) as store, Store.connect(uri) as person:
        service = Service(
            store,
            make,
            lambda driver, ended: driver.run(ended),
            lambda: [{"CPU": 1000.0}],
            owner="it",
            say=lambda _: None,
            revive_store=lambda: None,
        )
        thread = threading.Thread(target=service.run, args=(interrupt,))
        thread.start()
        try:
            return timed(
                lambda number: made(person, f"submitted-{number}"),
                lambda number: f"submitted-{number}" in service._runs,
            )
        finally:
            interrupt.set()
            thread.join()


def notes(uri):
    with Store.connect(uri) as store, Store.connect(uri) as person:
        made(person, "noted")
        held = Held()
        driver = Driver(
            store, "noted", lambda search: CountingDispatcher(search, uri, held), owner="it"
        )
        with driving(driver):
            threading.Event().wait(2.0)

            def note(number):
                person.searches.edit("noted", lambda _: {"note": f"{number}"}, "me", "noted", "")

            return timed(note, lambda number: driver.search.note == f"{number}")


def mirrored(uri):
    with Store.connect(uri) as store, Store.connect(uri) as person:
        made(person, "mirrored")
        mirror = Mirror(store)
        mirror.start()
        mirror.pin("mirrored")
        held = mirror.get("mirrored")
        threading.Event().wait(2.0)
        try:
            return timed(
                lambda number: person.trials.add(
                    Trial(id=f"mirrored/{number}", search="mirrored", tid=number)
                ),
                lambda number: sum(held.standing().counts.values()) > number,
            )
        finally:
            mirror.close()


def measure(kind, uri):
    with Store.connect(uri.format("tried")) as store:
        store.lacking()
        print(f"{kind} ({store.news.kind()})", flush=True)
    for what in (submits, notes, mirrored):
        took = [1000 * seconds for seconds in what(uri.format(f"{what.__name__}_{time.time_ns()}"))]
        print(
            f"  {what.__name__}: median {statistics.median(took):.0f}, longest {max(took):.0f}",
            flush=True,
        )


def main():
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedStore(Path(folder) / ".alignsearch")
        try:
            measure("embedded", f"{embedded.ensure()}{{}}")
        finally:
            embedded.stop()
        with mongod.replica_set(Path(folder)) as real:
            measure("MongoDB", real.uri)
            polling = {feeds.POLLING: feeds.FEEDS[feeds.POLLING]}
            with (
                mock.patch.object(feeds, "FEEDS", polling),
                mock.patch.object(news, "FEEDS", polling),
            ):
                measure("MongoDB without streams", real.uri)


if __name__ == "__main__":
    main()
