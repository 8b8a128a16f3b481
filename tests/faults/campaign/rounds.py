"""One round: a search and its twin run, faults strike it, and the oracle judges both."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

from bson import json_util

from alignsearch.search.store.processes import wait_until
from campaign.journal import Journal
from campaign.kinds import KINDS
from campaign.lanes import UNLIMITED, fitting, plans, strike
from campaign.leftovers import STORE_ID, folders
from campaign.oracle import (
    Finding,
    Stored,
    attempts_spent,
    disturbed,
    judge,
    shared_workers,
)
from campaign.promises import broken
from campaign.searches import SEARCHED
from campaign.targets import TARGETS
from campaign.undisturbed import changed
from campaign.world import DATABASE, SLOTS, TWIN, TWIN_SLOTS, World

START_SECONDS = 600.0
"""For the first result: workers start, and TensorFlow with them, on two cores."""
END_SECONDS = 300.0
"""For the next result after the last fault; a search that has none by then is stuck."""
LEFT_SECONDS = 300.0
"""For workers that lost their drivers to end by themselves: they look every 30 s."""
FOUND = Path("build") / "chaos"
"""For what explains a finding."""
TWIN_TRIALS = 60
OF_ONE_SEARCH = {"drivers", "workers"}
"""Lanes whose faults strike the main search alone, and never its twin."""
MODES = ("serve", "serve", "wait")
"""Two searches of three are driven by `serve`, as most are."""


def lacking(journal: Journal, store: str) -> Counter[str]:
    """Return how many faults of each kind a store lacks."""
    counts = journal.counts()
    return Counter(
        {
            kind: max(0, wanted - counts[kind, store])
            for (kind, of), wanted in TARGETS.items()
            if of == store
        }
    )


def run(
    world: World,
    journal: Journal,
    seed: int,
    kinds: Sequence[str] = (),
    searched: str = "",
    most: int = UNLIMITED,
) -> list[Finding]:
    """Run the next round, of so many faults at most, and note it; return what is wrong.

    kinds: names of faults to strike with, one after the other; by default those that are lacking,
    in all lanes. searched: what is searched; by default one kind of searches or another, by chance.
    """
    number = journal.next_round
    chance = random.Random(f"{seed} {number}")
    weights = [each.weight for each in SEARCHED.values()]
    searched = searched or chance.choices(list(SEARCHED), weights)[0]
    mode = chance.choice(MODES)
    if kinds:
        struck = [KINDS[name] for name in kinds]
        mode = next((kind.mode for kind in struck if kind.mode), mode)
        searched = next((kind.searched[0] for kind in struck if kind.searched), searched)
        planned = {"asked": iter(struck)}
    else:
        fit = fitting(world.kind, searched, mode, separate=world.network.separate)
        planned = plans(fit, lacking(journal, world.kind), f"{seed} {number}")
    world.chance = chance
    world.name = f"r{number}"
    world.clock_moved = False
    known = SEARCHED[searched]
    began = time.monotonic()
    where: dict[str, Any] = {"round": number, "store": world.kind, "search": searched, "mode": mode}
    print(f"round {number} on {world.kind}: {searched}, {mode}", flush=True)
    # Each of these is a process that takes seconds to start.
    twin = SEARCHED["rehearsal"].arguments
    with ThreadPoolExecutor() as pool:
        submitted = [
            pool.submit(world.submit, DATABASE, known.trials, SLOTS, known.arguments),
            pool.submit(world.submit, TWIN, TWIN_TRIALS, TWIN_SLOTS, twin),
        ]
    for each in submitted:
        each.result()
    world.drive(mode)
    # Without a first result no fault strikes, and the search counts as stuck.
    begun = world.wait_for(world.has_begun, START_SECONDS)
    first = time.monotonic()
    struck_by: Counter[str] = Counter()

    def note(kind: str, victim: str, seconds: float) -> None:
        struck_by[kind] += 1
        at = time.monotonic() - began
        print(f"  {at:5.0f} s {kind} ({seconds:.1f} s): {victim}", flush=True)

    if begun:
        strike(world, planned, f"{seed} {number}", note, most)
    last = time.monotonic()
    results = -1
    while begun and not world.is_over_within(END_SECONDS, DATABASE, TWIN):
        before, results = results, world.results(DATABASE, TWIN)
        if results == before:
            break
    if mode == "wait":
        world.stop_driving()
    others = any(KINDS[kind].lane not in OF_ONE_SEARCH for kind in struck_by)
    findings, ended = judged(world, searched, twin_struck=others)
    if findings:
        keep(world, FOUND / world.name)
    now = time.monotonic()
    journal.note(
        "round",
        **where,
        seconds=[round(each) for each in (first - began, last - first, now - last)],
        struck=dict(struck_by),
        attempts=dict(ended),
        findings=[{"kind": each.kind, "what": each.what} for each in findings],
    )
    return findings


def end(world: World, journal: Journal) -> int:
    """End all drivers, and note processes that nobody needs any more; return how many."""
    world.stop_driving()
    world.twin.stop()
    left = world.left_workers(LEFT_SECONDS)
    findings = [{"kind": "foreign", "what": f"process {pid} works for nobody"} for pid in left]
    journal.note("end", round=journal.next_round - 1, store=world.kind, findings=findings)
    return len(left)


def judged(world: World, searched: str, *, twin_struck: bool) -> tuple[list[Finding], Counter[str]]:
    """Return all that is wrong with the search and its twin, and how attempts have ended.

    twin_struck: whether a fault has struck the twin, too.
    """
    found = []
    with world.store.client() as client:
        stored = {name: Stored.read(client[name]) for name in (DATABASE, TWIN)}
        metas = {name: client[name].meta.find_one({"_id": STORE_ID}) for name in (DATABASE, TWIN)}
    for database, kind in ((DATABASE, searched), (TWIN, "rehearsal")):
        found += judge(
            stored[database],
            world.name,
            SEARCHED[kind].expected,
            clock_moved=world.clock_moved,
        )
    if searched == "training":
        trained = _of(stored[DATABASE], world.name)
        found += changed(trained.searches, trained.trials)
    found += [] if twin_struck else disturbed(stored[TWIN], world.name)
    ours = [_of(each, world.name) for each in stored.values()]
    found += [] if world.clock_moved else shared_workers(*ours)
    found += broken(world.store.acknowledged, stored)
    # The last driver removes what is not to be kept, a moment after it has ended the search.
    wait_until(lambda: not list(folders(world.checkpoints.folder, stored, metas)), 300.0)
    found += folders(world.checkpoints.folder, stored, metas)
    return found, attempts_spent(ours[0].trials)


def keep(world: World, folder: Path) -> None:
    """Keep the logs and the documents of a round in which something was wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in (world.folder / f"{DATABASE}.log", world.folder / f"{TWIN}.log", *world.store.logs):
        shutil.copy2(log, folder / log.name)
    with world.store.client() as client:
        for database in (DATABASE, TWIN):
            stored = Stored.read(client[database])
            documents = {each.name: getattr(stored, each.name) for each in fields(stored)}
            (folder / f"{database}.json").write_text(json_util.dumps(documents, indent=1))


def _of(stored: Stored, name: str) -> Stored:
    """Return the part of the documents that belongs to one search."""
    return Stored(
        [each for each in stored.searches if each["_id"] == name],
        [each for each in stored.trials if each["search"] == name],
        [],
    )
