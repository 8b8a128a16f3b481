"""The commit that made a result which is kept in the tree."""

import subprocess
from pathlib import Path


def commit(root: Path, results: Path) -> str:
    """Return the commit of the working tree, marked if files other than the results have changed.

    Args:
        root: the project's folder.
        results: file or folder of the results.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=True, cwd=root
        )
        return done.stdout.strip()

    others = (".", f":!{results.relative_to(root)}")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", *others)
    return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")
