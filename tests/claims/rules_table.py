"""The table of all learning rules at `minutes`, as docs/rules has it: `make rules-table`.

The experiment runs in build/rules with a store of its own there, and goes on where it was stopped.
Its report comes to docs/rules with the commit that made it, but for the pages that need Plotly's
script of 4 MB.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from git_commit import commit

COMMAND = Path(sys.executable).with_name("alignsearch")
ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "rules"
SHOWN = ROOT / "docs" / "rules"
KEPT = ("*.md", "*.png", "*.svg", "*.csv", "*.tex", "experiment.json")


def main() -> None:
    """Run the experiment, or take the report of the folder that is named."""
    if len(sys.argv) > 1:
        report = Path(sys.argv[1])
    else:
        WORK.mkdir(parents=True, exist_ok=True)
        subprocess.run([COMMAND, "experiment", "rules", "--out", "report"], cwd=WORK, check=True)
        report = WORK / "report"
    made_by = commit(ROOT, SHOWN)
    shutil.rmtree(SHOWN, ignore_errors=True)
    SHOWN.mkdir(parents=True)
    for pattern in KEPT:
        for path in sorted(report.glob(pattern)):
            shutil.copy(path, SHOWN)
    data = SHOWN / "experiment.json"
    document = json.loads(data.read_text())
    document["commit"] = made_by
    del document["files"]
    data.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    page = SHOWN / "report.md"
    page.write_text(page.read_text().replace("Made by `", f"Commit {made_by}. Made by `", 1))
    sys.stdout.write(f"{SHOWN.relative_to(ROOT)} has the report of commit {made_by}\n")


if __name__ == "__main__":
    main()
