"""Verbs that are killed at random moments and repeated; `make chaos-verbs` runs it whole.

    python tests/faults/verbs.py [VERB ...] --kills 100 --log FILE

A row of `VERBS` is one command line (`verb_cases.Verb`). Each kill has a seed, which fixes the
share of the command's usual duration after which it gets SIGKILL. The command is repeated then,
and the store is held to what the row promises. The log has a line for each kill that was as
promised; a run that was broken off goes on after them.

`cut_short` is the same without chance: the command runs in this process and dies before its n-th
write to the store or to the disk, for every n.
"""

import argparse
import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from unittest.mock import patch

import verbs_budget
import verbs_confirm
import verbs_life
import verbs_points
from forked import Commands
from verb_cases import Case, Verb

from alignment_core import files
from alignment_core.errors import AlignSearchError
from alignsearch.search.store import Store
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.embedded import EmbeddedStore

FAMILIES = (verbs_life, verbs_budget, verbs_points, verbs_confirm)
"""Modules with rows, a family of verbs each."""

VERBS: dict[str, Verb] = {row.name: row for family in FAMILIES for row in family.ROWS}

LOG = Path("build") / "chaos-verbs.log"
UNDISTURBED = 3
"""Runs without a kill, whose median duration says until when a kill can strike."""
LONGEST_REASON = 300
"""Characters of a failure in the log: its end says what it was."""
LONGEST_CALL = 600.0
"""Seconds after which a command counts as hanging. A training takes 30 s on two idle cores, and
several minutes beside seven times as much work as they can do."""


@dataclass(frozen=True)
class Killed:
    """One kill: the seconds after which the command was killed, unless it had `ended` by then."""

    seconds: float
    ended: bool
    code: int

    def __str__(self) -> str:
        what = "ended before" if self.ended else "killed"
        return f"{what} at {self.seconds:.3f} s, repeated with exit code {self.code}"


class Place:
    """A server, and the process that commands are forked from: what all kills share."""

    def __init__(self, server_uri: str, commands: Commands, folder: Path) -> None:
        # A replica set's URI has options behind the database's place.
        self._server_uri = server_uri if "{}" in server_uri else f"{server_uri.rstrip('/')}/{{}}"
        self._commands = commands
        self._folder = folder
        self._seconds: dict[str, float] = {}

    def kill(self, verb: Verb, seed: int) -> Killed:
        """Kill the command once, repeat it, and assert what it promises."""
        seconds = random.Random(f"{verb.name} {seed}").uniform(0, 1) * self.usual_seconds(verb)
        with self.case(verb) as case:
            process = self._start(case, verb.command(case))
            case.ended = _killed(process, seconds)
            verb.between(case)
            again = self._start(case, verb.again(case))
            said, _ = again.communicate(timeout=LONGEST_CALL)
            # Where the first call had its effect, the repetition may say that nothing is left.
            assert again.returncode in {0, *verb.codes}, said
            assert "Traceback" not in said, said
            verb.promised(case)
        return Killed(seconds, case.ended, again.returncode)

    def usual_seconds(self, verb: Verb) -> float:
        """Return how long the command takes; the first time it is run for that."""
        if verb.name not in self._seconds:
            self._seconds[verb.name] = statistics.median(
                self._undisturbed(verb) for _ in range(1 if verb.costly else UNDISTURBED)
            )
        return self._seconds[verb.name]

    def _undisturbed(self, verb: Verb) -> float:
        with self.case(verb) as case:
            started = time.monotonic()
            process = self._start(case, verb.command(case))
            said, _ = process.communicate(timeout=LONGEST_CALL)
            seconds = time.monotonic() - started
            assert process.returncode == 0, said
            case.ended = True
            verb.promised(case)
        return seconds

    def _start(self, case: Case, arguments: Sequence[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._commands.line(*arguments, "--store", case.uri),
            cwd=case.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextlib.contextmanager
    def case(self, verb: Verb) -> Iterator[Case]:
        """Prepare a database and a folder for one call, which are removed after it."""
        uri = self._server_uri.format(f"verbs_{uuid.uuid4().hex}")
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as folder,
            Store.connect(uri) as store,
        ):
            case = Case(store, uri, Path(folder))
            try:
                verb.prepare(case)
                with verb.beside(case):
                    yield case
            finally:
                store._db.command({"dropDatabase": 1})


def _killed(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Kill the command after so many seconds; return whether it had ended by then."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    ended = process.poll() is not None
    if not ended:
        # The process that commands are forked from kills the command with its caller.
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LONGEST_CALL)
    return ended


class _DiedError(BaseException):
    """The command is dead: nothing catches this, and nothing is written any more."""


class Cut:
    """Dies before the n-th write of this thread; a write of several documents counts twice.

    Before the second part of such a write, half of the documents have been written.
    """

    def __init__(self, allowed: int) -> None:
        self.left = allowed
        self._thread = threading.get_ident()

    def pays(self) -> bool:
        """Count a write, and return whether it is made; other threads make all of theirs."""
        if threading.get_ident() != self._thread:
            return True
        self.left -= 1
        return self.left >= 0


def cut_short(place: Place, verb: Verb, run: Callable[[Sequence[str]], None]) -> int:
    """Cut the command before every write in turn, repeat it, and assert what it promises.

    run: runs a command line in this process. Return the number of cuts.
    """
    for allowed in range(10_000):
        with place.case(verb) as case, contextlib.chdir(case.folder):
            cut = Cut(allowed)
            with _cut(cut):
                try:
                    run([*verb.command(case), "--store", case.uri])
                    case.ended = True
                except _DiedError:
                    pass
            verb.between(case)
            try:
                run([*verb.again(case), "--store", case.uri])
            except AlignSearchError:
                assert 2 in verb.codes
            verb.promised(case)
        if case.ended:
            return allowed
    raise AssertionError(f"{verb.name} writes without end")


@contextlib.contextmanager
def _cut(cut: Cut) -> Iterator[None]:
    """Make the store's writes, and removals from the disk, ask the cut before."""
    single = ("insert", "update", "increase")
    with contextlib.ExitStack() as patches:
        for name in single:
            real = getattr(StoreConnection, name)
            patches.enter_context(patch.object(StoreConnection, name, _asking(cut, real)))
        several = {"insert_each": _halved, "update_each": _halved, "delete": _half_deleted}
        for name, half in several.items():
            real = getattr(StoreConnection, name)
            made = _asking(cut, real, half(real))
            patches.enter_context(patch.object(StoreConnection, name, made))
        patches.enter_context(patch.object(files, "remove", _asking(cut, files.remove)))
        yield


def _asking(
    cut: Cut, real: Callable[..., Any], half: Callable[..., None] | None = None
) -> Callable[..., Any]:
    def asked(*arguments: Any, **options: Any) -> Any:
        if not cut.pays():
            raise _DiedError
        if half is not None and not cut.pays():
            half(*arguments, **options)
            raise _DiedError
        return real(*arguments, **options)

    return asked


def _halved(real: Callable[..., Any]) -> Callable[..., None]:
    def half(db: StoreConnection, collection: str, parts: Sequence[Any], **options: Any) -> None:
        some = parts[: len(parts) // 2]
        if some:
            real(db, collection, some, **options)

    return half


def _half_deleted(real: Callable[..., Any]) -> Callable[..., None]:
    def half(db: StoreConnection, collection: str, condition: dict[str, Any]) -> None:
        found = db.find(collection, condition, fields=["_id"])
        for each in found[: len(found) // 2]:
            real(db, collection, {"_id": each["_id"]})

    return half


def seeds_in(log: Path) -> dict[str, set[int]]:
    """Return the seeds that a log has as done, by verb."""
    done: dict[str, set[int]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        found = re.fullmatch(r"(\S+)\s+seed (\d+): .*; as promised", line)
        if found:
            done.setdefault(found[1], set()).add(int(found[2]))
    return done


def main() -> None:
    """Kill each verb as often as asked, and go on with the log that is there."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("verbs", nargs="*", metavar="VERB", help=f"among {', '.join(VERBS)}")
    options.add_argument("--kills", type=int, default=100, help="kills of each verb")
    options.add_argument("--log", type=Path, default=LOG, help="file that is gone on with")
    asked = options.parse_args()
    if unknown := set(asked.verbs) - VERBS.keys():
        options.error(f"no verb {', '.join(sorted(unknown))}: there are {', '.join(VERBS)}")
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    done = seeds_in(asked.log)
    with tempfile.TemporaryDirectory(prefix="verbs-") as folder:
        server = EmbeddedStore(Path(folder) / ".alignsearch")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ALIGNSEARCH_")}
        commands = Commands(Path(folder), environment)
        try:
            place = Place(server.ensure(), commands, Path(folder))
            with asked.log.open("a") as log:
                wrong = sum(
                    _kill_each(place, VERBS[name], _left(asked.kills, done.get(name, set())), log)
                    for name in asked.verbs or VERBS
                )
        finally:
            commands.close()
            server.stop()
    sys.exit(wrong > 0)


def _left(kills: int, done: set[int]) -> list[int]:
    return [seed for seed in range(kills) if seed not in done]


def _kill_each(place: Place, verb: Verb, seeds: Sequence[int], log: TextIO) -> int:
    """Kill a verb once for each seed, with a line in the log; return how often it went wrong."""
    wrong = killed = 0
    for seed in seeds:
        try:
            done = place.kill(verb, seed)
            killed += not done.ended
            line = f"{verb.name:<16} seed {seed}: {done}; as promised"
        except (AssertionError, AlignSearchError, subprocess.TimeoutExpired) as error:
            wrong += 1
            why = " ".join(str(error).split())[-LONGEST_REASON:]
            line = f"{verb.name:<16} seed {seed}: WRONG: {why}"
        log.write(line + "\n")
        log.flush()
        if "WRONG" in line:
            print(line, file=sys.stderr)
    if seeds:
        of = f"{killed} of {len(seeds)} killed within {place.usual_seconds(verb):.2f} s"
        print(f"{verb.name}: {of}, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    main()
