"""The documents build as pages without a warning, and no page is left out."""

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_documents_are_pages_whose_links_lead_somewhere(tmp_path):
    # Strict: a link or an anchor that leads nowhere is an error.
    subprocess.run(
        [Path(sys.executable).with_name("mkdocs"), "build", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        check=True,
    )
    start = (tmp_path / "index.html").read_text()
    assert 'src="dashboards/screenshots/search.png"' in start
    assert (tmp_path / "dashboards" / "screenshots" / "search.png").exists()
    programs = (tmp_path / "your-own-search" / "index.html").read_text()
    assert "```" not in programs
    assert "<code>function.py</code>:" in programs
    # Nothing is fetched from elsewhere when a page is read.
    for page in tmp_path.rglob("*.html"):
        assert 'src="http' not in page.read_text(), page


def test_every_document_is_in_the_list_of_pages():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = set(_files(nav))
    written = {path.name for path in (ROOT / "docs").glob("*.md")}
    # Tables of a report stand in its own page.
    reports = {f"{path.parent.name}/report.md" for path in (ROOT / "docs").glob("*/report.md")}
    elsewhere = {"index.md", "deployment.md", "contributing.md", "changes.md", *reports}
    assert listed == written | elsewhere


def _files(entry):
    if isinstance(entry, str):
        yield entry
    else:
        for each in entry if isinstance(entry, list) else entry.values():
            yield from _files(each)
