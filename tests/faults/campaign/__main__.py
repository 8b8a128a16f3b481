"""Strike searches until each store had its faults; `make chaos`.

    python -m campaign --store members --minutes 30

A run goes on from its log. The seed and a round's number fix its search and its faults.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from namespaces import Network, OneHost, ip

from alignsearch.search.store.processes import lives
from campaign import rounds
from campaign.journal import LOG, Journal
from campaign.lanes import UNLIMITED
from campaign.searches import SEARCHED
from campaign.stores import STORES
from campaign.summary import TABLE, report
from campaign.world import DATABASE, HOSTS, TWIN, World

TAG = "chaos"
EXIT_ENDED = 143
BLOCK = 2
"""Rounds on one store before the next one's turn: starting a store and a cluster takes time."""


def main() -> None:
    """Run rounds, in a network of this campaign's own where this machine allows one."""
    options = argparse.ArgumentParser(prog="campaign", description=__doc__.partition("\n")[0])
    options.add_argument("--store", choices=STORES, action="append", help="may be repeated")
    options.add_argument("--minutes", type=float, default=600.0, help="time for new rounds")
    options.add_argument("--rounds", type=int, default=10_000, help="most rounds of this run")
    options.add_argument("--most", type=int, default=UNLIMITED, help="most faults of a round")
    options.add_argument("--faults", default="", help="kinds of faults, in order, with commas")
    options.add_argument("--search", choices=SEARCHED, default="", help="what is searched")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--log", type=Path, default=LOG, help="file that is gone on with")
    options.add_argument("--table", type=Path, default=TABLE, help="file for the result")
    options.add_argument("--until-found", action="store_true", help="stop at the first finding")
    options.add_argument("--inside", metavar="TAG", help=argparse.SUPPRESS)
    asked = options.parse_args()
    network: Network | OneHost
    if asked.inside is None:
        _sweep()
        tag = f"{TAG}{os.getpid()}"
        made = Network.make(tag, HOSTS)
        if made is not None:
            arguments = ["-m", "campaign", *sys.argv[1:], "--inside", tag]
            os.execvp("ip", [*made.inside("head"), sys.executable, *arguments])
        print("network namespaces are refused here: no network is cut, each host is a process")
        network = OneHost(HOSTS)
    else:
        network = Network(asked.inside, HOSTS)
    journal = Journal(asked.log)
    # All that was started ends with the campaign, also if somebody ends it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(EXIT_ENDED))
    try:
        wrong = _run(network, journal, asked)
        asked.table.parent.mkdir(parents=True, exist_ok=True)
        # Results of `campaign.mutations` may have come to the log meanwhile.
        asked.table.write_text(report(Journal(asked.log)))
        print(f"{sum(journal.counts().values())} faults: {dict(journal.findings())}")
    finally:
        network.remove()
    sys.exit(wrong > 0)


def _run(network: Network | OneHost, journal: Journal, asked: argparse.Namespace) -> int:
    """Run rounds on one store after the other; return how many things were wrong in this run."""
    asked.until = time.monotonic() + 60 * asked.minutes
    asked.kinds = [name for name in asked.faults.split(",") if name]
    wrong = 0
    while asked.rounds > 0 and time.monotonic() < asked.until:
        lacking = {
            store: rounds.lacking(journal, store).total() for store in asked.store or list(STORES)
        }
        store = max(lacking, key=lambda name: lacking[name])
        if not lacking[store] and not asked.kinds:
            break
        with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
            wrong += _block(Path(folder), network, store, journal, asked)
        if wrong and asked.until_found:
            break
    return wrong


def _block(
    folder: Path,
    network: Network | OneHost,
    store: str,
    journal: Journal,
    asked: argparse.Namespace,
) -> int:
    """Run some rounds on one store and one cluster; return how many things were wrong."""
    wrong = 0
    world = World(folder, network, store)
    try:
        for _ in range(BLOCK):
            if asked.rounds <= 0 or time.monotonic() >= asked.until:
                break
            asked.rounds -= 1
            found = rounds.run(world, journal, asked.seed, asked.kinds, asked.search, asked.most)
            wrong += len(found)
            print(_line(journal), flush=True)
            if any(each.kind == "stuck" for each in found) or (found and asked.until_found):
                # A search that is stuck holds slots, which the next round needs.
                return wrong
        wrong += rounds.end(world, journal)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[-500:]
        number = journal.next_round
        journal.note("broken", round=number, store=store, why=why)
        print(f"round {number} on {store} was broken off: {why}", flush=True)
        traceback.print_exc()
        logs = (folder / f"{name}.log" for name in (DATABASE, TWIN, "ray"))
        for log in (*logs, *world.store.logs):
            text = log.read_text(errors="replace")[-4000:] if log.exists() else ""
            print(f"--- {log}", text, sep="\n", file=sys.stderr)
    finally:
        world.close()
    return wrong


def _line(journal: Journal) -> str:
    """Return the last round for people."""
    line = journal.rounds[-1]
    said = [
        f"round {line['round']}: {line['store']}, {line['search']}, {line['mode']}, "
        f"{sum(line['struck'].values())} faults in {line['seconds']} s; attempts "
        f"{line['attempts']}; {sum(journal.counts().values())} faults in all"
    ]
    said += [f"    {each['kind']}: {each['what']}" for each in line["findings"]]
    return "\n".join(said)


def _sweep() -> None:
    """Remove networks of campaigns that were killed."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        names = re.findall(rf"^({TAG}(\d+))-head", ip("netns", "list"), re.MULTILINE)
        for tag, pid in names:
            if not lives(int(pid)):
                Network(tag, HOSTS).remove()


if __name__ == "__main__":
    main()
