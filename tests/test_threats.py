"""Each asset of docs/threats.md is held by tests that there are."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "threats.md"
ASSETS = (
    *("results", "passwords", "hosts", "checkpoints", "dumps", "logs", "token", "metrics"),
    *("terminals", "dashboard", "workers"),
)
"""Words of which each begins or names an asset of the table."""


def rows(text):
    """Return the cells of each asset's row."""
    table = re.findall(r"(?m)^\| (?!asset|---)(.+) \|$", text)
    return [row.split(" | ") for row in table]


def names_of_tests():
    """Return the names of all tests there are."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def unknown(text, known):
    """Return the tests that a text names and that there aren't."""
    return sorted(set(re.findall(r"`(test_\w+)`", text)) - known)


def test_every_asset_is_held_by_tests_that_exist():
    text = DOCUMENT.read_text()
    found = rows(text)
    assert len(found) > 12
    for asset, default, production, held in found:
        assert default, asset
        assert production, asset
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", held), asset
    assert unknown(text, names_of_tests()) == []
    named = " ".join(row[0] for row in found)
    assert [word for word in ASSETS if word not in named] == []


def test_a_test_that_does_not_exist_is_found():
    assert unknown("held by `test_nothing_at_all`", names_of_tests()) == ["test_nothing_at_all"]
