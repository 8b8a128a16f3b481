"""The campaign's table for people: faults by kind and store, and what was wrong after them."""

import platform
import subprocess
from collections import Counter
from pathlib import Path

from campaign.journal import COUNTED, Journal
from campaign.kinds import KINDS
from campaign.stores import STORES
from campaign.targets import EACH, TARGETS

SPENT = ("crashed", "expired")
"""Outcomes that cost an attempt."""


def table(journal: Journal) -> str:
    """Return the table as Markdown."""
    counts = journal.counts()
    lines = [
        f"| fault | {' | '.join(STORES)} |",
        f"|---|{'---:|' * len(STORES)}",
    ]
    for kind in KINDS:
        cells = [str(counts[kind, store]) if (kind, store) in TARGETS else "" for store in STORES]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    sums = [str(sum(n for (_, of), n in counts.items() if of == store)) for store in STORES]
    lines.append(f"| all | {' | '.join(sums)} |")
    return "\n".join(lines)


def judgement(journal: Journal) -> str:
    """Return what was wrong, by kind and store, as Markdown."""
    lines = [f"| found | {' | '.join(STORES)} |", f"|---|{'---:|' * len(STORES)}"]
    by_store: dict[str, Counter[str]] = {store: Counter() for store in STORES}
    for line, each in journal.found():
        by_store[line["store"]][each["kind"]] += 1
    lines += [
        f"| {kind} | {' | '.join(str(by_store[store][kind]) for store in STORES)} |"
        for kind in COUNTED
    ]
    return "\n".join(lines)


def report(journal: Journal, mutations: str = "") -> str:
    """Return the whole document."""
    counts = journal.counts()
    done = sum(counts.values())
    ended = journal.attempts()
    spent = sum(ended[each] for each in SPENT)
    enough = sum(counts[key] >= wanted for key, wanted in TARGETS.items())
    hours = sum(line["seconds"] for line in journal.rounds) / 3600
    outcomes = ", ".join(f"{n} {outcome.replace('_', ' ')}" for outcome, n in ended.most_common())
    searched = Counter(line["search"] for line in journal.rounds)
    kinds = ", ".join(f"{n} of a {name}" for name, n in searched.most_common())
    wrong = [
        f"- round {line['round']} on {line['store']}: {each['kind']}: {each['what']}"
        for line, each in journal.found()
    ]
    parts = [
        "# Faults",
        "`make chaos` strikes searches on three kinds of stores, and an oracle reads the store "
        "afterwards without the program's own code (`tests/faults/campaign/`). This file is its "
        f"output. {done} faults, {hours:.1f} h, on commit {_commit()} and "
        f"{platform.machine()} with Python {platform.python_version()}.",
        f"Searches: {len(journal.rounds)} ({kinds}), on 8 slots over two hosts, each beside a twin "
        f"of its name in another database. Wanted: {EACH} faults of each kind on each store; "
        f"{enough} of {len(TARGETS)} such cells are full.",
        table(journal),
        f"Attempts: {outcomes or 'none'}. Faults cost {spent} attempts.",
        judgement(journal),
    ]
    if wrong:
        parts.append("\n".join(["Faults that were found:", "", *wrong]))
    if mutations:
        parts.append(mutations)
    return "\n\n".join(parts) + "\n"


def _commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
        text=True,
    )
    return said.stdout.strip() or "unknown"
