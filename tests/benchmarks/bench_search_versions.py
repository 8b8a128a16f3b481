"""Compare the throughput of this version with another checkout's, in turn.

    python tests/benchmarks/bench_search_versions.py OTHER [--rounds 7] [--empty-trials 2500]

OTHER is another version's folder in which `make setup` has run. Each round times empty trials in 60
slots (`bench_search.py throughput`) under both, the first of a round by turns, so that other load
falls on both. The last lines are the ratios of this version to the other one: their geometric mean,
and Student's interval that holds it in 95 % of such comparisons.
"""

import argparse
import math
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from scipy import stats

HERE = Path(__file__).parents[2]
FIGURES = {
    "warm": r"([\d.]+) trials/s once\s+all slots are up",
    "whole run": r"([\d.]+) with the\s+start of",
}


def measured(tree, trials):
    """Return trials a second of a version, by name of the figure."""
    folders = (tree / "tests" / each for each in ("benchmarks", "makers"))
    done = subprocess.run(
        [
            tree / ".venv" / "bin" / "python",
            tree / "tests" / "benchmarks" / "bench_search.py",
            *("throughput", "--empty-trials", str(trials)),
        ],
        env=os.environ | {"PYTHONPATH": ":".join(map(str, folders))},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {name: re.search(pattern, done.stdout) for name, pattern in FIGURES.items()}
    if not all(found.values()):
        sys.exit(f"{tree}: {done.stdout}{done.stderr}")
    return {name: float(match[1]) for name, match in found.items()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--empty-trials", type=int, default=2500)
    arguments = parser.parse_args()
    trees = {"this": HERE, "other": arguments.other.resolve()}
    ratios = {name: [] for name in FIGURES}
    for number in range(arguments.rounds):
        order = list(trees) if number % 2 else list(reversed(trees))
        rates = {name: measured(trees[name], arguments.empty_trials) for name in order}
        for name in FIGURES:
            ratios[name].append(rates["this"][name] / rates["other"][name])
        print(
            f"round {number + 1}: "
            + "; ".join(
                f"{name} {rates['this'][name]:.1f} against {rates['other'][name]:.1f} trials/s"
                for name in FIGURES
            ),
            flush=True,
        )
    for name, found in ratios.items():
        logarithms = [math.log(each) for each in found]
        middle = statistics.fmean(logarithms)
        error = statistics.stdev(logarithms) / math.sqrt(len(found))
        half = stats.t.ppf(0.975, len(found) - 1) * error
        low, high = math.exp(middle - half), math.exp(middle + half)
        print(f"{name}: {math.exp(middle):.3f} of the other version's, {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
