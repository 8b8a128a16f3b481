"""Sources of objectives, rules, networks and data sets on a worker: found, checked, imported.

A source is looked for where the driver has shipped it, then under the path that it had where the
search was submitted, then among the installed modules. Only one with the submitted hash is
imported: a worker never evaluates another version than was submitted.
"""

import importlib
import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search
from alignsearch.search.documents.definition import StoredSource
from alignsearch.search.documents.errors import NoRoomError, SourceError
from alignsearch.spaces.definition import Definition, Source
from alignsearch.spaces.definitions import SHIPPED, definition_of
from alignsearch.spaces.source_files import (
    import_failure,
    import_file,
    imported_packages,
    outermost_package,
    source_hash,
    top_names,
)
from alignsearch.workers.room import lacks_room

SHIPPED_PREFIX = "alignsearch_source_"
"""Beginning of the name of a shipped folder. The rest is a part of the source's hash, so that the
folder, whose parent Ray puts before all other modules, hides no module."""

_imported: dict[tuple[str | None, str, str | None], ModuleType] = {}
"""Imported modules by the path, the address and the hash of their sources."""


def shipped_name(sha256: str) -> str:
    """Return the name of the folder in which a source with this hash is shipped."""
    return f"{SHIPPED_PREFIX}{sha256[:16]}"


def shipped_folder(sha256: str) -> Path | None:
    """Return the folder with the source of this hash that the driver has shipped here, if any."""
    for folder in sys.path:
        shipped = Path(folder) / shipped_name(sha256)
        if shipped.is_dir():
            return shipped
    return None


def function_of(search: Search, warn: Callable[[str], None]) -> Callable[..., Any]:
    """Return the function that the search evaluates.

    Args:
        search: the search.
        warn: called, when the source is first imported here, with a sentence about packages whose
            versions are others than where the search was submitted.

    Raises:
        SourceError: its source is not on this host, isn't the submitted one, or can't be imported.
    """
    definition = search.definition
    if definition is None or definition.source.kind == "session":
        raise SourceError(
            f"search {search.name!r} evaluates a function of the Python process that submitted it: "
            "run its script or notebook again"
        )
    module = _module(search, definition.source, warn)
    # The definition's own objective, wherever its module has it from; or the named function.
    for address in (definition.source.address, definition.objective.address):
        function = _objective(module, address.rpartition(":")[2])
        if function is not None:
            return function
    raise SourceError(
        f"search {search.name!r} can't be evaluated on {socket.gethostname()}: {module.__file__} "
        f"has no function {definition.objective.address.rpartition(':')[2]!r}"
    )


def definition_of_training(search: Search, warn: Callable[[str], None]) -> Definition:
    """Return the definition of a search that trains, with its function and its rule.

    Args:
        search: the search.
        warn: as `function_of`.

    Raises:
        SourceError: its source is not on this host, isn't the submitted one, or can't be imported.
    """
    stored = search.definition
    if stored is None or stored.source.kind == "shipped":
        return SHIPPED[search.space if stored is None else stored.source.address]
    found = object_of(search, stored.source, warn)
    definition = definition_of(found, stored.source.address.rpartition(":")[2])
    return replace(definition, source=_as_source(stored.source))


def object_of(search: Search, source: StoredSource, warn: Callable[[str], None]) -> Any:
    """Return the object at a source's address: a definition, or a network's or data set's function.

    Args:
        search: the search, for messages.
        source: where it comes from.
        warn: as `function_of`.

    Raises:
        SourceError: its source is not on this host, isn't the submitted one, or can't be imported.
    """
    found: Any = _module(search, source, warn)
    for part in source.address.rpartition(":")[2].split("."):
        found = getattr(found, part, None)
    if found is None:
        raise SourceError(
            f"search {search.name!r} can't be evaluated on {socket.gethostname()}: there is no "
            f"{source.address} any more once it is imported"
        )
    return found


def _as_source(stored: StoredSource) -> Source:
    path = None if stored.path is None else Path(stored.path)
    return Source(stored.kind, stored.address, path, stored.sha256, stored.packages, stored.beside)


def _objective(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """Return the objective of a definition in a module, or the function of this name, if any."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    try:
        objective = definition_of(found, name).objective
    except ConfigurationError:
        objective = found
    return objective if callable(objective) else None


def _module(search: Search, source: StoredSource, warn: Callable[[str], None]) -> ModuleType:
    key = (source.path, source.address, source.sha256)
    if key not in _imported:
        path = _found(search, source)
        try:
            _imported[key] = _import(source, path)
            _check_none_hidden(source, path)
        except (ConfigurationError, ImportError) as error:
            if lacks_room(error):
                raise NoRoomError(
                    f"the objective of search {search.name!r} can't be imported on "
                    f"{socket.gethostname()}, which is short of memory, disk or open files: {error}"
                ) from error
            raise SourceError(
                f"the objective of search {search.name!r} can't be imported on "
                f"{socket.gethostname()}: {error}; mend that there, and `alignsearch resume "
                f"{search.name}`"
            ) from error
        changed = _other_versions(source.packages, imported_packages(path, source.beside))
        if changed:
            warn(
                f"packages on {socket.gethostname()} are others than where the search was "
                f"submitted: {changed}"
            )
    return _imported[key]


def _import(source: StoredSource, path: Path) -> ModuleType:
    if source.kind == "file":
        return import_file(path)
    package = outermost_package(path)
    folder = str((package or path).parent)
    if folder not in sys.path:
        # After all that is installed: a shipped or a shared module hides no other.
        sys.path.append(folder)
    name = source.address.partition(":")[0]
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(import_failure(f"module {name}", error)) from error
    if module.__file__ is None or Path(module.__file__).resolve() != path.resolve():
        raise ConfigurationError(
            f"another module hides {path}: {name} is {module.__file__} here; rename one"
        )
    return module


def _check_none_hidden(source: StoredSource, path: Path) -> None:
    """Refuse another module in the place of one beside the source, which comes last.

    Raises:
        ConfigurationError: there is one.
    """
    own = {(path.parent / each).resolve() for each in source.beside}
    for name in sorted(top_names(source.beside)):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and Path(file).resolve() not in own:
            raise ConfigurationError(
                f"another module hides {path.parent / name}: {name} is {file} here; rename one"
            )


def _found(search: Search, source: StoredSource) -> Path:
    """Return the path of the source that has the submitted hash.

    Raises:
        SourceError: there is none on this host.
    """
    others = []
    for path in _candidates(source):
        if _hash_here(path, source) == source.sha256:
            return path
        others.append(path)
    where = socket.gethostname()
    if others:
        whole = ", with ".join([str(others[0]), *source.beside])
        raise SourceError(
            f"the source of search {search.name!r} has changed: {whole} on {where} is not the "
            f"version that was submitted (sha256 {(source.sha256 or '')[:12]}); bring that version "
            f"back and `alignsearch resume {search.name}`, or submit the new one as a new search"
        )
    raise SourceError(
        f"the source of search {search.name!r} is not on {where}: neither {source.path} nor a "
        f"module {source.address.partition(':')[0]!r}; copy it there or install it, and "
        f"`alignsearch resume {search.name}`"
    )


def _hash_here(path: Path, source: StoredSource) -> str | None:
    """Return the hash of the source at a place; None if a file that belongs to it is missing."""
    if any(not (path.parent / each).is_file() for each in source.beside):
        return None
    return source_hash(path, source.beside)


def _candidates(source: StoredSource) -> Iterator[Path]:
    """Yield the places of the source that exist here."""
    shipped = None if source.sha256 is None else shipped_folder(source.sha256)
    original = None if source.path is None else Path(source.path)
    if shipped is not None and original is not None:
        # A package may have several files of this name: the one that lies deepest like it.
        alike = sorted(shipped.rglob(original.name), key=lambda it: -_alike(it, original))
        alone = shipped / original.name
        yield from [alone] if alone.is_file() else alike[:1]
    if original is not None and original.is_file():
        yield original
    if source.kind == "module":
        try:
            spec = importlib.util.find_spec(source.address.partition(":")[0])
        except Exception:
            # A package that raises as it is imported is told of when the module itself is.
            spec = None
        if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
            yield Path(spec.origin)


def _alike(one: Path, other: Path) -> int:
    """Return how many parts at their ends two paths share."""
    same = 0
    for left, right in zip(reversed(one.parts), reversed(other.parts), strict=False):
        if left != right:
            break
        same += 1
    return same


def _other_versions(submitted: Mapping[str, str], here: Mapping[str, str]) -> str:
    return "; ".join(
        f"{name} is {here.get(name, 'absent')} and was {version}"
        for name, version in submitted.items()
        if here.get(name) != version
    )
