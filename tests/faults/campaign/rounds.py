"""One round: a search and its twin run, faults strike it, and the oracle judges both."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from alignsearch.search.store.processes import wait_until
from campaign.journal import Journal
from campaign.kinds import KINDS
from campaign.kinds.kind import Kind
from campaign.leftovers import STORE_ID, folders
from campaign.oracle import Finding, Stored, attempts_spent, judge, shared_workers
from campaign.promises import broken
from campaign.searches import SEARCHED
from campaign.targets import TARGETS
from campaign.world import DATABASE, SLOTS, TWIN, TWIN_SLOTS, World

START_SECONDS = 300.0
"""For the first result: workers start, and TensorFlow with them, on two cores."""
END_SECONDS = 120.0
"""For the next result after the last fault; a search that has none by then is stuck."""
LEFT_SECONDS = 100.0
"""For workers that lost their drivers to end by themselves: they look every 30 s."""
PAUSES = (0.2, 1.5)
"""Shortest and longest time from a fault's repair to the next one."""
LONGEST = 40
"""Most faults of a round."""
TWIN_TRIALS = 10
MODES = ("serve", "serve", "wait")
"""Two searches of three are driven by `serve`, as most are."""


def plan(
    missing: Counter[str], store: str, searched: str, mode: str, *, separate: bool, seed: str
) -> list[Kind]:
    """Return kinds of faults in the order in which they strike: those that are lacking most first.

    missing: how many of each kind the store lacks still.
    """
    chance = random.Random(seed)
    fitting = [
        kind
        for kind in KINDS.values()
        if store in kind.stores
        and kind.mode in {"", mode}
        and (not kind.searched or searched in kind.searched)
        and (separate or not kind.separate)
    ]
    weights = {kind.name: max(missing[kind.name], 0) / kind.cost for kind in fitting}
    if not any(weights.values()):
        return []
    found: list[Kind] = []
    while len(found) < LONGEST:
        found.append(chance.choices(fitting, [weights[kind.name] for kind in fitting])[0])
        weights[found[-1].name] *= 0.5
    return found


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
    world: World, journal: Journal, seed: int, kinds: Sequence[str] = (), searched: str = ""
) -> list[Finding]:
    """Run the next round and note it; return what is wrong.

    kinds: names of faults to strike with, in order; by default those that are lacking. searched:
    what is searched; by default one kind of searches or another, by chance.
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
    else:
        missing = lacking(journal, world.kind)
        separate = world.network.separate
        struck = plan(
            missing, world.kind, searched, mode, separate=separate, seed=f"{seed} {number}"
        )
    world.chance = chance
    world.name = f"r{number}"
    world.clock_moved = False
    known = SEARCHED[searched]
    began = time.monotonic()
    where: dict[str, Any] = {"round": number, "store": world.kind, "search": searched, "mode": mode}
    journal.note("begun", **where)
    world.submit(DATABASE, known.trials, SLOTS, known.arguments)
    world.submit(TWIN, TWIN_TRIALS, TWIN_SLOTS, SEARCHED["rehearsal"].arguments)
    world.drive(mode)
    # Without a first result no fault strikes, and the search counts as stuck.
    begun = world.wait_for(world.has_begun, START_SECONDS)
    for kind in struck if begun else ():
        if world.is_over_within(chance.uniform(*PAUSES)):
            break
        moment = time.monotonic()
        victim = kind.strike(world)
        if victim is not None:
            seconds = round(time.monotonic() - moment, 1)
            journal.note("fault", **where, fault=kind.name, victim=victim, seconds=seconds)
    results = -1
    while begun and not world.is_over_within(END_SECONDS, DATABASE, TWIN):
        before, results = results, world.results()
        if results == before:
            break
    if mode == "wait":
        world.stop_driving()
    findings, ended = judged(world, searched)
    journal.note(
        "round",
        **where,
        seconds=round(time.monotonic() - began, 1),
        faults=sum(line["what"] == "fault" and line["round"] == number for line in journal.lines),
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


def judged(world: World, searched: str) -> tuple[list[Finding], Counter[str]]:
    """Return all that is wrong with the search and its twin, and how attempts have ended."""
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
    ours = [_of(each, world.name) for each in stored.values()]
    found += [] if world.clock_moved else shared_workers(*ours)
    found += broken(world.store.acknowledged, stored)
    # The last driver removes what is not to be kept, a moment after it has ended the search.
    wait_until(lambda: not list(folders(world.checkpoints.folder, stored, metas)), 10.0)
    found += folders(world.checkpoints.folder, stored, metas)
    return found, attempts_spent(ours[0].trials)


def _of(stored: Stored, name: str) -> Stored:
    """Return the part of the documents that belongs to one search."""
    return Stored(
        [each for each in stored.searches if each["_id"] == name],
        [each for each in stored.trials if each["search"] == name],
        [],
    )
