"""A hook of MkDocs: pages whose files lie beside `docs/`, and links to them."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "docker/README.md": "deployment.md",
}
"""Files of the project that are pages, and their places among the pages."""
PICTURES = "dashboards/screenshots"

_FENCE = re.compile(r'^```(\w+) title="([^"]+)"$', re.M)
"""The beginning of a program with its file's name, which Python-Markdown doesn't know."""
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that lie elsewhere in the project."""
    root = Path(config.config_file_path).parent
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=_linked(root / source, source)))
    for picture in sorted((root / PICTURES).glob("*.png")):
        place = f"{PICTURES}/{picture.name}"
        files.append(File.generated(config, place, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links of a document lead to pages; those of `PAGES` are written anew already."""
    source = f"docs/{page.file.src_uri}"
    return markdown if page.file.generated_by else _relinked(markdown, source)


def _linked(path: Path, source: str) -> str:
    return _relinked(path.read_text(), source)


def _relinked(markdown: str, source: str) -> str:
    def target(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
        return f"]({PAGES.get(path, path.removeprefix('docs/'))}"

    return _LINK.sub(target, _FENCE.sub(r"`\2`:\n\n```\1", markdown))
