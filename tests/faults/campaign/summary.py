"""The campaign's table for people: faults by kind and store, and what was wrong after them."""

import platform
from collections import Counter
from pathlib import Path

from campaign.journal import COUNTED, Journal
from campaign.kinds import KINDS
from campaign.stores import STORES
from campaign.targets import EACH, TARGETS

TABLE = Path("docs") / "faults.md"

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


def mutations(journal: Journal) -> str:
    """Return the last result of each program with a fault built in, as Markdown."""
    last = {line["mutation"]: line for line in journal.lines if line["what"] == "mutation"}
    if not last:
        return ""
    lines = [
        "Programs with one fault built in (`make chaos-mutations`), and what the oracle found:",
        "",
        "| fault built in | store | found | after faults | first finding |",
        "|---|---|---|---:|---|",
    ]
    lines += [
        f"| {each['mutation']} | {each['store']} | {each['found'] or 'nothing'} | "
        f"{each['faults']} | {each['first']} |"
        for each in last.values()
    ]
    return "\n".join(lines)


def report(journal: Journal) -> str:
    """Return the whole document."""
    counts = journal.counts()
    done = sum(counts.values())
    ended = journal.attempts()
    spent = sum(ended[each] for each in SPENT)
    enough = sum(counts[key] >= wanted for key, wanted in TARGETS.items())
    hours = sum(sum(line["seconds"]) for line in journal.rounds) / 3600
    outcomes = ", ".join(f"{n} {outcome.replace('_', ' ')}" for outcome, n in ended.most_common())
    searched = Counter(line["search"] for line in journal.rounds)
    kinds = ", ".join(f"{n} of a {name}" for name, n in searched.most_common())
    mended = journal.mended()
    wrong = [
        f"- round {line['round']} on {line['store']}: {each['kind']}: {each['what']}"
        for line, each in journal.found()
    ]
    wrong += [
        f"- round {line['round']} on {line['store']} was broken off: {line['why']}"
        for line in journal.broken
    ]
    since = [f"- round {number}: {how}" for number, how in sorted(mended.items())]
    commits = list(dict.fromkeys(line["commit"] for line in journal.rounds))
    parts = [
        "# Faults",
        "`make chaos` strikes searches on three kinds of stores, and an oracle reads the store "
        "afterwards without the program's own code (`tests/faults/campaign/`). This file is its "
        f"output, from its log `faults.jsonl`. {done} faults, {hours:.1f} h, on "
        f"{platform.machine()} with Python {platform.python_version()}; commits: "
        f"{', '.join(commits) or 'none'} (`+`: with changes of the tests).",
        f"Searches: {len(journal.rounds)} ({kinds}), on 8 slots over two hosts, each beside a twin "
        f"of its name in another database. A fault counts while the search runs and its victim has "
        "work. Up to five strike at once, each in another part of this world; the next one there "
        "strikes once a result or an epoch was recorded since the one before was repaired, or, "
        "among workers, once a worker has a trial. "
        f"Wanted: {EACH} faults of each kind on each store; {enough} of {len(TARGETS)} such cells "
        "are full.",
        table(journal),
        f"Attempts: {outcomes or 'none'}. Faults cost {spent} attempts.",
        judgement(journal),
    ]
    if wrong:
        parts.append("\n".join(["Faults that were found:", "", *wrong]))
    if since:
        parts.append("\n".join(["Done about them:", "", *since]))
    if found := mutations(journal):
        parts.append(found)
    return "\n\n".join(parts) + "\n"
