"""The page that describes the store's interface, against the classes themselves."""

import ast
import inspect
import re

import alignsearch.search.store as package
from alignsearch.search.store.attempts import Attempts
from alignsearch.search.store.copies import Copies
from alignsearch.search.store.deletions import Deletions
from alignsearch.search.store.logs import Logs
from alignsearch.search.store.points import Points
from alignsearch.search.store.renames import Renames
from alignsearch.search.store.searches import Searches
from alignsearch.search.store.totals import Totals
from alignsearch.search.store.trials import Trials

PARTS = {
    "searches": Searches,
    "trials": Trials,
    "attempts": Attempts,
    "points": Points,
    "totals": Totals,
    "logs": Logs,
    "copies": Copies,
    "renames": Renames,
    "deletions": Deletions,
}


def described():
    """Each part's lines of the page: `name(parameters) -> type`."""
    found = {}
    for block in package.__doc__.split("\nstore.")[1:]:
        head, body = block.split("\n", 1)
        part, file = re.fullmatch(r"(\w+) \((\w+)\.py\)", head).groups()
        assert part == file
        lines = re.findall(r"(?m)^    (\w+\(.*?\) -> [^:]+): \S", body)
        assert len(lines) == len(re.findall(r"(?m)^    \S", body))
        found[part] = lines
    return found


def defined(kind):
    """The same, as the class defines it."""
    (body,) = [
        node
        for node in ast.parse(inspect.getsource(inspect.getmodule(kind))).body
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    ]
    lines = []
    for method in body.body:
        if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
            continue
        names = [each.arg for each in method.args.args[1:]]
        if method.args.kwonlyargs:
            names += ["*", *(each.arg for each in method.args.kwonlyargs)]
        lines.append(f"{method.name}({', '.join(names)}) -> {ast.unparse(method.returns)}")
    return lines


def test_the_page_describes_every_method_of_every_part():
    assert described() == {part: defined(kind) for part, kind in PARTS.items()}
