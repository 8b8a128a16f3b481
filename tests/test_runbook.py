"""The failures that docs/operating.md quotes are said by the program in these words."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("public", "search", "workers")
EXAMPLES = r"…|TPU=8|\b7\b|HOST:PORT|HOST|(?<=for) "
"""Parts of a quotation that differ each time: a number, a host, a reason that follows."""


def symptoms():
    section = (ROOT / "docs" / "operating.md").read_text().partition("## When something fails")[2]
    return re.findall(r"(?m)^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", section.partition("\n## ")[0])


def texts():
    """Yield every constant text of the sources, also the parts around what is filled in."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_the_failures_that_the_documents_explain_are_told_in_these_words():
    told = list(texts())
    quoted = [words for each in symptoms() for words in re.findall('"([^"]+)"', each)]
    assert len(symptoms()) > 10
    assert len(quoted) >= 8
    for words in quoted:
        for part in re.split(EXAMPLES, words):
            said = part.strip(" ,:")
            assert any(said in text for text in told), words
