"""The files that docs/your-own-search.md shows, so that tests run what people copy."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "your-own-search.md"
_FILE = re.compile(
    r'^```python title="(?P<name>[^"]+)"\n(?P<code>.*?)^```$', re.DOTALL | re.MULTILINE
)


def shown_files():
    """The code of each file by its name."""
    return {each["name"]: each["code"] for each in _FILE.finditer(DOCUMENT.read_text())}


def write_shown(folder, *names):
    """Write files of the document into a folder, and return the path of the first one."""
    files = shown_files()
    for name in names:
        (folder / name).write_text(files[name])
    return folder / names[0]
