"""The house as its files show it: rooms, the modules in them, and what each imports."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETTINGS["package-dir"]
"""The folder of each package that does not lie where its name says."""
SCRIPTS = ROOT / "dashboards" / "static"
NOT_OURS = "lib"
"""The folder of `SCRIPTS` that holds other people's libraries."""


@cache
def named(path: Path) -> tuple[ast.Import | ast.ImportFrom | ast.FunctionDef, ...]:
    """Return the imports and the functions of a file, at its top or inside others."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    return tuple(node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


@cache
def modules() -> dict[str, Path]:
    """Return the file of every module of ours by its installed name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            *parents, stem = path.relative_to(ROOT / folder).with_suffix("").parts
            inside = parents if stem == "__init__" else [*parents, stem]
            found[".".join((package, *inside))] = path
    return found


def imported(name: str, path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules of ours that one imports, at its top or inside a function."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in named(path):
        if isinstance(node, ast.Import):
            asked = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                base = f"{above}.{base}".rstrip(".")
            # `from package import module` asks for the module, not for its package.
            whole = [f"{base}.{alias.name}" for alias in node.names]
            asked = [each if each in known else base for each in whole]
        else:
            continue
        yield from (each for each in asked if each in known and each != name)


@cache
def imports() -> dict[str, set[str]]:
    """Return what each module of ours imports of ours."""
    files = modules()
    known = set(files)
    return {name: set(imported(name, path, known)) for name, path in files.items()}


def outside_imports(path: Path) -> set[str]:
    """Return the names of the distributions' packages that a file imports."""
    found = set()
    for node in named(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def script_imports() -> dict[str, set[str]]:
    """Return the scripts of ours that each script of the dashboard imports."""
    files = {str(path.relative_to(SCRIPTS)): path for path in SCRIPTS.rglob("*.js")}
    found = {}
    for name, path in files.items():
        if NOT_OURS in Path(name).parts:
            continue
        asked = re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", path.read_text())
        places = [(path.parent / each).resolve() for each in asked]
        inside = {str(each.relative_to(SCRIPTS)) for each in places if SCRIPTS in each.parents}
        found[name] = inside & files.keys()
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of nodes that reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            group, stack[at:] = stack[at:], []
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found
