"""Searches without a space of their own in a store: an experiment's runs, an unknown space."""

import odd_search as nested

from alignsearch.search.documents import Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.runs import Run

DIVERGED = (3, 9)
"""Trials of the search that has diverged ones only."""


def seed_runs(store, name="architectures-1"):
    """A search that an experiment writes: runs of two rules, three seeds each."""
    recipe = Recipe(dataset="digits", width=16, stem="small", epochs=3)
    search = Search(
        name=name,
        space=RUNS.name,
        space_hash=RUNS.space_hash,
        recipe=recipe,
        trials=6,
        parallel=2,
        seed=0,
        startup=0,
        created_by="ann@lab",
    )
    _create(store, search)
    for tid in range(6):
        rule = ("wm", "kp")[tid % 2]
        run = Run(rule=rule, label=f"{rule} net", seed=tid // 2, width=16, epochs=3)
        _finish(store, search, tid, run.values(), Result(status="ok", loss=0.1 + 0.01 * tid))


def seed_unknown(store, name="unknown"):
    """A search of another version over a space that isn't known here."""
    search = nested.odd_search(name).model_copy(
        update={"definition": None, "space": "gone", "space_hash": "f" * 64}
    )
    _create(store, search)
    configs = [
        {"lr": 1, "kind": "a"},
        {"lr": 0.5, "kind": "b"},
        {"lr": "auto", "kind": "b", "deep": {"nested": 1}},
    ]
    for tid, config in enumerate(configs):
        _finish(store, search, tid, config, Result(status="ok", loss=0.5 - 0.1 * tid))


def seed_all_diverged(store, name="diverged"):
    """A search of which every trial has diverged."""
    search = nested.odd_search(name)
    _create(store, search)
    for tid in DIVERGED:
        _finish(store, search, tid, {}, Result(status="fail", reason="NaN"), nested.point(tid))


def _create(store, search):
    store.searches.create(search)
    store.searches.change(search.name, SearchStatus.RUNNING, "driver@lab")


def _finish(store, search, tid, config, result, point=None):
    trial = store.trials.add(
        Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=config,
            point=point or {},
            resources={"CPU": 1.0},
        )
    )
    begun = store.attempts.begin(
        trial, "w@lab", ttl=60.0, host="lab", accelerator="cpu", versions={}, slot=0
    )
    store.attempts.finish(begun.id, begun.lease.attempt, begun.lease.token, result)
