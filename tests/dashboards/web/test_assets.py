"""Static files are hashed as a whole, and pages preload the modules that they import."""

import re
from pathlib import Path

import pytest

from alignsearch.dashboards.web.assets import FOLDER, Assets
from alignsearch.dashboards.web.panels import SEARCH_PANELS

PAGES = sorted(path.stem for path in (FOLDER / "pages").iterdir())


def test_a_change_of_any_file_changes_every_url(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.js").write_text("export const a = 1;\n")
    before = Assets(tmp_path)
    assert before.find(before.version, "lib/a.js").content == b"export const a = 1;\n"
    (tmp_path / "lib/a.js").write_text("export const a = 2;\n")
    after = Assets(tmp_path)
    assert after.prefix != before.prefix
    assert after.find(before.version, "lib/a.js") is None


def test_a_module_is_preloaded_with_all_that_it_imports(tmp_path):
    for name, text in {
        "pages/one.js": 'import { b } from "../lib/b.js";\nimport "../lib/c.js";\n',
        "lib/b.js": 'import * as d from "./d.js";\n',
        "lib/c.js": "",
        "lib/d.js": 'import { b } from "./b.js";\n',
        "lib/unused.js": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert Assets(tmp_path).imports_of("pages/one.js") == ["lib/b.js", "lib/c.js", "lib/d.js"]


@pytest.mark.parametrize(
    "page", ["", "searches/done", "searches/done/trials/7", "compare", "rules"]
)
def test_every_file_that_a_page_names_is_there(dashboard, page):
    html = dashboard.http.get(f"/{page}").text
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    assert any(name.endswith("/lib/dom.js") for name in named)
    for name in named:
        answer = dashboard.http.get(name)
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["cache-control"]


def test_each_panel_has_its_module(dashboard):
    assert {"search", "trial"} <= set(PAGES)
    html = dashboard.http.get("/searches/done").text
    for panel in SEARCH_PANELS:
        shown = f'id="{panel.id}" data-module="{panel.module}"' in html
        assert shown == (panel.of != "runs" and not panel.of_several)
        assert "export" in (Path(FOLDER) / f"charts/{panel.module}.js").read_text()
