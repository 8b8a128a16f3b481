"""BioTorch's table, trained by one resumable search: `make biotorch-table`.

Thirty trainings of LeNet on Fashion-MNIST: six rules, five seeds, 100 epochs. They are an ordinary
search of the folder's store, so the same command continues where it was stopped, and `alignsearch
status` and `trials` show it. Whenever it ends or is interrupted, the results so far are written to
docs/biotorch.json, each run with the commit that finished it, and the table is printed.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from git_commit import commit

from alignsearch.experiments.biotorch import PRINTED
from alignsearch.search.reports.means import mean_of

COMMAND = Path(sys.executable).with_name("alignsearch")
RESULTS = Path(__file__).resolve().parents[2] / "docs" / "biotorch.json"


def search_name(epochs: int, seeds: int) -> str:
    """Name of the search, another one for each size of the table."""
    return f"biotorch-{epochs}-epochs-{seeds}-seeds"


def asked(*arguments: str) -> Any:
    """Return what a command of alignsearch prints as JSON."""
    done = subprocess.run(
        [COMMAND, *arguments, "--json"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def finished_runs(name: str) -> list[dict[str, Any]]:
    """Return the finished runs of the search: rule, seed, errors in percent, epochs, seconds."""
    runs = []
    for trial in asked("trials", name):
        if trial["result"] is None:
            continue
        shown = asked("show", name, str(trial["tid"]))
        # Where several attempts measured an epoch, the last one counts.
        by_number = {epoch["epoch"]: epoch for epoch in shown["epochs"]}
        errors = [100 * (1 - by_number[n]["validation_accuracy"]) for n in sorted(by_number)]
        runs.append(
            {
                "rule": trial["config"]["rule"],
                "seed": trial["config"]["seed"],
                "status": trial["result"]["status"],
                "best": round(min(errors), 2) if errors else None,
                "last": round(errors[-1], 2) if errors else None,
                "epochs": len(errors),
                "seconds": round(sum(by_number[n]["seconds"] for n in by_number)),
            }
        )
    return runs


def with_commits(
    runs: list[dict[str, Any]], recorded: dict[str, Any], made_by: str
) -> list[dict[str, Any]]:
    """Return the runs with the commit that finished each.

    Args:
        runs: what `finished_runs` returns.
        recorded: the results file's content so far.
        made_by: the commit of runs that aren't recorded yet.
    """
    known = {
        (run["rule"], run["seed"]): run.get("commit", recorded.get("commit"))
        for run in recorded.get("runs", [])
    }
    return [run | {"commit": known.get((run["rule"], run["seed"]), made_by)} for run in runs]


def table(runs: list[dict[str, Any]]) -> list[str]:
    """Return the table's lines: each rule's errors beside BioTorch's."""
    lines = [
        "| rule | BioTorch, best epoch | best epoch | difference | last epoch | n |",
        "|---|---|---|---|---|---|",
    ]
    for rule, printed in PRINTED.items():
        ours = [run for run in runs if run["rule"] == rule and run["status"] == "ok"]
        if not ours:
            continue
        best, last = (mean_of([run[kind] for run in ours]) for kind in ("best", "last"))
        cells = [
            f"{each.mean:.2f}" + ("" if each.sem is None else f" ± {each.sem:.2f}")
            for each in (best, last)
        ]
        assert best.mean is not None
        lines.append(
            f"| {rule} | {printed:.2f} | {cells[0]} | {best.mean - printed:+.2f} | {cells[1]} | "
            f"{len(ours)} |"
        )
    return lines


def main() -> None:
    """Train what is missing, then write and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rules", default=",".join(PRINTED))
    parser.add_argument("--show", action="store_true", help="train nothing, show what is there")
    given = parser.parse_args()
    name = search_name(given.epochs, given.seeds)
    made_by = commit(RESULTS.parents[1], RESULTS)
    if not given.show:
        sizes = ("--epochs", str(given.epochs), "--seeds", str(given.seeds), "--name", name)
        command = [COMMAND, "experiment", "biotorch", "--scale", "paper", *sizes]
        command += ["--rules", given.rules]
        # An interrupt also reaches the command, which hands its runs back.
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run([*command, "--out", "claims/biotorch"], check=False)
    runs = finished_runs(name)
    if not given.show:
        recorded = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        before = recorded if recorded.get("search") == name else {}
        found = {"search": name, "runs": with_commits(runs, before, made_by)}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(runs)} runs of {name}, top-1 error in percent\n\n")
    sys.stdout.writelines(f"{line}\n" for line in table(runs))


if __name__ == "__main__":
    main()
