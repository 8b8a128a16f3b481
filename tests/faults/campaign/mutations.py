"""Programs with one fault built in each: the campaign must find every one.

    python -m campaign.mutations [NAME ...]

A mutation is a list of edits of text in a copy of this tree. An edit whose text isn't there exactly
once is an error: the code has changed, and the mutation with it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.journal import LOG, Journal
from campaign.summary import TABLE, report
from campaign.world import PROGRAM

ROOT = Path(__file__).parents[3]
FOLDER = Path("build") / "mutations"


@dataclass(frozen=True)
class Edit:
    """A text of one file, and what takes its place."""

    file: str
    old: str
    new: str

    def make(self, tree: Path) -> None:
        """Edit the file in a tree."""
        path = tree / self.file
        text = path.read_text()
        if (times := text.count(self.old)) != 1:
            raise ValueError(f"{self.file} has this text {times} times, not once: {self.old!r}")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Mutation:
    """One fault built in.

    Attributes:
        what: the fault in words.
        edits: its edits.
        faults: kinds of faults that bring it to light, struck in turn.
        searched: what is searched meanwhile.
    """

    what: str
    edits: tuple[Edit, ...]
    faults: tuple[str, ...]
    searched: str = "rehearsal"


MUTATIONS = {
    "finish": Mutation(
        "a finish that doesn't check the attempt",
        (
            Edit(
                "search/store/attempts.py",
                "        if self._records.mark(trial.id, completed):\n",
                "        if self._records.mark(trial.id, Transition({}, completed.changes)):\n",
            ),
        ),
        ("cut: a host", "worker stop", "clock: store"),
        searched="silent function",
    ),
    "requeue": Mutation(
        "a requeue before the lease has expired",
        (
            Edit(
                "search/driver/supervisor.py",
                "trial.lease is not None and trial.lease.has_passed(now)",
                "trial.lease is not None",
            ),
            Edit(
                "search/documents/transitions.py",
                "{**ended.condition, **ATTEMPT_LEASE.passed(now)}",
                "ended.condition",
            ),
        ),
        ("worker stop", "serve stop", "worker kill"),
    ),
    "epochs": Mutation(
        "epochs written without the attempt",
        (
            Edit(
                "search/documents/epoch.py",
                '"_id": f"{self.trial}/{self.attempt}/{self.epoch}"',
                '"_id": f"{self.trial}/{self.epoch}"',
            ),
        ),
        ("worker kill", "worker term", "worker stop"),
    ),
    "driver": Mutation(
        "a driver that doesn't fence its lease",
        (
            Edit(
                "search/store/searches.py",
                "        token = secrets.token_hex(8)\n        lease = Lease(owner=owner",
                '        token = "0" * 16\n        lease = Lease(owner=owner',
            ),
        ),
        ("two drivers",),
        # Slots change hands often: two drivers give one slot to two trials sooner.
        searched="silent function",
    ),
    "names": Mutation(
        "workers found by name alone",
        (
            Edit(
                "workers/dispatchers/ray_actors.py",
                '            if actor["namespace"] == self._namespace:\n'
                '                self._adopt(actor["name"])\n',
                '            self._namespace = actor["namespace"]\n'
                '            self._adopt(actor["name"])\n',
            ),
            Edit(
                "workers/dispatchers/ray_actors.py",
                "        if search != str(self._identity):\n",
                '        if search.partition("@")[0] != self._identity.search:\n',
            ),
            Edit(
                "workers/actor.py",
                "        if not own or found.driver is None or found.driver.token != token:\n",
                "        if found.name != identity.search:\n",
            ),
            Edit(
                "workers/attempt_runner.py",
                "    if placed.search != search.name or store.place != search.place:\n",
                "    if placed.search != search.name:\n",
            ),
        ),
        ("serve kill",),
    ),
}
"""Mutations by name."""


def copied(folder: Path, mutation: Mutation | None) -> Path:
    """Return a copy of this tree's program with the mutation built in."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for edit in mutation.edits if mutation else ():
        edit.make(folder)
    names = folder / "names"
    subprocess.run([sys.executable, folder / "tests" / "names.py", names], check=True)
    return folder


def found_after(name: str, store: str, rounds: int) -> Journal:
    """Run the campaign on a mutation until it finds something; return its log."""
    mutation = MUTATIONS[name]
    folder = (ROOT / FOLDER / name).resolve()
    tree = copied(folder / "tree", mutation)
    log = folder / "chaos.jsonl"
    log.unlink(missing_ok=True)
    faults = ",".join(mutation.faults * 6)
    subprocess.run(
        [
            *(sys.executable, "-m", "campaign", "--until-found", "--rounds", str(rounds)),
            *("--store", store, "--log", log, "--table", folder / "faults.md"),
            *("--faults", faults, "--search", mutation.searched),
        ],
        cwd=ROOT,
        env={**os.environ, PROGRAM: f"{tree / 'names'}{os.pathsep}{tree}"},
        check=False,
    )
    return Journal(log)


def result(name: str, store: str, journal: Journal) -> dict[str, Any]:
    """Return what the campaign has found of a mutation, and after how many faults."""
    first = next(journal.found(), None)
    return {
        "mutation": MUTATIONS[name].what,
        "store": store,
        "found": "" if first is None else first[1]["kind"],
        "faults": sum(journal.counts().values()),
        "first": "" if first is None else first[1]["what"],
    }


def main() -> None:
    """Run the campaign on each mutation, and note after how many faults it was found."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("names", nargs="*", metavar="NAME", help=f"among {', '.join(MUTATIONS)}")
    options.add_argument("--store", default="embedded")
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--log", type=Path, default=LOG, help="file for the results")
    options.add_argument("--table", type=Path, default=TABLE, help="file with all results")
    asked = options.parse_args()
    missed = 0
    for name in asked.names or MUTATIONS:
        journal = found_after(name, asked.store, asked.rounds)
        found = result(name, asked.store, journal)
        missed += not found["found"]
        print(found, flush=True)
        Journal(asked.log).note("mutation", **found)
        asked.table.write_text(report(Journal(asked.log)))
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
