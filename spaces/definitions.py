"""Finding a definition by its address.

| address               | the definition                                                         |
|-----------------------|------------------------------------------------------------------------|
| `ia`                  | one that ships with this program                                       |
| `name`                | one that an installed package adds by an entry point                   |
| `package.module:name` | the object `name` of an importable module                              |
| `file.py:name`        | the object `name` of a file, whatever the file is called               |

The object is a `Definition`, an object with one as its attribute `definition` (as
`alignsearch.Search` has), a learning rule (a subclass of `alignment_core.Alignment`, searched as
`spaces.fair` does), a `SearchSpace`, or a HyperOpt expression. The last two are spaces without an
objective.
"""

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.definition import TRAINING, Definition, Source
from alignsearch.spaces.fair import FAIR, own_rule_definition
from alignsearch.spaces.feedback import FEEDBACK_LABELS, FEEDBACK_SPACES, FeedbackTraining
from alignsearch.spaces.source_files import (
    files_beside,
    import_failure,
    import_file,
    imported_packages,
    source_hash,
)
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import LABELS, TABLE
from alignsearch.spaces.training import PublishedTraining, weight_mirror_advice

__all__ = [
    "ENTRY_POINTS",
    "SHIPPED",
    "definition_of",
    "find_definition",
    "find_object",
    "import_file",
    "installed_names",
    "source_hash",
    "source_of",
    "stem_of",
]

ENTRY_POINTS = "alignsearch.definitions"
"""Group of the entry points by which packages add definitions."""

SHIPPED: Mapping[str, Definition] = (
    {
        name: Definition(
            space=space,
            objective=TRAINING,
            training=PublishedTraining(space.learning_rule),
            rule=space.learning_rule,
            metric="validation_error",
            table=TABLE,
            labels=LABELS,
            title=space.title,
            advice=weight_mirror_advice if name == "wm" else None,
            source=Source("shipped", name),
        )
        for name, space in SPACES.items()
    }
    | {
        name: Definition(
            space=space,
            objective=TRAINING,
            training=FeedbackTraining(space.learning_rule),
            rule=space.learning_rule,
            metric="validation_error",
            labels=FEEDBACK_LABELS,
            title=space.title,
            source=Source("shipped", name),
        )
        for name, space in FEEDBACK_SPACES.items()
    }
    | {name: replace(each, source=Source("shipped", name)) for name, each in FAIR.items()}
)
"""The definitions that ship with this program: the paper's four searches, other rules', and those
in which all rules are compared."""


def installed_names() -> list[str]:
    """Return the names of the definitions that installed packages add by entry points."""
    return sorted({point.name for point in metadata.entry_points(group=ENTRY_POINTS)})


def find_definition(address: str) -> Definition:
    """Return the definition at an address, with its source.

    Raises:
        UnknownNameError: nothing has this name, or the module or file has no such name in it.
        ConfigurationError: there is no such module or file, it raises as it is imported, or the
            object is no space that can be searched; the message is one line.

    Example:
        >>> find_definition("mirror.py:search").space
    """
    if address in SHIPPED:
        return SHIPPED[address]
    if ":" not in address:
        return _installed(address)
    value, source = _found(address)
    return _defined(value, address, source)


def find_object(address: str) -> tuple[Any, Source]:
    """Return the object at `file.py:name` or `package.module:name`, with its source.

    Raises:
        UnknownNameError: the module or file has no such name in it.
        ConfigurationError: there is no such module or file, or it raises as it is imported.

    Example:
        >>> network, source = find_object("mynet.py:network")
    """
    value, source = _found(address)
    return value, source()


def _found(address: str) -> tuple[Any, Callable[[], Source]]:
    """Return the object at an address, and a function that reads its source."""
    where, _, name = address.rpartition(":")
    if not (where and name):
        raise ConfigurationError(
            f"{address} is no address of a definition: write file.py:name or package.module:name"
        )
    if _is_file(where):
        return _object(import_file(_existing(where, name)), name, "file", address)
    return _object(_module(where, name), name, "module", address)


def definition_of(value: Any, name: str) -> Definition:
    """Return what a module's object defines, without a source.

    Args:
        value: a `Definition`, an object with one as its attribute `definition`, a subclass of
            `alignment_core.Alignment`, a `SearchSpace`, or a HyperOpt expression.
        name: the object's name, which names the space of an expression.

    Raises:
        ConfigurationError: it is none of these, or no space that can be searched.
    """
    if isinstance(value, Definition):
        return value
    if isinstance(getattr(value, "definition", None), Definition):
        defined: Definition = value.definition
        return defined
    if isinstance(value, SearchSpace):
        return Definition(space=value)
    # TensorFlow takes seconds to import, and whoever has a rule has imported it.
    rules = sys.modules.get("alignment_core.rules.alignment")
    if rules and isinstance(value, type) and issubclass(value, rules.Alignment):
        return own_rule_definition(value)
    # HyperOpt takes a second to import, and whoever has an expression has imported it.
    pyll = sys.modules.get("hyperopt.pyll")
    if isinstance(value, dict | list | tuple) or (pyll and isinstance(value, pyll.Apply)):
        from alignsearch.spaces.hyperopt_space import from_hyperopt

        return Definition(space=from_hyperopt(value, name=name))
    raise ConfigurationError(
        f"{name} is of type {type(value).__name__}, no space: name an alignsearch.Search, a "
        "learning rule, or a HyperOpt expression"
    )


def stem_of(address: str) -> str:
    """Return the beginning of automatic names for an address: `quad-search` of `quad.py:search`."""
    where, _, attribute = address.rpartition(":")
    return f"{re.split(r'[/.]', where.removesuffix('.py'))[-1]}-{attribute}"


def source_of(module: ModuleType, kind: str, address: str) -> Source:
    """Return the source of a definition in an imported module.

    Args:
        module: the module.
        kind: "module" or "file".
        address: the definition's address.

    Raises:
        ConfigurationError: the module has no Python file, or it can't be read.
    """
    # Modules that are built into Python have no file.
    file = getattr(module, "__file__", None)
    if not (file and file.endswith(".py")):
        raise ConfigurationError(f"{module.__name__} has no Python file that workers could compare")
    path = Path(file).resolve()
    beside = files_beside(path)
    return Source(
        kind="file" if kind == "file" else "module",
        address=address,
        path=path,
        sha256=source_hash(path, beside),
        packages=imported_packages(path, beside),
        beside=beside,
    )


def _installed(name: str) -> Definition:
    found = {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS)}
    if name in found:
        where, attribute = found[name].module, found[name].attr
        value, source = _found(f"{where}:{attribute}")
        return _defined(value, f"{where}:{attribute}", source)
    if _is_file(name):
        raise ConfigurationError(
            f"{name} needs the name of the definition in it: {name}:search, for example"
        )
    raise UnknownNameError("definition", name, [*SHIPPED, *found])


def _is_file(where: str) -> bool:
    return where.endswith(".py") or "/" in where


def _existing(where: str, name: str) -> Path:
    path = Path(where).expanduser()
    if path.is_file():
        return path
    near = Path(f"{where}.py")
    hint = f"; did you mean {near}:{name}?" if near.is_file() else ""
    raise ConfigurationError(f"there is no file {where} in {Path.cwd()}{hint}")


def _module(where: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise ConfigurationError(import_failure(where, error)) from error
        file = Path(*where.split(".")).with_suffix(".py")
        hint = (
            f"; for the file, write {file}:{name}"
            if file.is_file()
            else "; install it, or write file.py:name for a file"
        )
        raise ConfigurationError(f"there is no module {error.name}{hint}") from error
    except (Exception, SystemExit) as error:
        raise ConfigurationError(import_failure(where, error)) from error


def _object(
    module: ModuleType, name: str, kind: str, address: str
) -> tuple[Any, Callable[[], Source]]:
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            known = [each for each in vars(value) if not each.startswith("_")]
            raise UnknownNameError(f"object of {address.rpartition(':')[0]}", name, known)
        value = getattr(value, part)
    return value, partial(source_of, module, kind, address)


def _defined(value: Any, address: str, source: Callable[[], Source]) -> Definition:
    try:
        definition = definition_of(value, address.rpartition(":")[2])
    except ConfigurationError as error:
        raise ConfigurationError(f"{address}: {error}") from error
    if not definition.named:
        definition = replace(definition, space=replace(definition.space, name=stem_of(address)))
    return replace(definition, source=source())
