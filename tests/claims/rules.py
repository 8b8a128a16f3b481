"""Make the table "Learning rules on digits" of docs/measurements.md: `make rules-on-digits`.

Every row is trained by `alignsearch train` under a few seeds. A run whose loss becomes infinite or
NaN counts with the error of guessing, and the table says how many there are. The same command again
continues where it was stopped.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from alignsearch.search.reports.means import mean_of

COMMAND = Path(sys.executable).with_name("alignsearch")
FOLDER = Path("claims/rules-on-digits")

ROWS = {
    "backpropagation": ("bp",),
    "SA": ("sa",),
    "AA": ("aa",),
    "KP": ("kp",),
    "KP, weight decay 1e-3": ("kp", "--weight-decay", "1e-3"),
    "IA": ("ia",),
    "IA, reference order": ("ia", "--weights-order", "reference"),
    "WM, paper's order": ("wm", "--weights-order", "paper"),
    "WM, reference order": ("wm", "--weights-order", "reference"),
    "WM+AD": ("wm_ad",),
    "FA": ("fa",),
}
"""Rows by their names: the rule, and its options of `alignsearch train` beside the common ones."""


def trained(name: str, seed: int, epochs: int) -> dict[str, Any]:
    """The `results.json` of a row's run."""
    rule, *options = ROWS[name]
    words = "-".join(part.strip("-") for part in (rule, *options))
    out = FOLDER / f"{words}-{epochs}-epochs-seed{seed}"
    shared = ("--dataset", "digits", "--width", "8", "--epochs", str(epochs), "--seed", str(seed))
    command = [COMMAND, "train", "--rule", rule, *options, *shared, "--out", out]
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    if code != (results["status"] == "diverged"):
        sys.exit(f"exit code {code} of {' '.join(map(str, command))}")
    return results


def row(name: str, runs: list[dict[str, Any]]) -> tuple[float, str]:
    """Mean error of a row's runs in percent, and the row as a line of the table."""
    diverged = [run for run in runs if run["status"] == "diverged"]
    errors = [
        run["final"]["chance_error" if run in diverged else "validation_error"] for run in runs
    ]
    found = mean_of([100 * error for error in errors])
    assert found.mean is not None
    sem = "" if found.sem is None else f" ± {found.sem:.1f}"
    error = f"{found.mean:.1f}{sem}"
    if diverged:
        error += f" ({len(diverged)} of {len(runs)} diverged)"
    layers = [each for run in runs if run not in diverged for each in run["epochs"][-1]["layers"]]
    angles = [layer["angle"] for layer in layers if layer["angle"] is not None]
    degrees = f"{median(angles):.0f}, {max(angles):.0f}" if angles else ""
    return found.mean, f"| {name} | {error} | {degrees} |"


def main() -> None:
    """Train all rows and print the table, the smallest error first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    rows = []
    for name in ROWS:
        runs = [trained(name, seed, asked.epochs) for seed in range(asked.seeds)]
        rows.append(row(name, runs))
        sys.stderr.write(rows[-1][1] + "\n")
    sys.stdout.write(
        f"{asked.epochs} epochs, {asked.seeds} seeds; angles: median and largest over layers and "
        "seeds\n\n| rule | error, % | angle, degrees |\n|---|---|---|\n"
    )
    sys.stdout.writelines(f"{line}\n" for _, line in sorted(rows))


if __name__ == "__main__":
    main()
