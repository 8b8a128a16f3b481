"""Make a tree of links in which the folders have their installed names, for tools like mypy.

    python tests/names.py FOLDER

In FOLDER, `alignsearch/search` is a link to `search/`, `alignsearch/__init__.py` one to
`public/__init__.py`, and so on, as `[tool.setuptools.package-dir]` has it. A program with FOLDER
and this folder in its PYTHONPATH has this folder's code, whatever is installed.
"""

import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def link(names: Path) -> None:
    """Make the tree of links in `names`, which is removed first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    shutil.rmtree(names, ignore_errors=True)
    (names / "alignsearch").mkdir(parents=True)
    for name, folder in settings["package-dir"].items():
        if name == "alignsearch":
            for entry in (ROOT / folder).iterdir():
                if entry.name != "__pycache__":
                    (names / name / entry.name).symlink_to(entry)
        elif name.startswith("alignsearch."):
            (names / name.replace(".", "/")).symlink_to(ROOT / folder)


if __name__ == "__main__":
    link(Path(sys.argv[1]).resolve())
