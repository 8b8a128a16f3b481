"""Refuse sentences whose first word hides what they are about; `make lint` runs this.

    python tests/words.py [FOLDER]

Docstrings, help texts, descriptions of fields, comments and the sentences of Markdown begin with
the thing that they describe. The words below begin a clause instead, whose subject the reader has
to look for.
"""

import ast
import io
import os
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
REFUSED = re.compile(r"(?:\A[\W_]*|[a-z)`\"]\.\s+)(Of|What|Such|Whoever|Whether)\b")
"""A word that hides the subject, where a text begins or behind the end of a sentence."""
KEYWORDS = {"help", "short_help", "epilog", "description", "summary"}
"""Arguments of typer's, pydantic's and FastAPI's functions that a user gets to read."""
SKIPPED = {".git", ".venv", "build", "dist", "node_modules", "lib"}
"""Folders whose texts are not ours."""

Text = tuple[int, str]
"""A line number and what is written there."""


def constant(node: ast.AST) -> str | None:
    """Return the text that an expression begins with, if it is a text."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return constant(node.values[0])
    if isinstance(node, ast.BinOp):
        return constant(node.left)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def comments(source: str) -> Iterator[Text]:
    """Yield Python's comments, each as one text however many lines it has."""
    begun, said, last = 0, "", 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text, line = token.string.lstrip("# "), token.start[0]
        if line == last + 1:
            said = f"{said} {text}"
        else:
            if said:
                yield begun, said
            begun, said = line, text
        last = line
    if said:
        yield begun, said


def python_texts(source: str) -> Iterator[Text]:
    """Yield docstrings, also those below an assignment, comments, and the texts of `KEYWORDS`."""
    yield from comments(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and (said := constant(node.value)) is not None:
            yield node.lineno, said
        elif (
            isinstance(node, ast.keyword)
            and node.arg in KEYWORDS
            and (said := constant(node.value)) is not None
        ):
            yield node.value.lineno, said


def script_texts(source: str) -> Iterator[Text]:
    """Yield the comments of JavaScript: each block, and the first of adjoining line comments."""
    before = ""
    for number, line in enumerate(source.splitlines(), 1):
        found = re.match(r"\s*(?://|/\*+)\s*(.*)", line)
        if found and not re.match(r"\s*//", before):
            yield number, found[1]
        elif re.match(r"\s*/\*+\s*$", before):
            yield number, line.strip(" *")
        before = line


def paragraphs(source: str) -> Iterator[Text]:
    """Yield the headings and the paragraphs of a Markdown document, without its blocks of code."""
    begun, said, in_code = 0, "", False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        fence = line.lstrip().startswith("```")
        in_code ^= fence
        heading = re.match(r"#+ (.*)", line)
        if fence or in_code or heading or not line.strip():
            if said:
                yield begun, said
            begun, said = 0, ""
            if heading and not in_code:
                yield number, heading[1]
        else:
            begun, said = begun or number, f"{said}\n{line}" if said else line


READERS = {".py": python_texts, ".js": script_texts, ".mjs": script_texts, ".md": paragraphs}


def sources(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder whose texts are ours."""
    for place, folders, files in os.walk(folder):
        # The environment alone holds a hundred times more files than ours.
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(files):
            if Path(name).suffix in READERS and not name.startswith("."):
                yield Path(place, name)


def refused(path: Path) -> list[Text]:
    """Return the texts of one file that begin with a refused word."""
    texts = READERS[path.suffix](path.read_text())
    return [(number, said) for number, said in texts if REFUSED.search(said)]


def main() -> int:
    """Print each refused text and the count by folder; return the exit code."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    counts: Counter[str] = Counter()
    for path in sources(folder):
        name = path.relative_to(folder)
        for number, said in refused(path):
            counts[str(name.parent)] += 1
            print(f"{name}:{number}: {said.strip().splitlines()[0][:80]}")
    for place, count in sorted(counts.items()):
        print(f"{count:5} {place}")
    if counts:
        words = "Of, What, Such, Whoever or Whether"
        print(f"{counts.total()} texts begin with {words}: name the thing first")
    return int(bool(counts))


if __name__ == "__main__":
    sys.exit(main())
