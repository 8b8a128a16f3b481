"""Source files of definitions: their import, their hash, and the packages that they import."""

import ast
import hashlib
import importlib.machinery
import importlib.util
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import CodeType, ModuleType

from alignment_core.errors import AlignSearchError, ConfigurationError

PREFIX = "alignsearch_file_"
"""Beginning of the module name of an imported file: no user's or installed module has it."""


_importing = threading.RLock()
"""Held by the thread that imports a file; a file may import another one itself."""


class _ExactLoader(importlib.machinery.SourceFileLoader):
    """Compiles the file as it is now.

    Python's cache of compiled files would take an edit within one second for no edit.
    """

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_data(self.path), self.path, "exec", dont_inherit=True)


def import_file(path: Path) -> ModuleType:
    """Import a file under a private name, so that it hides no other module, whatever its name.

    Modules beside the file can be imported by it, but after all that is installed. A file that was
    imported before is imported again only if it has changed. Its functions can be pickled by this
    private name alone, which other processes don't know: hand over the definition's address.

    Raises:
        ConfigurationError: there is no such file, or it raises as it is imported.
    """
    path = path.resolve()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    digest = hashlib.sha256(f"{path}\n".encode() + content).hexdigest()
    stem = re.sub(r"\W", "_", path.stem)
    name = f"{PREFIX}{stem}_{digest[:16]}"
    with _importing:
        if name not in sys.modules:
            _execute(name, path)
        return sys.modules[name]


def _execute(name: str, path: Path) -> None:
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    loader = _ExactLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception | SystemExit):
            failure = import_failure(str(path), error, path.parent)
            raise ConfigurationError(f"{failure}{_remedy(path, error)}") from error
        raise


def _remedy(path: Path, error: BaseException) -> str:
    """Return what to write for a file that imports its neighbours as a package's module does."""
    if not (isinstance(error, ImportError) and "no known parent package" in str(error)):
        return ""
    package = outermost_package(path)
    if package is None:
        return "; write `import NAME` for a file beside it"
    module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    return f"; write {module}:NAME, with the package installed or PYTHONPATH={package.parent}"


def import_failure(what: str, error: BaseException, folder: Path | None = None) -> str:
    """Return one line about an import that raised: the place in it, and the traceback's last line.

    Args:
        what: the file or module that was imported; its own line is named, not one of a library
            that it calls.
        error: the exception that it raised.
        folder: where a file lies; modules beside it are its own, too.
    """
    summary = traceback.TracebackException.from_exception(error)
    lines = "".join(summary.format_exception_only()).strip().splitlines()
    last = lines[-1] if isinstance(error, SyntaxError) else lines[0]
    if isinstance(error, AlignSearchError):
        # Written for people: the class's name would say nothing to them.
        last = str(error)
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        place = [what, *_own_lines(what, folder, summary.stack)][-1]
    shown = "" if place.startswith(f"{what}:") else f"{what} can't be imported: "
    return f"{shown}{place}: {last}"


def _own_lines(what: str, folder: Path | None, frames: traceback.StackSummary) -> list[str]:
    """The lines that ran in the imported file or package itself, and not in a library."""
    top = what.partition(".")[0]
    return [
        f"{frame.filename}:{frame.lineno}"
        for frame in frames
        if (
            f"/{top}/" in frame.filename or frame.filename.endswith(f"/{top}.py")
            if folder is None
            else frame.filename.startswith(f"{folder}/") and "site-packages" not in frame.filename
        )
    ]


def source_hash(path: Path, beside: Sequence[str] = ()) -> str:
    """Return the SHA-256 of a module's source, in hexadecimal.

    Args:
        path: the module's file. If it belongs to a package, the hash covers the relative paths and
            contents of all Python files of the outermost package.
        beside: paths of further files, relative to the module's folder, whose paths and contents
            the hash covers (`files_beside`).

    Raises:
        ConfigurationError: a file can't be read.
    """
    path = path.resolve()
    package = outermost_package(path)
    try:
        if package is not None:
            return _hash_of(package.parent, python_files(package))
        if beside:
            return _hash_of(path.parent, [path, *(path.parent / each for each in beside)])
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{error.filename} can't be read: {error.strerror}") from error


def _hash_of(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for each in files:
        content = each.read_bytes()
        head = f"{each.relative_to(root).as_posix()}\n{len(content)}\n"
        digest.update(head.encode(errors="surrogateescape") + content)
    return digest.hexdigest()


def files_beside(path: Path) -> tuple[str, ...]:
    """Return the files of a module's own folder that it imports, relative to the folder.

    These are modules, and all Python files of packages, that it imports by name, or that these
    import in turn. Python's and installed modules of the same name come first, as at the import. A
    file of a package has none: the package is its source.

    Args:
        path: the module's file.
    """
    path = path.resolve()
    if outermost_package(path) is not None:
        return ()
    distributions = _Distributions()
    found: dict[Path, None] = {}
    known = {path.stem, *sys.stdlib_module_names}
    waiting = [path]
    while waiting:
        for name in sorted(set(_imported_names(waiting.pop())) - known):
            known.add(name)
            files = _module_beside(path.parent, name)
            if files and distributions.of(name) is None:
                found.update(dict.fromkeys(files))
                waiting.extend(files)
    return tuple(sorted(each.relative_to(path.parent).as_posix() for each in found))


def _module_beside(folder: Path, name: str) -> list[Path]:
    """The files of a module or a package of this name in a folder; empty if it has none."""
    file = folder / f"{name}.py"
    if (folder / name / "__init__.py").is_file() or not file.is_file():
        return python_files(folder / name)
    return [file]


def outermost_package(path: Path) -> Path | None:
    """Return the folder of the outermost package that a file belongs to; None for no package."""
    found = None
    for folder in path.resolve().parents:
        if not (folder / "__init__.py").is_file():
            break
        found = folder
    return found


def python_files(package: Path) -> list[Path]:
    """Return all Python files of a package's folder, in order."""
    return sorted(path for path in package.rglob("*.py") if path.is_file())


def imported_packages(path: Path, beside: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions of what a module's source imports from elsewhere, by name.

    A distribution has its version. A module that lies beside the file and belongs to none has the
    beginning of its source's hash instead.

    Args:
        path: the module's file; if it belongs to a package, all files of the package are read.
        beside: further files of the source, relative to the module's folder.
    """
    path = path.resolve()
    package = outermost_package(path)
    files = [path, *(path.parent / each for each in beside)]
    own = {path.stem, *top_names(beside)}
    if package is not None:
        files, own = python_files(package), {package.name}
    names = {name for file in files for name in _imported_names(file)}
    names -= {*own, *sys.stdlib_module_names}
    distributions = _Distributions()
    versions: dict[str, str] = {}
    for name in sorted(names):
        others = [path.parent / f"{name}.py", path.parent / name / "__init__.py"]
        if found := distributions.of(name):
            versions[found] = metadata.version(found)
        elif near := next((each for each in others if each.is_file()), None):
            versions[name] = f"sha256:{source_hash(near)[:16]}"
    return versions


def top_names(beside: Iterable[str]) -> set[str]:
    """Return the names by which files beside a module are imported."""
    return {Path(each).parts[0].removesuffix(".py") for each in beside}


class _Distributions:
    """Installed distributions by the module that they install."""

    def __init__(self) -> None:
        self._by_module: dict[str, list[str]] | None = None

    def of(self, module: str) -> str | None:
        """Return the name of the distribution that a module belongs to; None for none."""
        try:
            # Most have the name of their module: reading all installed files takes a second.
            return metadata.distribution(module).metadata["Name"]
        except metadata.PackageNotFoundError:
            pass
        if self._by_module is None:
            self._by_module = {k: list(v) for k, v in metadata.packages_distributions().items()}
        return next(iter(sorted(self._by_module.get(module, []))), None)


def _imported_names(file: Path) -> Iterator[str]:
    """The outermost names of the modules that a file imports absolutely."""
    try:
        nodes: Iterable[ast.AST] = ast.walk(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError, ValueError):
        # A file of a package that nobody imports may be for another Python.
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]
